"""Which studies there are, read from their files without importing them or JAX."""

import ast
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from experiments.study import Study

HERE = Path(__file__).parent


class Listed(NamedTuple):
    """A study as its file declares it."""

    name: str
    question: str
    main: bool
    real: bool
    order: int


def listed(folder: Path = HERE) -> list[Listed]:
    """The studies of a folder: the main ones first, then by their order."""
    files = [*folder.glob("*.py"), *folder.glob("*/__init__.py")]
    found = [one for file in files if (one := _read(file))]
    return sorted(found, key=lambda one: (not one.main, one.order, one.name))


def load(name: str) -> "Study":
    """The study of that name."""
    return importlib.import_module(f"experiments.{name}").STUDY


def _read(file: Path) -> Listed | None:
    """What `STUDY = Study(...)` says of itself, None where there is no such line."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name("STUDY")], value=ast.Call(keywords=given)
            ):
                said = {
                    each.arg: each.value.value
                    for each in given
                    if isinstance(each.value, ast.Constant)
                }
                question = (ast.get_docstring(tree) or "").partition("\n\n")[0]
                name = file.parent.name if file.stem == "__init__" else file.stem
                return Listed(
                    name,
                    " ".join(question.split()),
                    said.get("main", False),
                    said.get("real", False),
                    said.get("order", 1000),
                )
    return None
