"""`simgeo compare`: two sets of vectors, measured beside what chance gives."""

import argparse
import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
from tqdm import tqdm

from simgeo import engine
from simgeo.calibration import DEFAULT, Calibration, calibrate
from simgeo.cli import Parser, compared_pairs, fail, in_flags
from simgeo.cli.as_records import add_json, as_json
from simgeo.cli.compared_pairs import Layers
from simgeo.cli.files import file_to_draw
from simgeo.cli.interrupts import Interrupts
from simgeo.measures import MEASURES
from simgeo.teachers import read_matrices

_LEVEL = 0.05  # of p, for the sentence below the table

_FLAGS = {
    "student": "A",
    "num_permutations": "--permutations",
    "num_resamples": "--resamples",
    **{name: f"--{name}" for name in ("measures", "epsilon", "confidence", "seed")},
}

_EXAMPLES = f"""\
examples:
  simgeo compare student.npy teacher.npy
  simgeo compare small.npz large.safetensors:layer.11 --measures cka,matthews
  simgeo compare first.npy,last.npy teacher.csv --figure pairs.png --json

A is the student, B the teacher; row i of both is the same item. Each is one file, .npy,
.npz, .csv or .safetensors, or several with commas. Of a file with several arrays all
are layers, or FILE:NAME is one. Of several layers every pair is compared, the best is
shown, and its p is corrected for the search.

measures: {", ".join(DEFAULT)},
and any other of `simgeo list measures` for which more or less is better; these, such as
procrustes_similarity, are slower."""


