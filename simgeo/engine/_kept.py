"""Draws that take long, such as a trained teacher, kept on disk for other processes."""

import os
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from simgeo import settings
from simgeo.problems import precision

_FOLDER: list[Path] = []  # empty until a program, not a library, asks for one


def keep_in(folder: Path) -> None:
    """From now on, draws of stages that say so are kept there."""
    _FOLDER[:] = [folder]


def find(described: Sequence[str], seeds: Sequence[int], like: PyTree) -> PyTree | None:
    """A draw that was kept, shaped as `like`, or None.

    Args:
        described: the stages up to the one that drew, as text.
        seeds: that decided their draws.
    """
    path = _path(described, seeds)
    if path is None or not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            leaves = [kept[name] for name in kept.files]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None  # damaged; it is drawn again and replaced
    shapes, structure = jax.tree.flatten(like)
    wanted = [(each.shape, np.dtype(each.dtype)) for each in shapes]
    if [(leaf.shape, leaf.dtype) for leaf in leaves] != wanted:
        return None
    return jax.tree.unflatten(structure, leaves)


def keep(described: Sequence[str], seeds: Sequence[int], drawn: PyTree) -> None:
    """Keeps a draw, if a folder is known. A disk that is full is told of, once."""
    path = _path(described, seeds)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            np.savez(part, *jax.tree.leaves(drawn))
        os.replace(part.name, path)  # whole, or not at all
    except OSError as error:
        warnings.warn(
            f"A draw could not be kept in {path.parent}: {error}.", stacklevel=2
        )


def _path(described: Sequence[str], seeds: Sequence[int]) -> Path | None:
    if not _FOLDER:
        return None
    machine: dict[str, Any] = {
        "precision": precision(),
        "backend": jax.default_backend(),
        "versions": [version(name) for name in ("simgeo", "jax")],
    }
    name = settings.digest({"stages": [*described], "seeds": [*seeds]}, machine)
    return _FOLDER[0] / f"{name}.npz"
