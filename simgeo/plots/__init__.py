"""Figures from tidy frames: axes in, axes out. Imports neither jax nor simgeo."""

from simgeo.plots._animation import MOVIES as MOVIES
from simgeo.plots._animation import animate as animate
from simgeo.plots._animation import check_movie as check_movie
from simgeo.plots._animation import save_movie as save_movie
from simgeo.plots._figures import FLOOR as FLOOR
from simgeo.plots._figures import LEVELS as LEVELS
from simgeo.plots._figures import STYLES as STYLES
from simgeo.plots._figures import coherences as coherences
from simgeo.plots._figures import distance_grid as distance_grid
from simgeo.plots._figures import ends as ends
from simgeo.plots._figures import fractions as fractions
from simgeo.plots._figures import frontier as frontier
from simgeo.plots._figures import legend as legend
from simgeo.plots._figures import loss_against_geometry as loss_against_geometry
from simgeo.plots._figures import over_setting as over_setting
from simgeo.plots._figures import over_steps as over_steps
from simgeo.plots._figures import run_summary as run_summary
from simgeo.plots._layout import COLUMN as COLUMN
from simgeo.plots._layout import PAGE as PAGE
from simgeo.plots._layout import RC as RC
from simgeo.plots._layout import label as label
from simgeo.plots._layout import panels as panels
from simgeo.plots._layout import save as save
from simgeo.plots._layout import style as style
from simgeo.plots._maps import pairs_map as pairs_map
from simgeo.plots._sweep import sweep as sweep
