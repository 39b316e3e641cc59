"""The verdicts follow from the numbers, whatever these are."""

import itertools

import numpy as np
import pandas as pd
import pytest

from experiments import cells, cka_spikes, claims, report
from experiments.report.verdicts import judge
from experiments.study import draw
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
                "svd_fraction_student": 0.7,
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


def verdicts(frame, rise=1.0, students=None) -> dict[str, dict[str, str]]:
    """Of every variant of every claim."""
    students = made() if students is None else students
    found = judge(frame, spikes(rise), students)
    return {
        claim.name: dict(claim.verdicts[["variant", "verdict"]].to_numpy())
        for claim in found
    }


def every(found: dict[str, dict[str, str]], *names: str) -> set[str]:
    return {one for name in names or found for one in found[name].values()}


LOSING = {"CKA": 0.1, "CKA, uncentred": 0.1, "Projection": 0.2}


def test_the_paper_holds_where_the_numbers_say_so():
    assert every(verdicts(runs(LOSING), rise=5.0)) == {"held"}


def test_and_does_not_where_they_do_not():
    keeping = dict.fromkeys(LABELS, 0.1) | dict.fromkeys(LOSING, 1.0)
    found = verdicts(runs(keeping, gain=0.2))
    assert every(found, "C6") == {"held"}
    assert every(found, "C1", "C2", "C3", "C4", "C5", "C7") == {"failed"}


def test_every_variant_has_a_verdict_of_its_own():
    centred = {label: 0.3 for label in LABELS if "centred" in label.split(", ")}
    found = verdicts(runs(centred | {"CKA": 0.1}))
    assert found["C1"] == {"CKA": "held", "CKA, uncentred": "failed"}
    name = "Procrustes, centred, normalised"
    assert found["C3"] == {name: "failed", "Procrustes": "held"}
    assert (found["C4"]["Gram, centred"], found["C4"]["Gram"]) == ("failed", "held")
    broken = verdicts(runs({}), students=made(procrustes_of_mapped=0.0))["C6"]
    assert sorted(broken.values()) == ["failed", "failed", "held"]


def test_a_student_as_good_as_a_low_baseline_is_not_judged():
    ends = {"CKA": 0.3, "Procrustes": 0.3, "Gram": 0.1, "Projection": 0.1}
    frame = runs(ends).assign(svd_matthews=0.32)
    found = verdicts(frame)
    assert found["C1"]["CKA"] == found["C3"]["Procrustes"] == "not judged"
    assert (found["C4"]["Gram"], found["C2"]["Projection"]) == ("failed", "held")
    assert verdicts(frame.assign(svd_fraction_student=0.5))["C5"]["CKA"] == "not judged"


def test_a_high_loss_does_not_count_as_a_low_one():
    frame = runs({"CKA": 0.1})
    frame.loc[frame["objective"] == "CKA", "excess_loss"] = 0.1
    assert verdicts(frame)["C1"]["CKA"] == "failed"


def test_report_says_and_draws_the_state_of_every_cell(tmp_path):
    frame = runs(LOSING | {"Procrustes": 0.5})
    found = judge(frame, spikes(5.0), made())
    judged = report.Judged(found, frame, "a preset")
    tables = report.tables(judged)
    text = tables["claims.md"]
    assert "|  | Procrustes | failed | 0 | 4 | 0 |" in text
    assert "a preset" in text
    assert "-0 [" not in text
    assert set(tables["comparisons.csv"]["condition"]) == set(LABELS) - {"CKA"}
    figure = report.STUDY.figures["claims"]
    drawn = figure.drawn(judged)
    draw(figure, drawn, tmp_path, "claims")
    assert (tmp_path / "claims.png").is_file()
    assert list(drawn["claim"].unique()) == [claim.name for claim in found]
    assert len(drawn) == sum(len(claim.cells) for claim in found)
    assert set(drawn["state"]) == {claims.HELD, claims.FAILED}


@pytest.mark.parametrize("quick", [False, True])
def test_every_run_is_another_one_and_has_a_style(quick):
    grid = [*cells.main_grid(quick), *cka_spikes.grid(quick)]
    keys = {settings.fingerprint(cell.experiment) for cell in grid}
    assert len(keys) == len(grid)
    assert {cell.experiment.objective.label for cell in grid} <= set(plots.STYLES)
    assert all(cell.experiment.num_seeds >= 16 for cell in grid)
