"""The import order, read from the sources: a module sees only the modules listed."""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

PACKAGE = Path(__file__).parent.parent / "simgeo"
PRODUCTS = PACKAGE.with_name("simgeo_apps")  # use the package from outside

_FOUR = {"teachers", "students", "objectives", "measures"}
ALLOWED = {
    # Below all, and imported by any.
    "checks": set(),
    "_on_demand": set(),
    "linalg": set(),
    "functional": {"linalg"},
    "frames": set(),
    "limits": {"linalg", "frames"},
    "subsets": {"linalg", "limits"},
    # What is optimised and what is measured do not import one another.
    **dict.fromkeys(_FOUR, {"linalg", "limits", "subsets"}),
    "measures": {"linalg", "settings"},  # for the words of an error
    "teachers": {"linalg", "frames", "limits", "subsets"},
    "objectives": {"linalg", "functional", "limits", "subsets"},
    "theory": {"linalg", "limits", *_FOUR},
    "torch": {"linalg", "functional", "objectives"},
    "settings": set(),
    "optimisers": {"settings"},
    "descent": set(),
    "datasets": set(),
    "networks": set(),
    "problems": {
        *("linalg", "limits", "subsets", *_FOUR, "optimisers", "settings"),
        *("descent", "datasets", "networks"),
    },
    "calibration": {"linalg", "measures"},
    # It knows nothing of vectors.
    "engine": {"settings", "optimisers", "problems", "descent"},
    "results": {"settings"},
    "sweep": {"settings", "problems", "engine", "results"},
    "readouts": set(),
    "stats": set(),
    "plots": {"stats"},
}
ANYTHING = {"cli", "__init__", "__main__"}  # but nobody may import these

# A figure is redrawn, and the command answers `--help`, without waiting for jax.
WITHOUT_JAX = ("checks", "settings", "results", "readouts", "stats", "plots", "cli")
FRAMES_ONLY = {"stats", "plots"}
HEAVY = {"jax", "pandas", "xarray", "netCDF4", "matplotlib"}
TOLD = "how far a sweep is"
NEEDS_JAX = {"jax", "jaxlib", "equinox", "optax"}

SOURCES = sorted(PACKAGE.rglob("*.py"))
PRODUCT_SOURCES = sorted(PRODUCTS.rglob("*.py"))


