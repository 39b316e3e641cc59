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


def most(column: str, **where) -> Number:
    """The largest of the medians over seeds."""

    def value(frame: pd.DataFrame) -> float:
        for name, wanted in where.items():
            frame = frame[frame[name] == wanted]
        return frame.groupby(["teacher", "objective"])[column].median().max()

    return value


def over(source: Callable[..., Number], name: str, *options, **where) -> list[Number]:
    """The source for each option of one condition."""
    return [source(**{name: option}, **where) for option in options]


MEAN = functools.partial(at, teacher="common mean", student_dim=128)
HIGH = functools.partial(at, teacher="high fraction", student_dim=64)
CKA = functools.partial(at, objective="CKA", student_dim=128)
HINGE = functools.partial(at, hybrid="Projection + pattern hinge", student_dim=64)
REPAIRED = functools.partial(MEAN, hybrid="CKA + Procrustes")
RATES = functools.partial(at, study="adam", teacher="high fraction")
UNIT = functools.partial(at, "kept", rows="unit rows, m = d")
SQUARE = functools.partial(at, "kept", dial="lengths", centring="uncentred")
BOTH = functools.partial(at, kind="conflict", weight=0.5, student_dim=48)
FOUR = functools.partial(at, kind="conflict", number=4)

HALF = functools.partial(at, teacher="high fraction", student_dim=24)

TEACHERS = ("high fraction", "blocks", "common mean")
UNCENTRED = ("CKA, uncentred", "Procrustes", "Gram")
HIGH_ALONE = HIGH(hybrid="CKA + Procrustes", weight=1)
HINGE_ALONE = HINGE(teacher="high fraction", weight=1)
RATE = ("learning_rate", 0.1, 1)
CENTRED_GRAM = over(RATES, *RATE, objective="Gram, centred")
COUNTED = over(MEAN, "column", "fraction_student", "fraction_teacher", objective="CKA")
COUNTED += [MEAN(objective="CKA")]
# In another order, with the random start's.
TOLD = [COUNTED[0], MEAN("fraction_student", objective="CKA", step=0), *COUNTED[1:]]
PAIRS = over(BOTH, "place", 0, 1, objective="Gram")
PAIRS += over(BOTH, "place", 0, 1, objective="Procrustes")
BELOW = {"objective": "Procrustes", "student_dim": 64}


def least_of_procrustes(frame: pd.DataFrame) -> float:
    """The least of its medians at the teacher's width, over all dials."""
    frame = frame[frame["rows"].str.endswith("m = d")]
    frame = frame[frame["objective"] == "Procrustes"]
    return frame.groupby(["dial", "rows", "value"])["kept"].median().min()


def widest_gap(frame: pd.DataFrame) -> float:
    """Between the ceiling and what the generator reaches, from d = 16 on."""
    return (frame["ceiling"] - frame["reached"])[frame["dim"] >= 16].max()


def agreement(order: str, column: str) -> Number:
    """Of networks with their twins, averaged over settings, at the chosen weights."""

    def value(_: pd.DataFrame) -> float:
        found = pd.read_csv(ROOT / "figures" / "bridge_correlations.csv")
        found = found[(found["weight"] == "chosen") & (found["setting"] == "mean")]
        return found.set_index("order_of").loc[order, column]

    return value


CENTRED = functools.partial(at, "gain", objective="Procrustes, centred, normalised")
HELPED = over(
    CENTRED,
    "setting",
    *("digits, m = 8", "MNIST, m = 8", "two views, m = 8"),
    learned_from="labels",
)
PRESERVED = [agreement("real", name) for name in ("correlation", "low", "high")]
GAINED = functools.partial(agreement, "gain")

SOURCES = "labels", "teacher's logits", "labels and logits"
READ = functools.partial(at, "gain", setting="news, MiniLM")
OF_TEXTS = over(
    READ, "learned_from", *SOURCES, objective="Procrustes, centred, normalised"
)

VIEWS = {"setting": "two views, m = 8"}
SEEN = [
    f"teacher of {seen}, noise {noise}"
    for seen in ("both", "the field")
    for noise in (2, 4)
]


COSTS = at(
    "gain",
    setting="perceptron",
    learned_from="teacher's logits",
    objective="CKA of logits",
)


def cost_of_two_bits(frame: pd.DataFrame) -> float:
    """Points of accuracy that students of eight units lose, without a term."""
    alone = frame[frame["objective"].eq("none") & frame["units"].eq(8)]
    middle = 100 * alone.groupby("bits")["accuracy"].median()
    return middle[32] - middle[2]


