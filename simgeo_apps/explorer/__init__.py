"""The live explorer, a page that runs experiments while its controls are moved.

`simgeo explore` serves it; `app.py` is the page, a marimo notebook, and holds what is
shown where. What the controls mean, the runs, the pictures and the code to take away
are plain modules beside it. It needs the extra `explore`.
"""
