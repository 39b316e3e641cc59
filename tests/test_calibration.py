"""Measures beside chance: against naive loops, closed forms and planted truths."""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import rsatoolbox
from scipy.stats import chi2
from sklearn.metrics import r2_score

from benchmarks import chance
from simgeo import functional, measures
from simgeo.calibration import DEFAULT, calibrate, embedded
from simgeo.calibration._forms import FORMS

EVERY = (*DEFAULT, "gram_error")  # which has no tables, and of which less is better
N, D, M = 24, 6, 3


def sides(seed=0, n=N, noise=1.0):
    """A teacher with a common mean, and a student that shares something with it."""
    rng = np.random.default_rng(seed)
    teacher = rng.normal(size=(n, D)) + 0.5
    return teacher[:, :M] + noise * rng.normal(size=(n, M)), teacher


@pytest.fixture(scope="module")
def found():
    """Two layers of a student with two of its teacher, by every measure."""
    student, teacher = sides()
    rng = np.random.default_rng(1)
    turned = teacher @ np.linalg.qr(rng.normal(size=(D, D)))[0]
    return calibrate(
        {"near": student, "turned": turned},
        {"true": teacher, "other": rng.normal(size=(N, D))},
        EVERY,
        0.3,
        num_permutations=63,
        num_resamples=40,
    )


@pytest.fixture(scope="module")
def tiny():
    """Five rows: all orders of them can be tried, and every call is one program."""
    student, teacher = sides(n=5)
    return calibrate(student, teacher, num_permutations=1).frame.set_index("measure")


def row(found, name, student="near", teacher="true"):
    return found.frame.set_index(["measure", "student", "teacher"]).loc[
        (name, student, teacher)
    ]


def values_of(student, teacher, orders, epsilon, names):
    """Every measure of the student with the teacher's rows in every order."""
    teachers = jnp.asarray(np.stack([teacher[[*order]] for order in orders]), float)
    student = jnp.asarray(student, float)

    def of_one(moved):
        return measures.battery(student, moved, epsilon, names)

    return jax.jit(lambda every: jax.lax.map(of_one, every))(teachers)


def test_values_are_those_of_the_measures_as_rows_are_and_permuted(found):
    student, teacher = sides()
    draw = np.random.default_rng([0, 0])
    orders = [range(N), *(draw.permutation(N) for _ in range(3))]
    for name, values in values_of(student, teacher, orders, 0.3, EVERY).items():
        ours = [row(found, name)["value"], *found.null[name][:3, 0, 0]]
        np.testing.assert_allclose(ours, values, atol=3e-6, err_msg=name)


def test_chance_is_the_mean_over_all_orders(tiny):
    orders = [*itertools.permutations(range(5))]
    every = values_of(*sides(n=5), orders, 0.1, DEFAULT)
    for name, values in every.items():
        mean = float(np.mean(values))
        assert tiny["chance"][name] == pytest.approx(mean, abs=3e-6, nan_ok=True), name


def test_p_counts_the_orders_and_the_true_one(found):
    for name in EVERY:
        null = found.null[name][:, 0, 1]
        value = row(found, name, "near", "other")["value"]
        as_good = null <= value if name == "gram_error" else null >= value - 1e-6
        p = (1 + np.sum(as_good)) / 64
        assert row(found, name, "near", "other")["p"] == pytest.approx(p), name


def test_the_search_is_corrected_by_the_largest_over_layers(found):
    for name in EVERY:
        sign = -1 if name == "gram_error" else 1
        frame = found.frame[found.frame["measure"] == name]
        value = frame["value"].to_numpy().reshape(2, 2)
        every = sign * np.concatenate([value[None], found.null[name]]).astype(float)
        standard = (every - every.mean(0)) / every.std(0)
        most = standard.max(axis=(1, 2))
        p = [np.mean(most >= each - 1e-5) for each in standard[0].ravel()]
        np.testing.assert_allclose(frame["p_adjusted"], p, atol=1e-9)
        assert (frame["p_adjusted"] >= frame["p"] - 1e-9).all()


