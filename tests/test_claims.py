"""The verdicts follow from the numbers, whatever these are."""

import itertools

import numpy as np
import pandas as pd
import pytest

from experiments import cells, claims, cross_objectives, report
from simgeo import plots, settings

pytestmark = pytest.mark.once

LABELS = [objective.label for objective in cells.OBJECTIVES]


def runs(kept: dict[str, float], gain: float = 0.0) -> pd.DataFrame:
    """Two records of every objective; those of `kept` end at that correlation."""
    rng = np.random.default_rng(0)
    rows = []
    for teacher, width, label, seed, step in itertools.product(
        ["a", "b"], [8, 4], LABELS, range(12), [0, 10]
    ):
        matthews = kept.get(label, 1.0) * (step > 0) - 1e-4 * rng.random()
        rows.append(
            {
                "teacher": teacher,
                "student_dim": width,
                "objective": label,
                "seed": seed,
                "step": step,
                "matthews": matthews,
                "svd_matthews": 1.0,
                "pattern_recall": matthews,
                "fraction_student": 0.5 + gain * (step > 0),
                "excess_loss": 1e-5,
                "loss": 1.01,
                "optimum_loss": 1.0,
            }
        )
    return pd.DataFrame(rows)


def spikes(rise: float) -> pd.DataFrame:
    rows = [
        ("Procrustes", 0.1, "a", 8, seed, step, 1e-3 * (rise if step == 90 else 1.0))
        for seed in range(6)
        for step in range(0, 101, 10)
    ]
    columns = ["objective", cells.RATE, "teacher", "student_dim", "seed", "step"]
    return pd.DataFrame(rows, columns=[*columns, "distance_cka"])


def made(procrustes_of_mapped: float = 3.0) -> pd.DataFrame:
    rows = [
        ("teacher", 1.0, 0.0, 0.0, 0.0, 0.0),
        ("rotated", 1.0, 0.0, 0.0, 0.0, 0.0),
        ("translated", 0.0, 0.0, 0.0, 2.0, 2.0),
        ("mapped", 0.2, 0.5, 0.0, procrustes_of_mapped, 3.0),
    ]
    columns = ["student", "matthews", "cka", "projection", "procrustes", "gram"]
    return pd.DataFrame(rows, columns=columns)


def verdicts(frame, rise=1.0, students=None) -> dict[str, str]:
    students = made() if students is None else students
    found = claims.judge(frame, spikes(rise), students)
    return {claim.name: claim.verdict for claim in found}


def test_the_paper_holds_where_the_numbers_say_so():
    found = verdicts(runs({"CKA": 0.1, "Projection": 0.2}), rise=5.0)
    assert found == dict.fromkeys(found, "held")


def test_and_does_not_where_they_do_not():
    keeping = dict.fromkeys(LABELS, 0.1) | {"CKA": 1.0, "Projection": 1.0}
    found = verdicts(runs(keeping, gain=0.2))
    assert found == dict.fromkeys(found, "not held") | {"C6": "held"}


def test_parts_are_told_apart():
    centred = {label: 0.3 for label in LABELS if "centred" in label}
    found = verdicts(runs(centred | {"CKA": 0.1, "Projection": 0.2}))
    assert (found["C3"], found["C4"]) == ("held in part", "held in part")
    assert verdicts(runs({}), students=made(procrustes_of_mapped=0.0))["C6"] == (
        "held in part"
    )


def test_a_high_loss_does_not_count_as_a_low_one():
    frame = runs({"CKA": 0.1})
    frame.loc[frame["objective"] == "CKA", "excess_loss"] = 0.1
    assert verdicts(frame)["C1"] == "not held"


def test_report_names_the_cells_that_fail():
    frame = runs({"CKA": 0.1, "Projection": 0.2, "Procrustes": 0.5})
    found = claims.judge(frame, spikes(5.0), made())
    tables = report.tables((found, frame, "a preset"))
    table = tables["claims.csv"].set_index("claim")
    assert "Procrustes (a 8, a 4, b 8, b 4)" in table.loc["C3"].to_list()
    text = tables["claims.md"]
    assert "a preset" in text
    assert "-0 [" not in text
    assert set(tables["comparisons.csv"]["condition"]) == set(LABELS) - {"CKA"}


@pytest.mark.parametrize("quick", [False, True])
def test_every_run_is_another_one_and_has_a_style(quick):
    grid = [*cells.main_grid(quick), *cross_objectives.spike_grid(quick)]
    keys = {settings.fingerprint(cell.experiment) for cell in grid}
    assert len(keys) == len(grid)
    assert {cell.experiment.objective.label for cell in grid} <= set(plots.STYLES)
    assert all(cell.experiment.num_seeds >= 16 for cell in grid)
