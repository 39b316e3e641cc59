"""Matrices read from files, refused with the reason where they cannot be used."""

import functools
import hashlib
import os
from pathlib import Path

import equinox as eqx
import numpy as np
from jaxtyping import Float, Shaped

from simgeo.checks import check_fields, require

_MOST_BYTES = 2**31
_STARTS = {".npy": ("one array of NumPy", b"\x93NUMPY"), ".npz": ("a zip file", b"PK")}
_FORMATS = (".npy", ".npz", ".csv", ".safetensors")


def real_matrix(
    array: Shaped[np.ndarray, "..."], setting: str, where: str
) -> Float[np.ndarray, "p q"]:
    """The array in float64, read-only; ValueError unless a matrix of finite numbers."""
    shape = f"{array.shape} in {where}"
    require(array.ndim == 2, setting, "hold a matrix, of 2 axes", f"shape {shape}")
    require(array.size > 0, setting, "not be empty", f"shape {shape}")
    # Bytes and fields have no kind of their own: bfloat16 is one of theirs.
    is_real = array.dtype.kind not in "cSUOMm" and array.dtype.type is not np.void
    require(is_real, setting, "hold real numbers", f"{array.dtype} in {where}")
    real = array.astype(np.float64)
    broken = np.argwhere(~np.isfinite(real))
    if len(broken):
        row, column = broken[0]
        got = f"{real[row, column]} in row {row}, column {column}"
        raise ValueError(
            f"`{setting}` must hold finite numbers; {where} has {len(broken)} that are "
            f"not, the first {got}."
        )
    real.setflags(write=False)
    return real


def _text(path: str | os.PathLike[str]) -> str:
    return os.fspath(path) if isinstance(path, os.PathLike) else path


class AbstractFile(eqx.Module):
    """A matrix in a file: .npy, .npz, .csv (a header is skipped) or .safetensors.

    `name` says which array of an .npz or .safetensors file, if it holds several.
    `digest`, the first 16 digits of the file's SHA-256, is taken when the module is
    made, so that the description of an experiment says what was in the file. Given, it
    is what the file must have.
    """

    path: str = eqx.field(
        static=True, converter=_text, metadata={"valid": "a file that can be read"}
    )
    name: str = eqx.field(static=True, default="")
    digest: str = eqx.field(static=True, default="")

    def __check_init__(self) -> None:
        check_fields(self)
        found = self.digest or _digest(self.path, _stamp(self.path))
        object.__setattr__(self, "digest", found)

    def matrix(self) -> Float[np.ndarray, "p q"]:
        """What the file holds, in float64."""
        stamp = _stamp(self.path)
        found = _digest(self.path, stamp)
        got = f"{found} of {self.path}, whose content has changed"
        rule = f"have the digest {self.digest}"
        require(found == self.digest, "path", rule, got)
        return _read(self.path, self.name, stamp)


def read_matrices(path: str, name: str = "") -> dict[str, Float[np.ndarray, "_ _"]]:
    """The matrices in a file, by their names, in float64; "" of one without a name.

    Args:
        path: of a .npy, .npz, .csv (a header is skipped) or .safetensors file.
        name: of the only one asked for, in an .npz or .safetensors file.

    Raises:
        ValueError: in one line, if the file, or an array of it, cannot be used.
    """
    stamp = _stamp(path)
    names = [name] if name else _names(path)
    return {each: _read(path, each, stamp) for each in names}


def _names(path: str) -> list[str]:
    """Of the arrays; "" where there are none, or the file is to be refused."""
    suffix = Path(path).suffix.lower()
    try:
        if suffix == ".npz":
            with open(path, "rb") as file, np.load(file) as loaded:
                return loaded.files or [""]
        if suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(path, framework="np") as file:
                return list(file.keys()) or [""]
    except Exception:  # `_read` says what is wrong with it
        pass
    return [""]


