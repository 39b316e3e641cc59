"""The file: a template filled with text, charts, their data and one script."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import vl_convert

from simgeo_apps.page import (
    charts,
    counts,
    guess,
    marks,
    rounding,
    sentences,
    tables,
    training,
    zero_loss,
)
from simgeo_apps.page.training import Cell, Run

CELLS = (*guess.CELLS, *training.CELLS)  # all that the page shows


def contents(students: list[Run], runs: list[Run]) -> dict[str, Any]:
    """Everything that the page shows of these runs.

    Args:
        students: of the first screen, `guess.CELLS`.
        runs: of cells with the same records, in which every teacher, objective and
            width meets every other.

    Returns:
        The `data` of the charts by name; the `drawings`, maps and arrows, and the
        `readings` in words, one for each setting of a screen's controls, whose values,
        joined by bars, are its key; `rows` of the first screen, and what it tells of
        `losses`; `ends`, the rows of the table; `choices` of the controls; and
        `settings`, a sentence.
    """
    counted, built = counts.counts(), zero_loss.students()
    return {
        "data": {
            "counts": counted,
            "histogram": counts.histogram(),
            "teacher_cosines": tables.teacher_cosines(runs),
            "curves": tables.curves(runs),
            "levels": tables.levels(runs),
            "distances": zero_loss.distances(built),
        },
        "drawings": {
            "start": guess.pictures(students),
            "slack": counts.pictures(),
            "teachers": tables.teacher_grams(runs),
            "students": tables.student_grams(runs),
            "built": {f"{row['family']}|{row['far']}": row["cells"] for row in built},
            "sketches": zero_loss.sketches(),
        },
        "readings": {
            "start": guess.readings(students),
            "fit": counts.readings(counted),
            "teacher": sentences.teacher_readings(runs),
            "training": sentences.run_readings(runs),
            "plane": sentences.end_readings(runs),
            "built": zero_loss.readings(built),
        },
        "rows": guess.rows(runs),
        "losses": guess.last_losses(students),
        "ends": tables.ends(runs),
        "choices": training.choices(runs),
        "moments": students[0].data["step"].values.tolist(),
        "settings": training.settings_of(runs[0].cell),
    }


def render(shown: dict[str, Any]) -> str:
    """The HTML of these contents, which loads nothing from a network or a disk.

    Args:
        shown: what `contents` returns.
    """
    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=folder, autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["zip_same"] = lambda names: [(name, name) for name in names]
    return environment.get_template("page.html").render(
        vega=_vega(),
        charts=_json(charts.charts()),
        data=_json(shown["data"]),
        drawings=_json(shown["drawings"] | {"fates": marks.FATES}),
        readings=_json(shown["readings"]),
        answer=shown["readings"]["start"]["answer"],
        **{name: shown[name] for name in ("rows", "losses", "ends", "settings")},
        **shown["choices"],
        moments=[f"step {step}" for step in shown["moments"]],
        dims=counts.DIMS,
        epsilons=[f"{epsilon:g}" for epsilon in counts.EPSILONS],
        places=[
            f"{100 * k // (zero_loss.PLACES - 1)} %" for k in range(zero_loss.PLACES)
        ],
        fates=marks.FATES,
        colours=marks.COLOURS,
        hues=marks.HUES,
        dims_of_runs=training.TEACHER_DIM,
        centred=training.CENTRED,
        pair=(training.A, training.B),
        num_vectors=zero_loss.NUM_VECTORS,
        dim=zero_loss.DIM,
        least=rounding.FLOOR,
        floor=rounding.said(rounding.FLOOR),
        said=rounding.said,
    )


def make(on_run: Callable[[Cell], Any]) -> str:
    """The HTML of the whole page, after running all that it shows: `CELLS`.

    Args:
        on_run: called before each experiment, with its cell.

    Raises:
        KeyboardInterrupt: if a run was interrupted.
    """
    students = training.run_all(guess.CELLS, on_run)
    return render(contents(students, training.run_all(training.CELLS, on_run)))


@functools.cache
def _vega() -> Any:
    return _script(vl_convert.javascript_bundle())


def _json(value: Any) -> str:
    """As it can stand within a script element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return _script(text.replace("<", "\\u003c"))


def _script(text: str) -> Any:
    return markupsafe.Markup(text.replace("</script", "<\\/script"))