def run(arguments: list[str]) -> int:
    """Exit code, after the table, or JSON, and the figure."""
    try:
        asked = _parse(arguments)
        path = asked.figure and file_to_draw("--figure", asked.figure, "pairs.png")
        student, teacher = _layers("A", asked.a), _layers("B", asked.b)
        _require_same_rows(student, teacher)
        if asked.centre:
            student, teacher = _centred(student), _centred(teacher)
        engine.keep_programs()
        found = _calibrated(asked, student, teacher)
    except ValueError as error:
        return fail(in_flags(error, _FLAGS), 2)
    except KeyboardInterrupt:
        return fail("interrupted before the first permutations.", 130)
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        reason = str(error).partition("\n")[0] or "out of memory"
        return fail(f"{reason}. Try fewer rows.", 1)
    shown = _best(found.frame).iloc[0]
    counts = compared_pairs.count(shown, student, teacher, asked.epsilon)
    if asked.json:
        print(as_json(_records(asked, found, counts, student, teacher)))
    else:
        print(_table(asked, found, student, teacher))
        print(_sentences(found, counts, asked.epsilon))
    try:
        if path:
            compared_pairs.draw(path, counts, student, teacher, asked.epsilon)
    except OSError as error:
        return fail(error, 1)
    if not found.complete:
        return fail(
            f"interrupted; p is from {found.num_permutations:,} of "
            f"{asked.permutations:,} permutations, and the intervals from "
            f"{found.num_resamples:,} of {asked.resamples:,} halves of the rows.",
            130,
        )
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(
        "compare",
        "Measures of two sets of vectors, beside what chance gives them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("a", metavar="A", help="vectors of the student, one per row")
    add("b", metavar="B", help="vectors of the teacher, as many rows")
    add("--measures", metavar="NAMES", help="with commas")
    add("--epsilon", type=float, default=0.1, help="largest |cos| of an orthogonal "
        "pair, default: 0.1")  # fmt: skip
    add("--permutations", type=int, default=999, metavar="N", help="default: 999")
    add("--resamples", type=int, default=200, metavar="N", help="halves of the rows "
        "for the intervals, default: 200; 0 for none")  # fmt: skip
    add("--confidence", type=float, default=0.95, help="default: 0.95")
    add("--centre", action="store_true", help="subtract the mean of each side first")
    add("--seed", type=int, default=0, help="default: 0")
    add("--figure", metavar="FILE", help="the cosines of all pairs, as a picture")
    add_json(parser)
    return parser.parse_args(arguments)


def _layers(side: str, given: str) -> Layers:
    found: Layers = {}
    whole = Path(given).is_file()
    for word in [given] if whole else given.split(","):
        file, _, name = (word, "", "") if Path(word).is_file() else word.rpartition(":")
        file, name = (file, name) if file else (word, "")
        try:
            matrices = read_matrices(file, name)
        except ValueError as error:
            said = str(error).replace("`path`", f"`{side}`")
            said = said.replace("`name`", f"the name in `{side}`, FILE:NAME,")
            raise ValueError(said) from None
        for each, matrix in matrices.items():
            label = f"{file}:{each}" if each else file
            if label in found:
                raise ValueError(f"`{side}` must name each layer once; got {given}.")
            found[label] = matrix
    return found


def _require_same_rows(student: Layers, teacher: Layers) -> None:
    (first, array), *others = [*student.items(), *teacher.items()]
    for name, other in others:
        if len(other) != len(array):
            raise ValueError(
                f"`A` and `B` must have the same rows, one per item; got shape "
                f"{array.shape} of {first} and {other.shape} of {name}."
            )


def _centred(layers: Layers) -> Layers:
    return {name: each - each.mean(axis=0) for name, each in layers.items()}


def _calibrated(
    asked: argparse.Namespace, student: Layers, teacher: Layers
) -> Calibration:
    names = DEFAULT if asked.measures is None else tuple(asked.measures.split(","))
    total = asked.permutations + asked.resamples
    bar = tqdm(total=total, unit="draw", desc="compare", disable=None, leave=False)
    with bar, Interrupts() as interrupts:

        def on_draws(done: int) -> None:
            bar.update(done)
            interrupts.at_a_record()

        return calibrate(
            student,
            teacher,
            names,
            asked.epsilon,
            num_permutations=asked.permutations,
            num_resamples=asked.resamples,
            confidence=asked.confidence,
            seed=asked.seed,
            on_draws=on_draws,
        )


def _best(frame: pd.DataFrame) -> pd.DataFrame:
    """Of every measure the pair of layers that chance reaches least, then the best."""
    rows = []
    for name, pairs in frame.groupby("measure", sort=False):
        down = MEASURES[str(name)].better == "lower"
        ahead = (pairs["value"] - pairs["chance"]) * (-1 if down else 1)
        order = np.lexsort((-ahead.to_numpy(), pairs["p_adjusted"].to_numpy()))
        rows.append(pairs.iloc[order[0]])
    return pd.DataFrame(rows)


def _table(
    asked: argparse.Namespace, found: Calibration, student: Layers, teacher: Layers
) -> str:
    best = _best(found.frame)
    searched = len(student) * len(teacher) > 1
    percent = f"{100 * asked.confidence:g} % interval"
    rows = []
    for _, row in best.iterrows():
        known = not math.isnan(row["low"])
        rows.append(
            {
                "measure": row["measure"],
                **({"A": row["student"], "B": row["teacher"]} if searched else {}),
                "value": _number(row["value"]),
                "chance": _number(row["chance"]),
                "corrected": _number(row["corrected"]),
                percent: f"{_number(row['low'])} to {_number(row['high'])}"
                if known
                else "-",
                "p, searched" if searched else "p": _p(row["p_adjusted"]),
            }
        )
    lines = [_side("A", student), _side("B", teacher), ""]
    header, texts = list(rows[0]), ("measure", "A", "B")
    wide = [max(len(name), *(len(row[name]) for row in rows)) for name in header]
    for row in [dict(zip(header, header, strict=True)), *rows]:
        cells = [
            f"{row[name]:<{width}}" if name in texts else f"{row[name]:>{width}}"
            for name, width in zip(header, wide, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, ""])


def _side(name: str, layers: Layers) -> str:
    shapes = [
        f"{label}, {each.shape[0]:,} x {each.shape[1]}"
        for label, each in layers.items()
    ]
    if len(shapes) > 3:
        shapes = [*shapes[:3], f"and {len(shapes) - 3} more"]
    side = {"A": "student", "B": "teacher"}[name]
    return f"{name}, the {side}: {'; '.join(shapes)}"


def _sentences(found: Calibration, counts: dict[str, Any], epsilon: float) -> str:
    best = _best(found.frame)
    done = found.num_permutations
    p = best.set_index("measure")["p_adjusted"]
    told = {
        f"Better than chance (p <= {_LEVEL})": p <= _LEVEL,
        "Not told from chance": p > _LEVEL,
        "Undefined here": p.isna(),
    }
    lines = [
        f"Chance is B with its rows in another order; p is the share of {done:,} such "
        f"orders and the true one that reach the value, {_p(1 / (done + 1))} at least.",
        "Corrected is the value without what chance gives; the interval is of it, or "
        "of the value where that is a dash.",
    ]
    for said, those in told.items():
        if those.all():
            lines.append(f"{said}: all.")
        elif those.any():
            lines.append(f"{said}: {', '.join(p.index[those])}.")
    lost, kept = counts["lost"], counts["preserved"]
    pairs = f"Pairs with |cosine| <= {epsilon:g} of {counts['A']} and {counts['B']}"
    lines.append(
        f"{pairs}: {kept + lost:,} in B, of which {kept:,} are preserved in A "
        f"({counts['preserved by chance']:,.0f} by chance) and {lost:,} lost; "
        f"{counts['gained']:,} are gained."
        if kept + lost + counts["gained"]
        else f"{pairs}: none; --centre, or a larger --epsilon, may show some."
    )
    if counts["undefined"]:
        lines.append(f"{counts['undefined']:,} pairs with a zero row have no cosine.")
    return "\n".join(lines)


def _records(
    asked: argparse.Namespace,
    found: Calibration,
    counts: dict[str, Any],
    student: Layers,
    teacher: Layers,
) -> list[dict[str, Any]]:
    """One of every measure and pair of layers; the pair that is shown has counts."""
    common = {
        "permutations": found.num_permutations,
        "resamples": found.num_resamples,
        "confidence": asked.confidence,
        "epsilon": asked.epsilon,
        "centred": asked.centre,
        "seed": asked.seed,
    }
    fates = {name: number for name, number in counts.items() if name not in ("A", "B")}
    rows = found.frame.rename(columns={"student": "A", "teacher": "B"})
    records = []
    for row in rows.to_dict("records"):
        is_shown = all(row[side] == counts[side] for side in ("A", "B"))
        shapes = {
            "shape of A": student[row["A"]].shape,
            "shape of B": teacher[row["B"]].shape,
        }
        pairs = fates if is_shown else dict.fromkeys(fates)
        records.append({**row, **shapes, **common, **pairs})
    return records


def _number(value: float) -> str:
    # Without the minus of a zero.
    return "-" if math.isnan(value) else f"{round(value, 3) + 0.0:.3f}"


def _p(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.{3 if value >= 1e-3 else 1}g}"
