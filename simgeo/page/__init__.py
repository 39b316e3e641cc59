"""The page to hand out: one HTML file that tells what was found, with things to drag.

Everything on it is computed here, from small runs of our own; the file asks no network
for anything. Needs the extra `page`.
"""

from simgeo.page.document import contents as contents
from simgeo.page.document import make as make
from simgeo.page.document import render as render
from simgeo.page.runs import CELLS as CELLS
from simgeo.page.runs import Cell as Cell
