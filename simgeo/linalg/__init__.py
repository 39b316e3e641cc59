"""Linear algebra that is safe to differentiate and that runs on every device.

Nothing here calls LAPACK: on several CPU devices, above all in a loop, batched calls
deadlock, and they slow down by orders of magnitude when other work shares the cores
(seen with JAX 0.10). Matrix products do neither.
"""

from simgeo.linalg.elementary import centre as centre
from simgeo.linalg.elementary import cosines as cosines
from simgeo.linalg.elementary import gram as gram
from simgeo.linalg.elementary import middle as middle
from simgeo.linalg.elementary import safe_divide as safe_divide
from simgeo.linalg.elementary import safe_sqrt as safe_sqrt
from simgeo.linalg.elementary import shared as shared
from simgeo.linalg.elementary import squared_norm as squared_norm
from simgeo.linalg.elementary import unit_rows as unit_rows
from simgeo.linalg.factors import inverse_root as inverse_root
from simgeo.linalg.factors import isometry as isometry
from simgeo.linalg.factors import nuclear_norm as nuclear_norm
from simgeo.linalg.factors import ridge_solution as ridge_solution
from simgeo.linalg.factors import root_fidelity as root_fidelity
from simgeo.linalg.polar import AxisName as AxisName
from simgeo.linalg.polar import polar_factor as polar_factor
from simgeo.linalg.polar import total as total
