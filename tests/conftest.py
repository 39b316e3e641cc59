"""Shared by all tests. Nothing here imports simgeo: the hook that checks shapes is
installed after this file is read, and would come too late."""

import gc
import sys
from collections.abc import Iterator

import hypothesis
import jax
import pytest
from jaxtyping import PRNGKeyArray

jax.config.update("jax_numpy_rank_promotion", "raise")

# The first example of a property compiles, so a deadline would only measure that.
hypothesis.settings.register_profile(
    "simgeo", derandomize=True, deadline=None, database=None
)
hypothesis.settings.load_profile("simgeo")

# Tracing makes many objects, most of which need no search for cycles to be freed.
gc.set_threshold(50_000, 20, 20)

# A file is run by one process; one of these that came last would be run alone.
_LONG = (
    "test_browser_explorer",
    "test_functional",
    "test_teachers",
    "test_distillation",
    "test_objectives",
    "test_readme",
    "test_engine",
    "test_sweep",
    "test_cli",
    "test_measures",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run long tests too")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Long files first; long tests where asked for, float64 where it is needed."""
    in_double = jax.config.read("jax_enable_x64")
    kept, left = [], []
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if "double" in marks and marks & {"once", "slow"}:
            raise pytest.UsageError(f"{item.nodeid} is run in neither precision")
        is_long = "long" in marks and not config.getoption("long")
        needs_double = "double" in marks and not in_double
        (left if is_long or needs_double else kept).append(item)
    config.hook.pytest_deselected(items=left)
    place = {name: at for at, name in enumerate(_LONG)}
    items[:] = sorted(kept, key=lambda item: place.get(item.path.stem, len(_LONG)))


def pytest_collection_finish() -> None:
    """What is imported stays, and is not searched again."""
    if sys.version_info < (3, 14):  # there Hypothesis would not find what refers to it
        gc.freeze()


def pytest_report_header() -> str:
    """The precision that this run tests, and where."""
    precision = "float64" if jax.config.read("jax_enable_x64") else "float32"
    return f"jax {jax.__version__}: {precision} on {jax.default_backend()}"


@pytest.fixture(scope="module", autouse=True)
def programs_end_with_their_module() -> Iterator[None]:
    """A process may not hold the compiled programs of all tests."""
    yield
    jax.clear_caches()


@pytest.fixture
def key() -> PRNGKeyArray:
    """The root key; a test that draws more than once splits it."""
    return jax.random.key(0)
