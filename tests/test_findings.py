"""The numbers of the findings, in README, docs and gallery, are those of the csv files.

A passage is a bullet, a row or a finding that cites one figure; all numbers in it are
compared, in their order, with what the csv of that figure gives, to the digits shown.
"""

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-\d+)?")
PAGES = ("README.md", "docs/which_objective.md", "figures/README.md")
FINDING = re.compile(r"\*Finding\.\* (.*)\n\n.*?\[pdf\]\((\w+)\.pdf\)")

Number = float | Callable[[pd.DataFrame], float]  # a setting, or of the csv


def at(column: str = "matthews", how: str = "median", **where) -> Number:
    """A statistic of the rows that have these values, at their last step."""

    def value(frame: pd.DataFrame) -> float:
        if "step" in frame and "step" not in where:
            frame = frame[frame["step"] == frame["step"].max()]
        for name, wanted in where.items():
            frame = frame[frame[name] == wanted]
        assert len(frame), where
        return frame[column].agg(how)

    return value


def largest_rise(objective: str, rate: float) -> Number:
    """Of 1 - CKA from record to record, as claim C7 is judged; median over seeds."""

    def value(frame: pd.DataFrame) -> float:
        chosen = frame["objective"].eq(objective)
        chosen &= frame["optimiser.learning_rate"].eq(rate)
        chosen &= frame["step"] >= frame["step"].max() / 4
        runs = frame[chosen].pivot(index="step", columns="seed", values="distance_cka")
        runs = runs.clip(lower=1e-5)
        return (runs / runs.shift()).max().median()

    return value


def most(column: str, by: str, **where) -> Number:
    """The largest of the medians over seeds."""

    def value(frame: pd.DataFrame) -> float:
        for name, wanted in where.items():
            frame = frame[frame[name] == wanted]
        return frame.groupby(["teacher", by])[column].median().max()

    return value


