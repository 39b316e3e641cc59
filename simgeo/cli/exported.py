"""Tables as files, of hundreds of thousands of rows too.

Most columns of a table are settings, of which a few values are told in many rows: each
is put into words once.
"""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

_ROWS = 2**14  # that are in words at once
_COMPRESSED = {"zlib": True, "complevel": 1, "shuffle": True}


def write(rows: pd.DataFrame, path: Path) -> None:
    """Writes a table as the ending of a path says.

    Args:
        rows: tidy.
        path: ends in .csv, .parquet or .nc.

    Raises:
        ValueError: if what writes .parquet is not installed.
        OSError: if the file cannot be written.
    """
    if path.suffix == ".csv":
        _write_csv(rows, path)
    elif path.suffix == ".nc":
        _write_netcdf(rows, path)
    else:
        try:
            rows.to_parquet(path, index=False)
        except ImportError as error:
            raise ValueError(
                "`--to` can end in .parquet where pyarrow is installed, and it is not. "
                "Write .csv or .nc, or in a checkout: pip install '.[parquet]'."
            ) from error


def _write_csv(rows: pd.DataFrame, path: Path) -> None:
    """As `DataFrame.to_csv` writes it, byte for byte, in a fraction of the time."""
    words = [_words_of(rows.iloc[:, place]) for place in range(rows.shape[1])]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(map(str, rows.columns))
        for at in range(0, len(rows), _ROWS):
            columns = [of(at, at + _ROWS) for of in words]
            lines = map(",".join, zip(*columns, strict=True))
            file.writelines(f"{line}\n" for line in lines)


def _words_of(column: pd.Series) -> Callable[[int, int], list[str]]:
    """What gives the words of some rows of a column."""
    if column.dtype.kind == "f":
        numbers = column.to_numpy()
        codes, bits = pd.factorize(numbers.view(f"i{numbers.itemsize}"))  # 0.0 is -0.0
        if 2 * len(bits) > len(numbers):
            return lambda start, stop: _numbers(numbers[start:stop])
        told = _numbers(bits.view(numbers.dtype))
    elif _is_mixed(column) and column.notna().any():
        return lambda start, stop: [*map(_quoted, column.iloc[start:stop])]
    else:
        codes, values = pd.factorize(column, use_na_sentinel=False)
        told = [*map(_quoted, values)]
    words = np.array(told, object)
    return lambda start, stop: words[codes[start:stop]].tolist()


def _is_mixed(column: pd.Series) -> bool:
    """Whether a column has more than texts, of which 1 and True would be the same."""
    return column.dtype == object and pd.api.types.infer_dtype(column) != "string"


def _numbers(values: np.ndarray) -> list[str]:
    """The shortest decimals that give the numbers back."""
    if values.dtype == np.float64:
        found = [*map(repr, values.tolist())]
    else:
        found = values.astype(str).tolist()
    return ["" if word == "nan" else word for word in found]


def _quoted(value: object) -> str:
    line = io.StringIO()
    # Beside another, since a text that is empty is only told from none if it is alone.
    told = "" if pd.isna(value) else value
    csv.writer(line, lineterminator="\n").writerow([told, 0])
    return line.getvalue()[:-3]


def _write_netcdf(rows: pd.DataFrame, path: Path) -> None:
    variables = {name: _variable(rows[name]) for name in rows}
    row = np.arange(len(rows))
    data = xr.Dataset(variables, {"row": ("row", row)})
    encoding = {name: _COMPRESSED for name in data.variables}
    data.to_netcdf(path, engine="netcdf4", encoding=encoding)


def _variable(column: pd.Series) -> tuple:
    """A column as netCDF has it: texts as characters, which can be compressed."""
    kind = column.dtype.kind
    if kind == "b":
        return "row", column.to_numpy("int8")
    if kind in "if":
        return "row", column.to_numpy()
    words = column.map(str) if _is_mixed(column) else column
    codes, values = pd.factorize(words, use_na_sentinel=False)
    words = np.array([str(value).encode() for value in values] or [b""])
    words = words.astype(f"S{max(1, words.dtype.itemsize)}")
    return "row", words[codes], {"_Encoding": "utf-8"}
