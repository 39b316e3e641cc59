"""Refuses pages that a reader without a network would see otherwise."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

OUTSIDE = r"[\"']?(?:https?:)?//[^\"' >)]+"
LOADED = re.compile(
    rf"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc={OUTSIDE}"
    rf"|<link\b(?![^>]*\brel=[\"']?canonical)[^>]*\bhref={OUTSIDE}"
    rf"|@import\b[^;]*{OUTSIDE}|\burl\({OUTSIDE}"
)
logger = logging.getLogger(__name__)


def check(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    for path in sorted((*folder.rglob("*.html"), *folder.rglob("*.css"))):
        for found in LOADED.findall(path.read_text(encoding="utf-8")):
            logger.warning(
                "%s loads from a network: %s", path.relative_to(folder), found
            )


def setup(app: Sphinx) -> dict:
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