def layer(path: Path) -> str:
    """The top-level module that a source file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST, path: Path) -> Iterator[str]:
    """Dotted names of all imports, wherever they stand; `from a import b` is `a.b`."""
    package = path.relative_to(PACKAGE.parent).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*above, *filter(None, [node.module])))
            yield from (f"{source}.{alias.name}" for alias in node.names)


def faults(source: str, path: Path) -> list[str]:
    """What the file imports and may not."""
    here = layer(path)
    found = []
    for name in imported(ast.parse(source), path):
        top, _, rest = name.partition(".")
        # `import simgeo` and `from simgeo import *` would let everything in.
        target = rest.partition(".")[0]
        if top == "simgeo" and target != here and here not in ANYTHING:
            if target not in ALLOWED[here] | {"checks", "_on_demand"}:
                found.append(name)
        if top in NEEDS_JAX and here in FRAMES_ONLY or top == PRODUCTS.name:
            found.append(name)
    return found


def product_faults(source: str, path: Path) -> list[str]:
    """What a file of a product imports and may not: private modules, other products."""
    here = path.relative_to(PRODUCTS).parts[0]
    names = [name.split(".") for name in imported(ast.parse(source), path)]
    return [
        ".".join(parts)
        for parts in names
        if parts[0] == PACKAGE.name
        and any(part.startswith("_") for part in parts)
        or parts[0] == PRODUCTS.name
        and parts[1:2] != [here]
    ]


@pytest.mark.parametrize(
    "path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_module_imports_only_from_above(path):
    assert layer(path) in ALLOWED.keys() | ANYTHING, "give the new module its layer"
    assert faults(path.read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("checks.py", "from simgeo import linalg"),
        ("linalg.py", "import simgeo"),
        ("linalg.py", "from simgeo import *"),
        ("limits/pairs.py", "import simgeo.measures as m"),
        ("measures.py", "def f():\n    from simgeo.objectives import CKA"),
        ("measures.py", "from . import objectives"),
        ("objectives/_sums.py", "from .. import linalg, measures"),
        ("objectives/_sums.py", "from ..measures import linear_cka"),
        ("engine/_run.py", "from simgeo import objectives"),
        ("results.py", "from simgeo.problems import Experiment"),
        ("problems/_cell.py", "from simgeo import engine"),
        ("results/_store.py", "from simgeo import sweep"),
        ("sweep/plan.py", "from simgeo import plots"),
        ("stats.py", "import jax.numpy as jnp"),
        ("plots/_sweep.py", "from equinox import Module"),
        ("cli/run.py", "from simgeo_apps.page import command"),
    ],
)
def test_an_import_from_below_is_seen(file, source):
    assert len(faults(source, PACKAGE / file)) == 1


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("linalg.py", "from simgeo.checks import require"),
        ("limits/pairs.py", "import jax\nfrom simgeo.linalg import gram"),
        (
            "objectives/_sums.py",
            "from simgeo.objectives._objective import About",
        ),
        (
            "objectives/_sums.py",
            "from ._objective import Learned\nfrom .. import limits",
        ),
        ("problems/_vectors.py", "from simgeo import limits, measures"),
        ("cli.py", "from simgeo import engine, plots, results"),
    ],
)
def test_an_import_from_above_passes(file, source):
    assert faults(source, PACKAGE / file) == []


@pytest.mark.parametrize(
    "path", PRODUCT_SOURCES, ids=lambda path: str(path.relative_to(PRODUCTS))
)
def test_a_product_uses_what_is_public(path):
    assert product_faults(path.read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize(
    "source",
    [
        "from simgeo.engine._run import shared_engine",
        "from simgeo.engine import _run",
        "from simgeo_apps.explorer import jobs",
        "from ..explorer import jobs",
    ],
)
def test_what_a_product_may_not_import_is_seen(source):
    assert len(product_faults(source, PRODUCTS / "page" / "charts.py")) == 1


@pytest.fixture(scope="module")
def with_jax():
    """What was imported by then, of `HEAVY`, by modules and calls that need no jax.

    One process imports them all, one after the other: what is there already can hide
    no import of jax, which would be seen there and from then on.
    """
    lines = [
        "from simgeo.cli import show_status; from simgeo import sweep",
        f"sweep.status; sweep.at_work; said({TOLD!r})",
    ]
    for name in WITHOUT_JAX:
        lines += [
            f"import simgeo.{name} as module",
            "for name in dir(module): getattr(module, name)",
            f"said('simgeo.{name}')",
        ]
    said = (
        f"import sys\nheavy = {HEAVY}\n"
        "def said(name): print(name, ','.join(sorted(heavy & {*sys.modules})), sep=':')"
    )
    run = subprocess.run(
        [sys.executable, "-c", "\n".join((said, *lines))],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return dict(line.split(":") for line in run.stdout.splitlines())


@pytest.mark.parametrize("name", WITHOUT_JAX)
def test_imports_without_jax(name, with_jax):
    assert "jax" not in with_jax[f"simgeo.{name}"].split(",")


def waited_for(source: str, path: Path) -> list[str]:
    """What takes long to import and few functions need, where the file imports it."""
    body = ast.Module(ast.parse(source).body, [])
    body.body = [
        each for each in body.body if isinstance(each, ast.Import | ast.ImportFrom)
    ]
    names = imported(body, path)
    return [name for name in names if name.startswith(("scipy.", "seaborn"))]


@pytest.mark.parametrize("layer_of", sorted(ALLOWED.keys() - {"theory", "calibration"}))
def test_parts_of_scipy_are_imported_where_they_are_called(layer_of):
    paths = [path for path in SOURCES if layer(path) == layer_of]
    assert paths
    for path in paths:
        assert waited_for(path.read_text(encoding="utf-8"), path) == [], path


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("import scipy.stats", 1),
        ("from scipy.optimize import minimize", 1),
        ("import seaborn as sns", 1),
        ("import scipy", 0),
        ("def draw():\n    import seaborn as sns", 0),
    ],
)
def test_what_is_waited_for_is_seen(source, count):
    assert len(waited_for(source, PACKAGE / "stats.py")) == count


def test_how_far_a_sweep_is_is_told_without_waiting(with_jax):
    assert with_jax[TOLD] == ""


def test_no_two_files_share_a_name():
    """`_files.py` and `files.py` are one name: an editor's tabs are told apart."""
    places = defaultdict(list)
    for path in SOURCES:
        named = path.stem not in {"__init__", "__main__"}
        if named:
            places[path.stem.lstrip("_")].append(path.relative_to(PACKAGE))
    for path in PRODUCT_SOURCES:
        if path.stem != "__init__":
            places[path.stem.lstrip("_")].append(path.relative_to(PRODUCTS))
    assert [paths for paths in places.values() if len(paths) > 1] == []