MEAN = functools.partial(at, teacher="common mean", student_dim=128)
HIGH = functools.partial(at, teacher="high fraction", student_dim=64)
HINGE = functools.partial(HIGH, hybrid="Projection + pattern hinge", weight=1)
REPAIRED = functools.partial(MEAN, hybrid="CKA + Procrustes")
RATES = functools.partial(at, study="adam", teacher="high fraction")
ROWS = functools.partial(at, "kept", dial="lengths", rows="unit rows, m = d")
SQUARE = functools.partial(at, "kept", dial="lengths", centring="uncentred")
BOTH = functools.partial(at, kind="conflict", weight=0.5, student_dim=48)
NORMAL = functools.partial(BOTH, kind="Gaussian")
FOUR = functools.partial(at, kind="conflict", number=4)
MAP = functools.partial(at, dim=8, epsilon=0.3)
CURVED = functools.partial(at, "steps_matthews", teacher="power law")
COUNTED = [
    MEAN("fraction_student", objective="CKA"),
    MEAN("fraction_teacher", objective="CKA"),
    MEAN(objective="CKA"),
]
CENTRED_GRAM = [RATES(objective="Gram, centred", learning_rate=r) for r in (0.1, 1)]
HELD: dict[str, list[tuple[str, list[Number]]]] = {
    "README.md": [
        (
            "kept_geometry",
            [
                MEAN(objective=name)
                for name in (
                    "CKA",
                    "Gram, centred",
                    "CKA, uncentred",
                    "Procrustes",
                    "Gram",
                )
            ],
        ),
        (
            "loss_against_geometry",
            [
                at(objective="Projection", student_dim=128, teacher=teacher)
                for teacher in ("high fraction", "blocks", "common mean")
            ],
        ),
        (
            "hybrid_weight_geometry",
            [
                HIGH(hybrid="CKA + Procrustes", weight=1),
                HIGH("svd_matthews"),
                HINGE(),
            ],
        ),
        ("optimiser_sensitivity", CENTRED_GRAM),
        ("hybrid_weight", [REPAIRED(weight=0), REPAIRED(weight=0.01)]),
        ("orthogonal_vectors", COUNTED),
        ("kept_geometry", [at(teacher="blocks", student_dim=128, objective="CKA")]),
        (
            "kept_geometry",
            [
                HIGH(objective="Procrustes"),
                HIGH(objective="Gram"),
                MEAN(objective="Procrustes, centred, normalised"),
                MEAN(objective="Gram, centred"),
            ],
        ),
        (
            "orthogonal_vectors",
            [
                at(
                    "fraction_student",
                    objective="CKA",
                    teacher="high fraction",
                    student_dim=128,
                    **step,
                )
                for step in ({"step": 0}, {})
            ],
        ),
    ],
    "docs/which_objective.md": [
        (
            "kept_geometry",
            [
                MEAN(objective=name)
                for name in ("Procrustes", "Gram", "CKA, uncentred", "CKA")
            ],
        ),
        (
            "assumptions",
            [
                ROWS(objective="Procrustes", value=1),
                1,
                ROWS(objective="CKA, uncentred", value=1),
                ROWS(objective="Gram", value=1),
            ],
        ),
        (
            "kept_geometry",
            [
                at(column, objective="Procrustes", student_dim=64, teacher=teacher)
                for column in ("matthews", "svd_matthews")
                for teacher in ("high fraction", "blocks", "common mean")
            ],
        ),
        (
            "asking_for_orthogonality",
            [
                at(objective=name, teacher="high fraction", student_dim=24)
                for name in ("Procrustes + hinge", "Procrustes")
            ],
        ),
        ("hybrid_weight", [0.01, REPAIRED(weight=0), REPAIRED(weight=0.01)]),
        (
            "framed_centring",
            [0.25]
            + [
                at(objective="CKA", teacher="common mean", student_dim=64, frame=r)
                for r in (0, 0.25)
            ],
        ),
        (
            "batch_size",
            [32, 256]
            + [
                at(objective=name, batch_size=32)
                for name in ("Procrustes", "Gram", "CKA", "CCA")
            ]
            + [64],
        ),
        (
            "optimiser_sensitivity",
            [0.1, 1]
            + [RATES(objective="Gram", learning_rate=r) for r in (0.1, 1)]
            + CENTRED_GRAM,
        ),
        (
            "convergence",
            [CURVED(objective=name) for name in ("Procrustes", "Gram", "CKA")] + [0.03],
        ),
        (
            "several_teachers",
            [BOTH(objective="Gram", place=place) for place in (0, 1)]
            + [BOTH(objective="Procrustes", place=place) for place in (0, 1)]
            + [NORMAL(objective="Gram", place=place) for place in (0, 1)],
        ),
        (
            "several_teachers_number",
            [
                FOUR(column, objective=name)
                for name in ("Projection", "Gram")
                for column in ("r2", "matthews")
            ],
        ),
        (
            "does_geometry_matter_ranking",
            [
                at("given_both", measure=name, reader="own", sparsity=0.9)
                for name in ("effective_rank", "matthews")
            ],
        ),
    ],
    "figures/README.md": [
        (
            "kept_geometry",
            [
                MEAN(objective="CKA"),
                MEAN(objective="CKA, uncentred"),
                most("matthews", "objective", teacher="high fraction", student_dim=64),
                HIGH("svd_matthews"),
            ],
        ),
        ("orthogonal_vectors", COUNTED),
        (
            "cka_spikes",
            [
                largest_rise("Procrustes, unsquared", 0.01),
                largest_rise("Procrustes, unsquared", 0.1),
                largest_rise("Procrustes", 0.1),
                1e-5,
            ],
        ),
        ("zero_loss_students", [at(student="mapped")]),
        (
            "orthogonality_map",
            [
                lambda frame: (frame["ceiling"] - frame["reached"])[
                    frame["dim"] >= 16
                ].max(),
                16,
                MAP("reached"),
                8,
                0.3,
                MAP("ceiling"),
            ],
        ),
        (
            "convergence",
            [
                most("steps_loss", "objective"),
                most("steps_matthews", "objective"),
            ],
        ),
        (
            "batch_size",
            [
                at(objective="Projection", batch_size=16),
                16,
                at(objective="Projection", batch_size=256),
                256,
                32,
                128,
            ],
        ),
        ("optimiser_sensitivity", [CENTRED_GRAM[0], 0.1, CENTRED_GRAM[1], 1]),
        ("hybrid_weight", [0.003, 0.01]),
        (
            "hybrid_weight_geometry",
            [
                at(
                    hybrid="Projection + pattern hinge",
                    teacher="blocks",
                    student_dim=64,
                    weight=weight,
                )
                for weight in (0, 0.3)
            ]
            + [HINGE(), HIGH(hybrid="CKA + Procrustes", weight=1)],
        ),
        (
            "assumptions",
            [
                lambda frame: (
                    frame[frame["rows"].str.endswith("m = d")]
                    .query("objective == 'Procrustes'")
                    .groupby(["dial", "rows", "value"])["kept"]
                    .median()
                    .min()
                ),
                1,
            ]
            + [
                at("kept", dial="mean", rows="unit rows, m = d", value=0.1, **chosen)
                for chosen in ({"objective": "Gram, centred"},)
            ]
            + [
                0.1,
                at(
                    "kept",
                    dial="mean",
                    rows="unit rows, m = d",
                    value=0.1,
                    objective="CKA",
                ),
            ],
        ),
        (
            "assumptions_square",
            [
                SQUARE(distance=name, rows=f"unit rows, m = {width}")
                for name in ("CKA", "Procrustes")
                for width in ("d", "d / 2")
            ],
        ),
        (
            "several_teachers",
            [
                BOTH(objective=name, place=place)
                for name in ("Gram", "Procrustes")
                for place in (0, 1)
            ]
            + [NORMAL(objective="Gram", place=1)]
            + [NORMAL("both_matthews", place=place) for place in (0, 1)],
        ),
        (
            "several_teachers_number",
            [
                FOUR("r2", objective=name, kind="agree")
                for name in ("Procrustes", "Gram")
            ],
        ),
    ],
}