Stamp = tuple[int, int]  # a file is read again when it changes


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError as error:
        raise ValueError(
            f"`path` must be a file that can be read; got {path}: {error.strerror}."
        ) from error
    ends = f"end in {', '.join(_FORMATS)}"
    require(Path(path).suffix.lower() in _FORMATS, "path", ends, path)
    rule = f"not be larger than {_MOST_BYTES / 2**30:g} GiB"
    got = f"{path} of {found.st_size / 2**30:.1f} GiB. Save the rows that you need"
    require(found.st_size <= _MOST_BYTES, "path", rule, got)
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=64)
def _digest(path: str, stamp: Stamp) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


@functools.lru_cache(maxsize=4)
def _read(path: str, name: str, stamp: Stamp) -> Float[np.ndarray, "p q"]:
    reader = {".csv": _read_csv, ".safetensors": _read_safetensors}
    try:
        array = reader.get(Path(path).suffix.lower(), _read_numpy)(path, name)
    except _Refused as refusal:
        raise ValueError(f"{refusal}; got {path}.") from None
    except Exception as error:  # whatever the readers raise for a broken file
        raise ValueError(
            f"`path` must hold a readable matrix; got {path}: {error}"
        ) from error
    return real_matrix(array, "path", f"{path}{f' [{name}]' if name else ''}")


class _Refused(Exception):
    """A reason to be completed with the path."""


def _read_numpy(path: str, name: str) -> Shaped[np.ndarray, "..."]:
    format, magic = _STARTS[Path(path).suffix.lower()]
    with open(path, "rb") as file:
        start = file.read(6)
        if not start.startswith(magic):
            raise _Refused(
                f"`path` must hold {format}, as the name says; the file starts with "
                f"{start!r}, as a text or another format would"
            )
        file.seek(0)
        loaded = np.load(file, allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            return loaded[_choice(name, loaded.files)]
    if name:
        raise _Refused("`name` must be empty for one array without a name")
    return loaded


def _read_safetensors(path: str, name: str) -> Shaped[np.ndarray, "..."]:
    try:
        from safetensors import safe_open
    except ImportError:
        raise _Refused(
            "`path` needs the package safetensors; run `pip install safetensors`"
        ) from None

    with safe_open(path, framework="np") as file:
        return file.get_tensor(_choice(name, list(file.keys())))


def _read_csv(path: str, name: str) -> Shaped[np.ndarray, "..."]:
    import pandas as pd

    if name:
        raise _Refused("`name` must be empty for a table")
    table = pd.read_csv(path, header=None, dtype=str, keep_default_na=False)
    numbers = table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    first = table.iloc[0].str.strip().str.lower()
    if len(table) > 1 and np.isnan(numbers[0]).all() and not (first == "nan").any():
        table, numbers = table.iloc[1:], numbers[1:]  # without a header
    for row, column in np.argwhere(np.isnan(numbers)):
        text = table.iat[row, column]
        if text.strip().lower() not in {"nan", "-nan", "+nan"}:
            raise _Refused(
                f"`path` must hold numbers; row {row}, column {column} is {text!r}"
            )
    return numbers


def _choice(name: str, names: list[str]) -> str:
    if name in names:
        return name
    if not name and len(names) == 1:
        return names[0]
    raise _Refused(
        f"`name` must be one of {', '.join(sorted(names)) or 'none'}, got {name!r}"
    )


def check_symmetric(
    module: AbstractFile | object,
    matrix: Shaped[np.ndarray, "..."],
    size: int | None = None,
    positive: bool = False,
) -> None:
    """Raises ValueError for what is no symmetric matrix, or not of that size."""
    setting = "path" if isinstance(module, AbstractFile) else "rows"
    is_square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    require(is_square, setting, "be square", f"shape {matrix.shape}")
    wrong = np.argwhere(~np.isclose(matrix, matrix.T))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"`{setting}` must be symmetric; got {matrix[row, column]} at "
            f"{row, column} and {matrix[column, row]} at {column, row}."
        )
    rule = f"have a row for each of the {size} vectors"
    require(size in (None, len(matrix)), setting, rule, len(matrix))
    if positive:
        diagonal = np.diagonal(matrix)
        row = int(np.argmin(diagonal))
        got = f"{diagonal[row]} in row {row}"
        require(bool(diagonal[row] > 0), setting, "have a positive diagonal", got)