def test_cka_is_corrected_as_debiased_cka_and_r2_as_adjusted_r2(found):
    student, teacher = sides()
    k, l = (each @ each.T * (1 - np.eye(N)) for each in (student, teacher))

    def hsic(k, l):  # Song et al. (2012), equation 5
        total = np.sum(k) * np.sum(l) / ((N - 1) * (N - 2))
        return np.trace(k @ l) + total - 2 / (N - 2) * np.sum(k @ l)

    debiased = hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))
    assert row(found, "cka")["corrected"] == pytest.approx(debiased, abs=1e-5)
    inputs = np.column_stack([np.ones(N), student])
    fitted = inputs @ np.linalg.lstsq(inputs, teacher)[0]
    r2 = r2_score(teacher, fitted, multioutput="variance_weighted")
    adjusted = 1 - (1 - r2) * (N - 1) / (N - 1 - M)
    assert row(found, "r2_of_teacher")["value"] == pytest.approx(r2, abs=1e-5)
    assert row(found, "r2_of_teacher")["corrected"] == pytest.approx(adjusted, abs=1e-5)


def test_intervals_hold_the_corrected_value_and_nothing_else_of_a_turned_teacher(found):
    assert found.num_resamples == 40
    for name in EVERY:
        each = row(found, name)
        best = each["value"] if np.isnan(each["corrected"]) else each["corrected"]
        assert each["low"] <= best <= each["high"], name
        if name != "r2_of_teacher":  # a half of the rows is few for as many dimensions
            turned = row(found, name, "turned")[["value", "low", "high"]]
            perfect = float(name != "gram_error")
            np.testing.assert_allclose(turned.astype(float), perfect, atol=1e-3)


def test_equal_rows_count_as_one_order():
    """Orders that exchange equal rows alone are as good as the true one."""
    student, teacher = (each[[0, 0, 0, 1, 1]] for each in sides())
    frame = calibrate(student, teacher, num_permutations=999).frame
    p = frame.set_index("measure")["p"]
    # Of 10 ways to choose the last two rows, one gives the value.
    np.testing.assert_allclose(p[["cka", "rsa", "cosine_correlation"]], 0.1, atol=0.03)


