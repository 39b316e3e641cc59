"""The page to hand out: one HTML file about student geometry, with things to drag.

`document` makes it from `training`, the small runs that it shows; the file loads
nothing from a network. `simgeo page` writes it. It needs the extra `page`.
"""
