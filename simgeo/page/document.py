"""The file: a template filled with text, charts, their data and one script."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import vl_convert

from simgeo.page import (
    charts,
    counts,
    grams,
    marks,
    runs,
    sentences,
    tables,
    zero_loss,
)
from simgeo.page.runs import CELLS, Cell, Run


def contents(done: list[Run]) -> dict[str, Any]:
    """All that the page shows of these runs.

    `data` of the charts by name, and `readings` in words: one for each setting of a
    screen's controls, whose values, joined by bars, are its key. All cells must have
    the same records, and every teacher, objective and width must meet every other.
    """
    counted, built = counts.counts(), zero_loss.students()
    return {
        "data": {
            "counts": counted,
            "histogram": counts.histogram(),
            "teacher_grams": tables.teacher_grams(done),
            "teacher_cosines": tables.teacher_cosines(done),
            "student_grams": tables.student_grams(done),
            "curves": tables.curves(done),
            "levels": tables.levels(done),
            "built": built,
            "distances": zero_loss.distances(built),
        },
        "readings": {
            "fit": counts.readings(counted),
            "teacher": sentences.teacher_readings(done),
            "training": sentences.run_readings(done),
            "plane": sentences.end_readings(done),
            "built": zero_loss.readings(built),
        },
        "ends": tables.ends(done),
        "choices": runs.choices(done),
        "settings": runs.settings_of(done[0].cell),
    }


def render(shown: dict[str, Any]) -> str:
    """The HTML of these contents. It loads nothing, from a network or from a disk."""
    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=folder, autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["zip_same"] = lambda names: [(each, each) for each in names]
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
        floor=grams.said(runs.FLOOR),
        said=grams.said,
    )


def make(on_run: Callable[[Cell], Any]) -> str:
    """The whole page, after running all that it shows.

    Args:
        on_run: called before each experiment.
    """
    return render(contents(runs.run_all(CELLS, on_run)))


def _json(value: Any) -> str:
    """As it can stand within a script element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return _script(text.replace("<", "\\u003c"))


def _script(text: str) -> Any:
    return markupsafe.Markup(text.replace("</script", "<\\/script"))
