"""Products that use simgeo and that it does not import: the page and the explorer."""