def test_ranks_among_orders_of_independent_sides_are_uniform():
    """By which a test of any level has that level; groups give rsa and others ties."""
    names, places, draws = ("cka", "cosine_correlation", "rsa"), 20, 400
    ranks = {name: np.zeros(places, int) for name in names}
    for draw in range(draws):
        rng = np.random.default_rng([3, draw])
        student, teacher = rng.normal(size=(12, 3)) + 0.5, rng.normal(size=(12, 6))
        options = {"num_permutations": places - 1, "num_resamples": 0, "seed": draw}
        frame = calibrate(student, teacher, names, **options).frame
        for name, p in zip(frame["measure"], frame["p"], strict=True):
            ranks[name][round(p * places) - 1] += 1
    expected = draws / places
    for name, counts in ranks.items():
        assert counts.sum() == draws
        spread = np.sum((counts - expected) ** 2) / expected
        assert spread < chi2.ppf(0.999, places - 1), name
        # All at one end would hide among so many bins.
        assert abs(counts[: places // 4].sum() / draws - 0.25) < 0.07, name


PLANTED = (0.0, 0.3, 0.7)


def planted(share, rng, draws):
    """Students that share so much of their variance with the first half of a teacher's
    dimensions, and are noise otherwise."""
    teachers = rng.normal(size=(draws, 32, 16))
    noise = rng.normal(size=(draws, 32, 8))
    return np.sqrt(share) * teachers[:, :, :8] + np.sqrt(1 - share) * noise, teachers


@pytest.mark.parametrize("share", PLANTED)
def test_debiased_cka_of_32_rows_is_a_planted_share_on_average(share):
    both = planted(share, np.random.default_rng(4), 2000)
    both = [jnp.asarray(each, float) for each in both]
    debiased = 1 - jax.jit(jax.vmap(functional.debiased_cka))(*both)
    biased = 1 - jax.jit(jax.vmap(functional.cka))(*both)
    truth = share * np.sqrt(8 / 16)
    assert abs(np.mean(debiased) - truth) < 0.01
    assert np.mean(biased) - truth > 0.1  # what is to be corrected


@pytest.mark.parametrize("share", PLANTED)
def test_a_planted_share_is_recovered_by_both_r2(share):
    students, teachers = planted(share, np.random.default_rng(5), 8)
    sides = [dict(enumerate(each)) for each in (students, teachers)]
    names = ("cka", "r2_of_student", "r2_of_teacher")
    frame = calibrate(*sides, names, num_permutations=1, num_resamples=0).frame
    own = frame[frame["student"] == frame["teacher"]].groupby("measure")
    truth = {
        "cka": share * 0.5**0.5,
        "r2_of_student": share,
        "r2_of_teacher": share / 2,
    }
    for name, rows in own:
        error = rows["corrected"].std() / np.sqrt(len(rows))
        assert abs(rows["corrected"].mean() - truth[name]) < 3 * error, name
        assert rows["value"].mean() - truth[name] > 3 * error, name


@pytest.mark.once
def test_false_positives_that_were_counted_are_one_in_twenty():
    """Each cell within three standard errors, all cells together within one percent."""
    rates = chance.read()
    assert (rates["draws"] == 2000).all()
    of_measures = rates.drop(columns=["n", "d", "m", "draws", "orders"])
    assert {*of_measures} == {*DEFAULT}
    error = np.sqrt(0.05 * 0.95 / 2000)
    assert of_measures.max().max() < 0.05 + 3 * error
    for name, each in of_measures.items():
        # Measures of few values tie, and a tie counts against the true order.
        if name not in ("matthews", "neighbour_overlap"):
            assert each.min() > 0.05 - 3 * error, name
            assert abs(each.mean() - 0.05) < 0.01, name


@pytest.mark.slow
def test_false_positives_keep_their_level():
    rejected, unbiased = [], []
    for draw in range(8):
        rng = np.random.default_rng(draw)
        students = {f"{i}": rng.normal(size=(32, 4)) for i in range(8)}
        teachers = {f"{i}": rng.normal(size=(32, 8)) for i in range(8)}
        names = ("cka", "neighbour_overlap", "r2_of_student", "matthews")
        frame = calibrate(
            students, teachers, names, num_permutations=99, num_resamples=0, seed=draw
        ).frame
        groups = frame.groupby("measure")
        rejected.append(groups["p"].agg(lambda p: np.mean(p <= 0.05)))
        unbiased.append(groups["corrected"].mean())
    # Of 512 pairs that share layers: four standard errors, and some more.
    assert np.all(np.abs(np.mean(rejected, axis=0) - 0.05) < 0.04)
    assert np.all(np.abs(np.mean(unbiased, axis=0)) < 0.01)


@pytest.mark.parametrize("kept", [0, 1])
def test_what_was_drawn_before_an_interrupt_is_kept(kept):
    student, teacher = sides()

    def interrupt(done):
        interrupt.told += 1
        if interrupt.told > kept:
            raise KeyboardInterrupt

    interrupt.told = 0
    found = calibrate(student, teacher, "cka", num_permutations=640, on_draws=interrupt)
    whole = calibrate(student, teacher, "cka", num_permutations=640, num_resamples=0)
    assert not found.complete
    assert whole.complete
    assert found.num_permutations == 64 * (kept + 1)
    first = whole.null["cka"][: found.num_permutations]
    np.testing.assert_array_equal(found.null["cka"], first)
    assert np.isnan(found.frame["low"]).all()


def test_undefined_is_nan_and_no_p(tiny):
    student, teacher = sides(n=5)
    frame = calibrate(0 * student, teacher, num_permutations=1).frame
    assert frame.drop(columns=["measure", "student", "teacher"]).isna().to_numpy().all()
    # As many dimensions as rows explain everything, whatever it is.
    assert tiny["value"]["r2_of_student"] == pytest.approx(1.0, abs=1e-4)
    assert np.isnan(tiny["corrected"]["r2_of_student"])


@pytest.mark.parametrize("edit", ["zero row", "orthonormal", "equal rows"])
def test_what_a_measure_does_not_define_is_no_value_here_either(edit):
    student, teacher = sides(n=5)
    if edit == "zero row":
        student[2] = 0.0
    elif edit == "orthonormal":
        teacher = np.eye(5)
    else:
        student[:] = student[0]
    names = tuple(name for name in DEFAULT if not name.startswith("r2"))
    frame = calibrate(student, teacher, names, num_permutations=1).frame
    expected = values_of(student, teacher, [range(5)], 0.1, names)
    for name, found in zip(frame["measure"], frame["value"], strict=True):
        right = float(expected[name][0])
        assert found == pytest.approx(right, abs=3e-6, nan_ok=True), name


@pytest.mark.once
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": "ckaa"}, "Did you mean 'cka'"),
        ({"names": "coherence"}, "must compare two sides"),
        ({"names": ()}, "`names` must name a measure"),
        ({"epsilon": 1.5}, "`epsilon` must lie in"),
        ({"num_permutations": 0}, "`num_permutations` must be at least 1"),
        ({"num_resamples": -1}, "`num_resamples` must be at least 0"),
        ({"num_resamples": 1}, "`num_resamples` must be 0 or at least 2"),
        ({"seed": -1}, "`seed` must be at least 0"),
        ({"confidence": 1.0}, "`confidence` must lie between"),
        ({"memory": 1000}, "a sample of"),
        ({"student": np.ones((3, 2))}, r"shape \(3, 2\) of student and \(24, 6\)"),
        ({"student": np.ones(3)}, "matrix of real numbers; got float64 of shape"),
        ({"student": np.ones((24, 2)) * 1j}, "complex128"),
        ({"student": np.array([[object()]])}, "object"),
        ({"student": np.full((24, 2), np.nan)}, "48 that are not"),
        ({"student": {}}, "`student` must have a layer"),
        (
            {"student": np.ones((3, 2)), "teacher": np.ones((3, 2))},
            "have at least 4 rows",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(change, said):
    student, teacher = sides()
    with pytest.raises(ValueError, match=said) as refusal:
        calibrate(**{"student": student, "teacher": teacher, **change})
    assert "\n" not in str(refusal.value)


@pytest.mark.once
def test_every_form_is_a_measure():
    assert {*FORMS} <= {*measures.MEASURES}
    assert {*DEFAULT} == {*FORMS}


def test_dissimilarities_of_rsatoolbox_stand_for_vectors():
    student, teacher = (each - each.mean(axis=0) for each in sides())
    datasets = [rsatoolbox.data.Dataset(each) for each in (student, teacher)]
    rdms = [rsatoolbox.rdm.calc_rdm(each, method="euclidean") for each in datasets]
    few = {"num_permutations": 9, "num_resamples": 0}
    given = calibrate(student, teacher, **few).frame
    found = calibrate(*rdms, **few).frame
    assert found["student"].unique() == ["0"]
    for column in ("value", "corrected", "p"):
        np.testing.assert_allclose(found[column], given[column], atol=1e-4)
    correlated = rsatoolbox.rdm.calc_rdm(datasets, method="correlation")
    vectors = embedded(correlated)
    assert [*vectors] == ["0", "1"]
    for each, side in zip(vectors.values(), (student, teacher), strict=True):
        squares = ((each[:, None] - each[None]) ** 2).sum(axis=-1)
        np.testing.assert_allclose(squares, 1 - np.corrcoef(side), atol=1e-12)


@pytest.mark.parametrize(
    ("dissimilarities", "said"),
    [
        (
            [[1.0, 1.0, np.nan]],
            "`rdms [0]` must hold squared distances; got numbers",
        ),
        ([[1.0, 9.0, 1.0]], "got an eigenvalue of -0.833, where none may be negative"),
    ],
)
def test_what_no_vectors_have_is_refused(dissimilarities, said):
    rdms = rsatoolbox.rdm.RDMs(np.array(dissimilarities))
    with pytest.raises(ValueError, match=re.escape(said)):
        calibrate(rdms, rdms)
