"""`simgeo results` and `simgeo plot`: the cells of a store as a table or a figure."""

import warnings
from pathlib import Path

import pandas as pd

from simgeo import plots, results
from simgeo.cli import Parser, fail
from simgeo.cli.files import file_to_draw, require_file
from simgeo.results import Store

_CONDITION = "such as 'objective == \"cka\" and m < 64'"
_FORMATS = (".csv", ".parquet", ".nc")
_SHOWN = (
    *("teacher", "objective", "num_vectors", "teacher_dim", "student_dim"),
    *("optimiser.learning_rate", "seed", "loss", "matthews", "fraction_student"),
)


def show(arguments: list[str]) -> int:
    """`simgeo results STORE`: the last records, printed or written."""
    parser = Parser(
        prog="simgeo results",
        description="The last record of every finished cell and seed of a store.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("store", metavar="STORE")
    add(
        "--where", metavar="CONDITION", help="such as 'objective == \"cka\" and m < 64'"
    )
    add("--to", metavar="FILE", help="ends in .csv, .parquet or .nc")
    add("--steps", action="store_true", help="all records, not only the last")
    try:
        asked = parser.parse_args(arguments)
        store = _open(asked.store)
        if asked.to is not None and Path(asked.to).suffix not in _FORMATS:
            raise ValueError(
                f"`--to` must end in one of {', '.join(_FORMATS)}; got {asked.to}."
            )
        if asked.to is not None:
            require_file("--to", Path(asked.to))
        if asked.steps:
            rows = store.trajectories(asked.where or "")
        else:
            rows = chosen(store, asked.where)
        if asked.to is None:
            said = _preview(rows)
        else:
            _write(rows, Path(asked.to))
            cells = rows["fingerprint"].nunique()
            said = f"{len(rows)} rows of {cells} cells are in {asked.to}."
    except ValueError as error:
        return fail(error, 2)
    except OSError as error:
        return fail(error, 1)
    print(said)
    return 0


def plot(arguments: list[str]) -> int:
    """`simgeo plot STORE`: one measure over one setting, with bands and levels."""
    parser = Parser(
        prog="simgeo plot",
        description="A measure over a setting: seeds, their median, its band, levels.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("store", metavar="STORE")
    add("--x", required=True, help="a setting, such as m or learning_rate")
    add("--y", required=True, help="a record, such as matthews")
    add("--hue", default="objective", help="default: objective")
    add("--col", help="a setting, one panel for each value")
    add("--where", metavar="CONDITION", help="which cells, as for `simgeo results`")
    add("--to", metavar="FILE", default="sweep.png", help="default: sweep.png")
    try:
        asked = parser.parse_args(arguments)
        path = file_to_draw("--to", asked.to, "sweep.png")
        store = _open(asked.store)
        rows = chosen(store, asked.where)
        names = {
            axis: results.column(rows, getattr(asked, axis), f"--{axis}")
            for axis in ("x", "y", "hue", "col")
            if getattr(asked, axis) is not None
        }
        if not pd.api.types.is_numeric_dtype(rows[names["y"]]):
            raise ValueError(
                f"`--y` must name a column of numbers, such as matthews; got "
                f"{asked.y!r}."
            )
        _refuse_mixed(rows, names)
        with plots.style():
            one = store.load(rows["fingerprint"].iloc[0])
            label = (
                one[names["y"]].attrs.get("long_name") if names["y"] in one else None
            )
            figure = plots.sweep(rows, **names, label=label)
            figure.savefig(path)
    except ValueError as error:
        return fail(error, 2)
    except OSError as error:
        return fail(error, 1)
    print(f"Drew {rows['fingerprint'].nunique()} cells in {path}.")
    return 0


def chosen(store: Store, where: str | None) -> pd.DataFrame:
    """The rows of a store that a condition chooses."""
    if store.frame.empty:
        raise ValueError(f"`STORE` must hold finished runs; got {store.folder}.")
    rows = results.rows(store.frame, where) if where else store.frame
    if rows.empty:
        raise ValueError(f"`--where` must leave rows; got none for {where!r}.")
    return rows


def _open(folder: str) -> Store:
    with warnings.catch_warnings(record=True, action="always") as told:
        store = results.open(folder)
    for each in told:
        fail(each.message, 0)
    return store


def _preview(rows: pd.DataFrame) -> str:
    shown = [name for name in _SHOWN if name in rows]
    varying = [
        name
        for name in rows
        if name not in shown
        and "." in str(name)
        and not str(name).endswith(".kind")
        and rows[name].nunique() > 1
    ]
    head = rows[[*shown, *varying]].head(20).to_string(index=False)
    return (
        f"{head}\n{len(rows)} rows, {len(rows.columns)} columns; --to writes them all."
    )


def _write(rows: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".csv":
        rows.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        try:
            rows.to_parquet(path, index=False)
        except ImportError as error:
            raise ValueError(
                "`--to` can end in .parquet where pyarrow is installed, and it is not. "
                "Write .csv or .nc."
            ) from error
    else:
        plain = rows.rename_axis("row").to_xarray()
        for name, values in plain.data_vars.items():
            if values.dtype == object or values.dtype.kind not in "bifU":
                plain[name] = values.astype(str)
            elif values.dtype == bool:
                plain[name] = values.astype("int8")
        plain.to_netcdf(path, engine="netcdf4")


def _refuse_mixed(rows: pd.DataFrame, names: dict[str, str]) -> None:
    """Refuses to draw as one what differs in more than what is drawn."""
    drawn = [names[axis] for axis in ("x", "hue", "col") if axis in names]
    points = rows.groupby([*drawn, "seed"], dropna=False)
    cells = points["fingerprint"].transform("nunique")
    if cells.max() > 1:
        number = points.ngroup()
        one = rows[number == number[cells.idxmax()]]
        start = list(rows.columns).index("fingerprint")
        varying = _told_once(
            [
                str(name)
                for name in rows.columns[:start]
                if one[name].nunique(dropna=False) > 1
            ]
        )
        raise ValueError(
            f"`--where` must leave one cell for each point; got up to {cells.max()}, "
            f"which differ in {', '.join(varying)}. Choose, as in "
            f"--where '{_choice(one, varying)}'."
        )


def _told_once(names: list[str]) -> list[str]:
    """A module by its label where its kind varies, otherwise by what varies within."""
    modules = [name for name in names if f"{name}.kind" in names]

    def is_within(name: str, outer: list[str]) -> bool:
        return any(name.startswith(f"{each}.") for each in outer)

    return [
        name
        for name in names
        if not is_within(name, modules)
        and (name in modules or not any(is_within(each, [name]) for each in names))
    ]


def _choice(rows: pd.DataFrame, names: list[str]) -> str:
    """A condition on these settings that leaves one cell."""
    conditions = []
    for name in names:
        value = rows[name].iloc[0]
        if rows[name].nunique(dropna=False) > 1 and not pd.isna(value):
            shown = f'"{value}"' if isinstance(value, str) else value
            conditions.append(f"{name} == {shown}")
            rows = rows[rows[name] == value]
    return " and ".join(conditions)
