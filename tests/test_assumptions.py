"""Dials, and the effects of centring and of the distance."""

import itertools

import pandas as pd
import pytest

from experiments.assumptions import dials as study

pytestmark = pytest.mark.once

PLACE = ["dial", "rows", "value"]


def ends(kept) -> pd.DataFrame:
    """The ends of runs of the square whose kept pattern is a function of the cell."""
    rows = [
        (dial, rows, study.CORNERS[dial], objective.label, seed)
        for dial, rows, seed in itertools.product(study.DIALS, study.ROWS, range(6))
        for pair in study.SQUARE.values()
        for objective in pair
    ]
    frame = pd.DataFrame(rows, columns=[*PLACE, "objective", "seed"])
    return frame.assign(kept=[kept(label) for label in frame["objective"]])


def test_the_square_tells_centring_from_distance():
    # CKA is centred without saying so.
    square = study.of_square(ends(lambda label: 0.0))
    centred = square[square["centring"] == "centred"]
    assert set(centred["objective"]) == {"CKA", "Procrustes, centred, normalised"}


def test_effects_are_of_one_factor_over_the_other():
    centred = {"CKA", "Procrustes, centred, normalised"}
    found = study.effects(ends(lambda label: 0.2 if label in centred else 0.9))
    assert len(found) == 2 * len(study.DIALS) * len(study.ROWS)
    by = found.set_index("factor")["difference"].abs()
    assert by["centring"].tolist() == pytest.approx([0.7] * len(by["centring"]))
    assert by["distance"].tolist() == pytest.approx([0.0] * len(by["distance"]))


def test_every_dial_starts_where_nothing_is_given_up():
    for name, dial in study.DIALS.items():
        assert dial.values[0] == 0.0
        assert study.CORNERS[name] in dial.values


def test_cells_and_names_go_together():
    for cell in study.grid(True):
        dial, rows, value = (cell.labels[name] for name in PLACE)
        kind, ratio = study.ROWS[rows]
        assert isinstance(cell.experiment.student, kind)
        assert cell.experiment.student_dim == 48 // ratio
        offset = cell.experiment.student.start.offset
        assert offset == (value if dial == "offset" else 0.0)