def passages(page: str) -> Iterator[tuple[str, list[str]]]:
    """The figure that each passage cites, and the numbers in it; if there are any."""
    text = ROOT.joinpath(page).read_text(encoding="utf-8")
    found = [(stem, said) for said, stem in FINDING.findall(text)]
    for said in () if found else re.split(r"\n(?=- |\| |#|\n)", text):
        found += [(stem, said) for stem in re.findall(r"figures/(\w+)\.png", said)[:1]]
    for stem, said in found:
        said = re.sub(r"\]\([^)]*\)|`[^`]*`", "", said)
        if numbers := NUMBER.findall(said):
            yield stem, numbers


@pytest.mark.parametrize("page", PAGES)
def test_numbers_of_findings_are_those_of_the_csv(page):
    said = list(passages(page))
    held = HELD[page]
    if page == "figures/README.md":  # some findings have numbers of proofs
        stems = [stem for stem, _ in held]
        said = [passage for passage in said if passage[0] in stems]
    assert [stem for stem, _ in said] == [stem for stem, _ in held]
    for (stem, shown), (_, wanted) in zip(said, held, strict=True):
        frame = pd.read_csv(ROOT / "figures" / f"{stem}.csv")
        assert len(shown) == len(wanted), (stem, shown)
        for number, source in zip(shown, wanted, strict=True):
            value = source(frame) if callable(source) else source
            digits = len(number.partition(".")[2])
            if "e" in number or not callable(source):
                assert float(number) == value, (stem, number)
            else:
                half = 0.5 * 10**-digits + 1e-9
                assert abs(float(number) - value) <= half, (stem, number, value)
