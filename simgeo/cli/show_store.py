"""`simgeo results` and `simgeo plot`: the cells of a store as a table or a figure."""

import sys
from pathlib import Path

import pandas as pd

from simgeo import plots, results
from simgeo.checks import require
from simgeo.cli import Parser, warnings_told
from simgeo.cli.as_records import add_json, as_json
from simgeo.cli.exported import write
from simgeo.cli.files import add_store, file_to_draw, require_file
from simgeo.results import USUAL, Store

_CONDITION = "such as 'objective == \"cka\" and m < 64'"
_ROWS = 20  # of a table on the screen
_FORMATS = (".csv", ".parquet", ".nc")
_SHOWN = (
    *("teacher", "objective", "num_vectors", "teacher_dim", "student_dim"),
    *("optimiser.learning_rate", "seed", "loss", "matthews", "fraction_student"),
)


def show(arguments: list[str]) -> int:
    """`simgeo results STORE`: the last records, printed or written; the exit code."""
    parser = Parser(
        "results", "The last record of every finished cell and seed of a store."
    )
    add = parser.add_argument
    add_store(parser)
    add("--where", metavar="CONDITION", help=_CONDITION)
    add("--to", metavar="FILE", help="ends in .csv, .parquet or .nc")
    add("--steps", action="store_true", help="all records, not only the last")
    add_json(parser)
    asked = parser.parse_args(arguments)
    store = _open(asked.store)
    if store.unfinished and not store.frame.empty:
        print(
            f"Runs that were stopped are left out, such as {store.unfinished[0]}: its "
            f"attribute `stopped` says why (`results.load`).",
            file=sys.stderr,
        )
    path = None if asked.to is None else Path(asked.to)
    if path is not None:
        require(not asked.json, "--json", "stand without --to", f"both, with {path}")
        ends = f"end in one of {', '.join(_FORMATS)}"
        require(path.suffix in _FORMATS, "--to", ends, path)
        require_file("--to", path)
    if asked.steps:
        rows = store.trajectories(asked.where or "")
    else:
        rows = chosen(store, asked.where)
    if path is None:
        print(as_json(rows.to_dict("records")) if asked.json else _preview(rows))
    else:
        write(rows, path)
        cells = rows["fingerprint"].nunique()
        print(f"{len(rows)} rows of {cells} cells are in {path}.")
    return int(bool(store.left_out))


def plot(arguments: list[str]) -> int:
    """`simgeo plot STORE`: a measure over a setting, with levels; the exit code."""
    parser = Parser(
        "plot", "A measure over a setting: seeds, their median, its band, levels."
    )
    add = parser.add_argument
    add_store(parser)
    add("--x", required=True, help="a setting, such as m or learning_rate")
    add("--y", required=True, help="a record, such as matthews")
    add("--hue", default="objective", help="default: objective")
    add("--col", help="a setting, one panel for each value")
    add("--where", metavar="CONDITION", help="which cells, as for `simgeo results`")
    add("--to", metavar="FILE", default="sweep.png", help="default: sweep.png")
    asked = parser.parse_args(arguments)
    path = file_to_draw("--to", asked.to, "sweep.png")
    store = _open(asked.store)
    rows = chosen(store, asked.where)
    names = {
        axis: results.column(rows, getattr(asked, axis), f"--{axis}")
        for axis in ("x", "y", "hue", "col")
        if getattr(asked, axis) is not None
    }
    y = names["y"]
    numeric = pd.api.types.is_numeric_dtype(rows[y])
    rule = "name a column of numbers, such as matthews"
    require(numeric, "--y", rule, repr(asked.y))
    _refuse_mixed(rows, names)
    one = store.load(rows["fingerprint"].iloc[0])
    label = results.axis_label(one[y]) if y in one else None
    with plots.style():
        plots.sweep(rows, **names, label=label).savefig(path)
    print(f"Drew {rows['fingerprint'].nunique()} cells in {path}.")
    return int(bool(store.left_out))


def chosen(store: Store, where: str | None) -> pd.DataFrame:
    """The rows of a store that a condition chooses."""
    got = f"{store.folder}"
    if store.unfinished:
        got += f", where {store.unfinished[0]} was stopped. Its command runs it anew"
    require(not store.frame.empty, "STORE", "hold finished runs", got)
    rows = results.rows(store.frame, where) if where else store.frame
    require(not rows.empty, "--where", "leave rows", f"none for {where!r}")
    return rows


def _open(folder: str) -> Store:
    with warnings_told():
        return results.open(folder)


def _preview(rows: pd.DataFrame) -> str:
    shown = [name for name in _SHOWN if name in rows]
    named = ", ".join(rows.get("measures", pd.Series(dtype=str)).unique()).split(", ")
    own = [each for each in dict.fromkeys(named) if each in rows]
    shown += [each for each in own if each not in (*USUAL, *shown)]
    varying = [
        name
        for name in map(str, rows)
        if name not in shown
        and "." in name
        and not name.endswith(".kind")
        and rows[name].nunique() > 1
    ]
    head = rows[[*shown, *varying]].head(_ROWS).to_string(index=False)
    first = f"The first {_ROWS} of " if len(rows) > _ROWS else ""
    count = f"{first}{len(rows)} rows, {len(rows.columns)} columns"
    return f"{head}\n{count}; --to writes them all."


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
