"""Puts the page to hand out beside the site, as page.html."""

import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parents[2]


def write(app: Sphinx) -> None:
    """Written anew where its code is younger; it takes a minute or two."""
    if app.builder.format != "html":
        return
    page = Path(app.outdir, "page.html")
    code = max(
        path.stat().st_mtime for path in ROOT.joinpath("simgeo_apps/page").iterdir()
    )
    if page.is_file() and page.stat().st_mtime > code:
        return
    page.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "simgeo", "page", str(page)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if made.returncode:
        raise ExtensionError(f"`simgeo page` failed: {made.stderr.strip()}")


def setup(app: Sphinx) -> dict:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
