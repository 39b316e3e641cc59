"""The documentation site; `make docs` builds it."""

import importlib.metadata
import importlib.resources
import os
import sys
from pathlib import Path
from typing import Union

from sphinx.ext.autodoc.mock import _MockObject

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

project = "simgeo"
author = "The simgeo developers"
release = importlib.metadata.version("simgeo")
copyright = author

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "mathml",
    "docstrings",
    "signatures",
    "tables",
    "written",
    "first_picture",
    "teaching_page",
    "self_contained",
]
exclude_patterns = ["_build", "_ext"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!simgeo\.).*"),  # of other packages
    ("py:class", r"simgeo\.(engine|problems|sweep)\._[a-z]+\..*"),  # not public
]

html_theme = "furo"
html_title = "simgeo"
# Formulas are MathML, for which not every machine has a font: this one comes with a
# package, under the SIL Open Font License.
FONT = importlib.resources.files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"
html_static_path = ["_static", str(FONT)]
html_css_files = ["simgeo.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_timeout = 1800  # of a cell, for machines that have other work too
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_execution_in_temp = True
nb_render_markdown_format = "myst"
nb_output_stderr = "warn"  # and so fails: a page is not to show a library's complaints
# Of the kernels, and for the size of their figures.
os.environ["MATPLOTLIBRC"] = str(HERE / "matplotlibrc")
# Most of what a small experiment costs is its compilation.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

autodoc_mock_imports = ["torch"]  # it is large, and the help is read without it
# The stand-in for it is to be one of several types too, as in `torch.Tensor | None`.
_MockObject.__or__ = lambda self, other: Union[self, other]  # noqa: UP007
_MockObject.__ror__ = lambda self, other: Union[other, self]  # noqa: UP007
autodoc_member_order = "bysource"
maximum_signature_line_length = 80