HELD: dict[str, list[tuple[str, list[Number]]]] = {
    "README.md": [
        ("bridge", PRESERVED),
        ("real_networks", HELPED),
        ("real_text", OF_TEXTS[:2]),
        ("two_views", over(CENTRED, "setting", *SEEN[1::2], learned_from="labels")),
        ("relations", [CENTRED(setting="convolutional", learned_from="labels")]),
        ("kept_geometry", over(MEAN, "objective", "CKA", "Gram, centred", *UNCENTRED)),
        ("hybrid_weight_geometry", [HIGH_ALONE, HIGH("svd_matthews"), HINGE_ALONE]),
        ("optimiser_sensitivity", CENTRED_GRAM),
        ("hybrid_weight", over(REPAIRED, "weight", 0, 0.01)),
        ("orthogonal_vectors", TOLD),
        ("kept_geometry", [CKA(teacher="blocks")]),
        (
            "kept_geometry",
            over(HIGH, "objective", "Procrustes", "Gram")
            + over(
                MEAN, "objective", "Procrustes, centred, normalised", "Gram, centred"
            ),
        ),
        (
            "orthogonal_vectors",
            [
                CKA("fraction_student", teacher="high fraction", step=0),
                CKA("fraction_student", teacher="high fraction"),
            ],
        ),
    ],
    "docs/which_objective.md": [
        (
            "kept_geometry",
            over(MEAN, "objective", "Procrustes", "Gram", "CKA, uncentred", "CKA"),
        ),
        (
            "assumptions",
            [UNIT(dial="lengths", value=1, objective="Procrustes"), 1]
            + over(
                UNIT, "objective", "CKA, uncentred", "Gram", dial="lengths", value=1
            ),
        ),
        (
            "kept_geometry",
            over(at, "teacher", *TEACHERS, **BELOW)
            + over(at, "teacher", *TEACHERS, column="svd_matthews", **BELOW),
        ),
        (
            "asking_for_orthogonality",
            over(HIGH, "objective", "Procrustes + hinge", "Procrustes", student_dim=24),
        ),
        ("hybrid_weight", [0.01, *over(REPAIRED, "weight", 0, 0.01)]),
        (
            "framed_centring",
            [0.25, *over(MEAN, "frame", 0, 0.25, objective="CKA", student_dim=64)],
        ),
        (
            "batch_size",
            [32, 256]
            + over(at, "objective", "Procrustes", "Gram", "CKA", "CCA", batch_size=32)
            + [64],
        ),
        (
            "optimiser_sensitivity",
            [0.1, 1, *over(RATES, *RATE, objective="Gram"), *CENTRED_GRAM],
        ),
        (
            "convergence",
            [
                at("steps_matthews", teacher="power law", objective=name)
                for name in ("Procrustes", "Gram", "CKA")
            ]
            + [0.03],
        ),
        (
            "several_teachers",
            PAIRS + over(BOTH, "place", 0, 1, kind="Gaussian", objective="Gram"),
        ),
        (
            "several_teachers_number",
            over(FOUR, "column", "r2", "matthews", objective="Projection")
            + over(FOUR, "column", "r2", "matthews", objective="Gram"),
        ),
        (
            "does_geometry_matter_ranking",
            [
                at("given_both", measure=name, reader="own", sparsity=0.9)
                for name in ("effective_rank", "matthews")
            ],
        ),
        ("real_networks", HELPED),
        (
            "layers",
            over(
                CENTRED,
                "layers",
                *("last", "all, in order", "all, reversed", "last, untrained"),
            ),
        ),
    ],
    "figures/README.md": [
        (
            "headline_centring",
            over(MEAN, "objective", "CKA", "Procrustes, centred, normalised")
            + [MEAN(objective="Gram, centred")]
            + over(MEAN, "objective", *UNCENTRED),
        ),
        (
            "headline_width",
            over(HALF, "objective", "Procrustes", "Gram")
            + [HALF("svd_matthews")]
            + [HALF(objective="Procrustes + hinge")]
            + over(
                HALF, "objective", "Procrustes + hinge", "Procrustes", column="price"
            ),
        ),
        (
            "headline_optimiser",
            [0.1, 1]
            + over(at, *RATE, objective="Gram, centred")
            + over(at, *RATE, objective="Gram"),
        ),
        (
            "headline_repair",
            [0.001, *over(at, "weight", 0, 0.001, student_dim=128), 0.01]
            + [at(student_dim=128, weight=0.01), 0.01]
            + over(at, "weight", 0, 0.01, student_dim=64),
        ),
        (
            "headline_counting",
            over(at, "column", "fraction_student", "fraction_teacher", objective="CKA")
            + [at(objective="CKA")]
            + over(
                at, "column", "fraction_student", "matthews", objective="CKA, uncentred"
            ),
        ),
        (
            "kept_geometry",
            over(MEAN, "objective", "CKA", "CKA, uncentred")
            + [most("matthews", teacher="high fraction", student_dim=64)]
            + [HIGH("svd_matthews")],
        ),
        ("orthogonal_vectors", COUNTED),
        ("zero_loss_students", [at(student="mapped")]),
        (
            "cka_spikes",
            [
                largest_rise("Procrustes, unsquared", 0.01),
                largest_rise("Procrustes, unsquared", 0.1),
                largest_rise("Procrustes", 0.1),
                1e-5,
            ],
        ),
        (
            "orthogonality_map",
            [widest_gap, 16, at("reached", dim=8, epsilon=0.3), 8, 0.3]
            + [at("ceiling", dim=8, epsilon=0.3)],
        ),
        ("convergence", [most("steps_loss"), most("steps_matthews")]),
        (
            "batch_size",
            [at(objective="Projection", batch_size=16), 16]
            + [at(objective="Projection", batch_size=256), 256, 32, 128],
        ),
        ("optimiser_sensitivity", [CENTRED_GRAM[0], 0.1, CENTRED_GRAM[1], 1]),
        ("hybrid_weight", [0.003, 0.01]),
        (
            "hybrid_weight_geometry",
            over(HINGE, "weight", 0, 0.3, teacher="blocks") + [HINGE_ALONE, HIGH_ALONE],
        ),
        (
            "assumptions",
            [least_of_procrustes, 1]
            + [UNIT(dial="mean", value=0.1, objective="Gram, centred"), 0.1]
            + [UNIT(dial="mean", value=0.1, objective="CKA")],
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
            [*PAIRS, BOTH(kind="Gaussian", objective="Gram", place=1)]
            + over(BOTH, "place", 0, 1, column="both_matthews", kind="Gaussian"),
        ),
        (
            "several_teachers_number",
            over(FOUR, "objective", "Procrustes", "Gram", column="r2", kind="agree"),
        ),
        ("bridge", [*PRESERVED, *over(GAINED, "column", "correlation", "low", "high")]),
        (
            "real_networks",
            HELPED,
        ),
        (
            "real_terms",
            over(
                CENTRED,
                "learned_from",
                *("teacher's logits", "labels and logits"),
                "labels, a fifth of the examples",
            ),
        ),
        (
            "layers",
            over(
                CENTRED,
                "layers",
                *("last", "all, in order", "all, reversed", "last with first", "first"),
                "last, untrained",
            )
            + [at("gain", objective="CKA", layers="first with last")],
        ),
        (
            "interface",
            [CENTRED(setting="digits, m = 8")]
            + [at("gain", objective="Projection, solved", setting="digits, m = 8")]
            + [at("gain", objective="Projection, centred", **VIEWS), CENTRED(**VIEWS)]
            + [at("gain", objective="Projection", **VIEWS)],
        ),
        (
            "quantised_student",
            [*over(CENTRED, "bits", 3, 4, 8, 32, units=8), cost_of_two_bits],
        ),
        (
            "real_text",
            [*OF_TEXTS, *over(READ, "learned_from", *SOURCES, objective="CKA")],
        ),
        (
            "language_model",
            over(CENTRED, "learned_from", *SOURCES, setting="instructions")
            + over(CENTRED, "learned_from", *SOURCES, setting="Python reference"),
        ),
        (
            "two_views",
            [
                number
                for setting in SEEN
                for number in over(CENTRED, "learned_from", *SOURCES, setting=setting)
            ],
        ),
        (
            "relations",
            over(CENTRED, "learned_from", *SOURCES, setting="perceptron")
            + over(CENTRED, "learned_from", *SOURCES, setting="convolutional")
            + [lambda frame: -COSTS(frame)],
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


def test_the_table_of_batches_is_that_of_the_csv():
    frame = pd.read_csv(ROOT / "figures" / "batch_size.csv")
    text = ROOT.joinpath("docs/objectives.md").read_text(encoding="utf-8")
    table = text.partition("| objective | b = 16 |")[2].partition("\n\n")[0]
    sizes = [int(size) for size in re.findall(r"b = (\d+)", f"b = 16 {table}")]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()[2:]]
    assert len(rows) == frame["objective"].nunique()
    for name, *cells in rows:
        for size, cell in zip(sizes, cells, strict=True):
            runs = frame[frame["objective"].eq(name) & frame["batch_size"].eq(size)]
            loss, agreement = runs[["relative_loss", "matthews"]].median()
            shown = [float(number) for number in cell.split(", ")]
            assert shown == [float(f"{loss:.2g}"), round(agreement, 2)], (
                name,
                size,
            )


def test_the_table_of_the_readme_is_that_of_the_csv():
    frame = pd.read_csv(ROOT / "figures" / "kept_geometry.csv")
    text = ROOT.joinpath("README.md").read_text(encoding="utf-8")
    table = text.partition("| teacher | m | ")[2].partition("\n\n")[0]
    objectives = (
        *("CKA", "Procrustes, centred, normalised", "Gram, centred"),
        *(*UNCENTRED, "Projection"),
    )
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()[2:]]
    assert [row[0] for row in rows[:3]] == [row[0] for row in rows[3:]]
    for place, (_, width, *cells, baseline) in enumerate(rows):
        chosen = frame["teacher"].eq(TEACHERS[place % 3])
        runs = frame[chosen & frame["student_dim"].eq(int(width))]
        medians = runs.groupby("objective")["matthews"].median()
        wanted = [
            *(medians[name] for name in objectives),
            runs["svd_matthews"].median(),
        ]
        for shown, value in zip([*cells, baseline], wanted, strict=True):
            assert abs(float(shown) - value) <= 0.005, (place, width, shown, value)
    assert (
        frame.groupby(["teacher", "student_dim"])["chance_matthews"]
        .median()
        .abs()
        .max()
        < 0.005
    )


def test_the_outcome_of_texts_is_that_of_the_tests():
    found = pd.read_csv(ROOT / "figures" / "real_text_compared.csv")
    is_term = found["baseline"] == "none"
    is_sure = found["p_adjusted"] < 0.05
    terms = found[is_term & is_sure]
    assert {*terms["setting"]} == {"news, MiniLM"}
    assert (terms["difference"] > 0).all()
    counts = terms["condition"].value_counts().to_dict()
    assert counts == {"Procrustes, centred, normalised": 3, "CKA": 3, "Projection": 1}
    of_logits = found[~is_term & (found["learned_from"] == "teacher's logits")]
    assert (of_logits["p_adjusted"] < 0.05).all()
    assert of_logits["difference"].between(-0.02, -0.005).all()


def test_the_outcome_of_language_models_is_that_of_the_tests():
    found = pd.read_csv(ROOT / "figures" / "language_model_compared.csv")
    is_term = found["baseline"] == "none"
    assert (found["p_adjusted"][is_term] > 0.05).all()
    running = found[is_term & (found["setting"] == "Python reference")]
    assert (running["difference"] < 0.005).all()
    of_logits = found[~is_term & (found["learned_from"] == "teacher's logits")]
    assert len(of_logits) == 2
    assert (of_logits["p_adjusted"] < 0.05).all()
    assert of_logits["difference"].between(-0.01, -0.005).all()


def test_the_outcome_of_two_views_is_that_of_the_tests():
    found = pd.read_csv(ROOT / "figures" / "two_views_compared.csv")
    is_sure = found["p_adjusted"] < 0.05
    centred = found["condition"].str.startswith("Procrustes")
    of_both = found["setting"].str.startswith("teacher of both")
    gains = found[centred & of_both]
    assert is_sure[gains.index].all()
    assert gains["difference"].between(0.017, 0.0313).all()
    assert not is_sure[centred & ~of_both].any()
    of_logits = found[found["baseline"].eq("labels")]
    of_logits = of_logits[of_logits["learned_from"] == "teacher's logits"]
    assert is_sure[of_logits.index].all()
    assert of_logits["difference"].between(0.007, 0.0126).all()
    views = pd.read_csv(ROOT / "figures" / "two_views_second_view.csv")
    is_better = views["p_adjusted"] < 0.05
    labels = views[
        (views["learned_from"] == "labels")
        & views["objective"].str.startswith("Procrustes")
    ]
    assert is_better[labels.index].tolist() == [False, True]
    assert not is_better[views["objective"].eq("none")].any()


def test_the_outcome_of_relations_is_that_of_the_tests():
    found = pd.read_csv(ROOT / "figures" / "relations_compared.csv")
    is_term = found["baseline"] == "none"
    sure = found[is_term & (found["p_adjusted"] < 0.05)]
    centred = sure[sure["condition"].str.startswith("Procrustes")]
    assert len(centred) == 6
    assert centred["difference"].between(0.019, 0.037).all()
    [other] = sure.drop(centred.index).to_dict("records")
    assert other["condition"] == "CKA of logits"
    assert other["learned_from"] == "teacher's logits"
    assert other["difference"] < 0
    of_logits = found[~is_term]
    assert (of_logits["p_adjusted"] < 0.05).all()
    assert of_logits["difference"].between(-0.035, -0.011).all()
