"""The file: a template filled with text, charts, their data and one script."""

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
    marks,
    rounding,
    sentences,
    tables,
    training,
    zero_loss,
)
from simgeo_apps.page.training import CELLS, Cell, Run


def contents(runs: list[Run]) -> dict[str, Any]:
    """Everything that the page shows of these runs.

    Args:
        runs: of cells with the same records, in which every teacher, objective and
            width meets every other.

    Returns:
        The `data` of the charts by name; `readings` in words, one for each setting of a
        screen's controls, whose values, joined by bars, are its key; `ends`, the rows
        of the table; `choices` of the controls; and `settings`, a sentence.
    """
    counted, built = counts.counts(), zero_loss.students()
    return {
        "data": {
            "counts": counted,
            "histogram": counts.histogram(),
            "teacher_grams": tables.teacher_grams(runs),
            "teacher_cosines": tables.teacher_cosines(runs),
            "student_grams": tables.student_grams(runs),
            "curves": tables.curves(runs),
            "levels": tables.levels(runs),
            "built": built,
            "distances": zero_loss.distances(built),
        },
        "readings": {
            "fit": counts.readings(counted),
            "teacher": sentences.teacher_readings(runs),
            "training": sentences.run_readings(runs),
            "plane": sentences.end_readings(runs),
            "built": zero_loss.readings(built),
        },
        "ends": tables.ends(runs),
        "choices": training.choices(runs),
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
        vega=_script(vl_convert.javascript_bundle()),
        charts=_json(charts.charts()),
        data=_json(shown["data"]),
        readings=_json(shown["readings"]),
        ends=shown["ends"],
        settings=shown["settings"],
        **shown["choices"],
        dims=counts.DIMS,
        epsilons=[f"{epsilon:g}" for epsilon in counts.EPSILONS],
        places=[
            f"{100 * k // (zero_loss.PLACES - 1)} %" for k in range(zero_loss.PLACES)
        ],
        pairs=marks.PAIRS,
        cosines=marks.COSINES,
        num_vectors=zero_loss.NUM_VECTORS,
        dim=zero_loss.DIM,
        floor=rounding.said(training.FLOOR),
        said=rounding.said,
    )


def make(on_run: Callable[[Cell], Any]) -> str:
    """The HTML of the whole page, after running all that it shows: `CELLS`.

    Args:
        on_run: called before each experiment, with its cell.

    Raises:
        KeyboardInterrupt: if a run was interrupted.
    """
    return render(contents(training.run_all(CELLS, on_run)))


def _json(value: Any) -> str:
    """As it can stand within a script element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return _script(text.replace("<", "\\u003c"))


def _script(text: str) -> Any:
    return markupsafe.Markup(text.replace("</script", "<\\/script"))
