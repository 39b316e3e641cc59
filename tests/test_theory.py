"""Inequalities on thousands of pairs, constructions against what they promise."""

import itertools
import math
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import approx_fprime, minimize, minimize_scalar

from simgeo import measures, objectives, theory
from simgeo.theory import table
from simgeo.theory.pairs import KINDS
from simgeo.theory.search import _Penalised

RNG = np.random.default_rng(0)
IN_DOUBLE = jax.config.read("jax_enable_x64")
once = pytest.mark.once  # NumPy computes it, in float64 on the host
TOLERANCE = 1e-6 if IN_DOUBLE else 2e-3  # float32 cancels
ROUNDING = 1e-10  # of each side, relative to the sizes that it is made of


@cache
def awkward():
    """Pairs by their kinds, drawn when the first test asks for them."""
    return list(theory.awkward_pairs(3000))


@cache
def compared():
    """What is compared of each pair."""
    return [theory.both(*pair) for _, pair in awkward()]


def value(objective, student, teacher) -> float:
    both = (jnp.asarray(each, float) for each in (student, teacher))
    return float(jax.jit(lambda *both: objective(*both))(*both))


def cosines(vectors):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units @ units.T


# Distances


@pytest.mark.parametrize("width", [3, 9])
def test_comparison_agrees_with_objectives_and_measures(width):
    student, teacher = RNG.standard_normal((12, width)), RNG.standard_normal((12, 6))
    plain, centred = theory.both(student, teacher)
    standard = objectives.STANDARD
    expected = {
        "cka": centred.cka_loss,
        "cka_uncentred": plain.cka_loss,
        "projection": plain.projection / 12,
        "procrustes": plain.procrustes**2,
        "procrustes_normalised": 2 * centred.nbs_loss,
        "gram": plain.gram**2,
        "gram_centred": centred.gram**2,
    }
    for name, found in expected.items():
        other = value(standard[name], student, teacher)
        assert np.isclose(found, other, rtol=TOLERANCE, atol=TOLERANCE), name
    own, target = (jnp.asarray(each, float) for each in (student, teacher))
    names = "cka", "procrustes_similarity", "r2_of_teacher", "effective_rank"
    seen = jax.jit(partial(measures.battery, epsilon=0.1, names=names))(own, target)
    for found, other in (
        (centred.cka, seen["cka"]),
        (centred.nbs, seen["procrustes_similarity"]),
        (1 - centred.projection / centred.size, seen["r2_of_teacher"]),
        (plain.ranks[0], seen["effective_rank"]),
        (plain.ranks[1], jax.jit(measures.effective_rank)(target)),
    ):
        assert np.isclose(found, float(other), rtol=TOLERANCE, atol=TOLERANCE)


@once
@pytest.mark.parametrize(("m", "d"), [(2, 5), (5, 5), (7, 3)])
def test_procrustes_distance_agrees_with_scipy(m, d):
    student, teacher = RNG.standard_normal((9, m)), RNG.standard_normal((9, d))
    width = max(m, d)
    wide = np.pad(student, ((0, 0), (0, width - m)))
    target = np.pad(teacher, ((0, 0), (0, width - d)))
    rotation, _ = orthogonal_procrustes(wide, target)
    expected = np.linalg.norm(target - wide @ rotation)
    assert np.isclose(theory.procrustes_distance(student, teacher), expected)


@once
def test_distances_are_accurate_near_zero():
    teacher = RNG.standard_normal((8, 4))
    rotation = np.linalg.qr(RNG.standard_normal((4, 4)))[0]
    student = (1 + 1e-10) * teacher @ rotation
    size = np.linalg.norm(teacher)
    found = theory.procrustes_distance(student, teacher)
    assert np.isclose(found, 1e-10 * size, rtol=1e-4)  # formed from entries of size 1


@once
def test_a_constant_side_leaves_centred_similarities_undefined():
    plain, centred = theory.both(np.ones((5, 2)), RNG.standard_normal((5, 3)))
    assert np.isfinite([plain.cka, plain.nbs]).all()
    assert np.isnan([centred.cka, centred.nbs]).all()
    assert np.isclose(centred.procrustes**2, centred.size)


@once
@pytest.mark.parametrize(
    ("student", "words"),
    [(np.ones((4, 2)), "as many rows"), (np.full((3, 2), np.nan), "finite")],
)
def test_pairs_that_cannot_be_compared_are_refused(student, words):
    with pytest.raises(ValueError, match=words):
        theory.compare(student, np.ones((3, 2)))


# Inequalities


@once
@pytest.mark.parametrize("name", theory.INEQUALITIES)
def test_inequality_holds_for_every_awkward_pair(name):
    sides = theory.INEQUALITIES[name].sides
    defined = set()
    for (kind, (student, teacher)), both in zip(awkward(), compared(), strict=True):
        small, large = sides(*both)
        if np.isnan(small) or np.isnan(large):
            continue
        defined.add(kind)
        size = max(np.linalg.norm(student), np.linalg.norm(teacher), 1.0)
        # Squares of distances and Gram matrices carry the square of the size.
        assert small <= large * (1 + ROUNDING) + 1e-12 * size**2, kind
    assert defined == set(KINDS)


@once
@pytest.mark.parametrize("name", theory.INEQUALITIES)
def test_inequality_cannot_be_improved(name):
    inequality = theory.INEQUALITIES[name]
    if inequality.attained is not None:
        small, large = inequality(*inequality.attained)
        assert large > 0.1
        assert np.isclose(small, large, rtol=1e-12)
        return
    teacher = RNG.standard_normal((8, 4))
    near = teacher + 1e-3 * RNG.standard_normal((8, 4))
    small, large = inequality(near, teacher)
    assert 0 < large - small < 1e-5 * large


@once
@pytest.mark.parametrize("name", theory.FALLACIES)
def test_fallacy_is_broken_by_its_pair(name):
    small, large = theory.FALLACIES[name].broken()
    assert small > 1.2 * large


@once
def test_intervals_contain_the_distances():
    for kind, (student, teacher) in awkward()[:600]:
        distances = (
            theory.procrustes_distance(student, teacher),
            theory.gram_distance(student, teacher),
        )
        bounds = (
            theory.procrustes_bounds(student, teacher),
            theory.gram_bounds(student, teacher),
        )
        size = max(np.linalg.norm(student), np.linalg.norm(teacher), 1.0)
        for distance, (lower, upper) in zip(distances, bounds, strict=True):
            slack = ROUNDING * distance + 1e-12 * size**2
            assert lower - slack <= distance <= upper + slack, kind


@once
def test_procrustes_and_gram_vanish_together():
    teacher = RNG.standard_normal((6, 3))
    rotation = np.linalg.qr(RNG.standard_normal((3, 3)))[0]
    wide = np.pad(teacher @ rotation, ((0, 0), (0, 2)))
    assert theory.procrustes_distance(wide, teacher) < 1e-14
    assert theory.gram_bounds(wide, teacher).upper < 1e-12
    assert theory.procrustes_bounds(teacher, teacher) == (0.0, 0.0)
    zero = np.zeros((6, 2))
    assert theory.procrustes_bounds(zero, zero) == (0.0, 0.0)
    assert theory.gram_bounds(zero, zero) == (0.0, 0.0)
    lower, upper = theory.procrustes_bounds(zero, teacher)
    assert 0 < lower <= np.linalg.norm(teacher) <= upper


@once
def test_constants_are_those_of_the_definition():
    student = np.diag([3.0, 2.0, 0.0, 0.0])
    teacher = np.diag([0.0, 5.0, 4.0, 0.5])
    found = theory.constants(student, teacher)
    assert (found.largest, found.joint_rank, found.joint) == (8.0, 4, 0.0)
    assert np.isclose(found.one_sided, math.sqrt(2 * (math.sqrt(2) - 1)) * 0.5)
    found = theory.constants(teacher[:, 1:3], teacher)
    assert (found.joint_rank, found.joint) == (3, 0.5)
    found = theory.constants(2 * teacher, teacher)
    assert found.joint == 1.5
    assert np.isclose(found.one_sided, math.sqrt(2 * (math.sqrt(2) - 1)) * 1.0)


@once
def test_one_sided_constant_must_come_from_the_side_of_greater_rank():
    student, teacher = np.diag([1.0, 0.1]), np.diag([1.0, 0.0])
    distance = theory.procrustes_distance(student, teacher)
    wrong = theory.gram_distance(student, teacher) / math.sqrt(
        2 * (math.sqrt(2) - 1)
    )  # with the one singular value of the teacher, of rank one
    assert distance > wrong
    assert distance <= theory.procrustes_bounds(student, teacher).upper


METRICS = {
    "procrustes": lambda found: found.procrustes,
    "gram": lambda found: found.gram,
    "arccos nbs": lambda found: 2 * math.asin(math.sqrt(found.nbs_loss / 2)),
    "arccos cka": lambda found: 2 * math.asin(math.sqrt(found.cka_loss / 2)),
    "root of 1 - cka": lambda found: math.sqrt(found.cka_loss),
}
NOT_METRICS = {
    "squared procrustes": lambda found: found.procrustes**2,
    "squared gram": lambda found: found.gram**2,
    "1 - cka": lambda found: found.cka_loss,
    "1 - nbs": lambda found: found.nbs_loss,
}


@cache
def sides_of_triangles():
    """The three comparisons of each of many triples of sets."""
    rng, found = np.random.default_rng(1), []
    for index in range(200):
        widths = rng.integers(1, 5, 3)
        draws = [rng.standard_normal((6, width)) for width in widths]
        if index % 2:  # nearly on a line
            draws[1] = draws[0] + 0.1 * rng.standard_normal(draws[0].shape)
            draws[2] = 2 * draws[1] - draws[0]
        pairs = itertools.combinations(draws, 2)
        found.append([theory.compare(*pair, centre=True) for pair in pairs])
    return found


@once
@pytest.mark.parametrize("name", METRICS)
def test_triangle_inequality_holds(name):
    for sides in sides_of_triangles():
        found = [*map(METRICS[name], sides)]
        assert 2 * max(found) <= sum(found) + 1e-12


@once
@pytest.mark.parametrize("name", NOT_METRICS)
def test_triangle_inequality_fails_for_squares(name):
    angles = [0.0, 0.3, 0.6]
    ends = [np.array([[math.cos(a)], [math.sin(a)]]) for a in angles]
    triple = [np.vstack([end, -end]) for end in ends]
    near, far, rest = (
        NOT_METRICS[name](theory.compare(triple[i], triple[j]))
        for i, j in ((0, 1), (0, 2), (1, 2))
    )
    assert far > 1.5 * (near + rest)


@once
@pytest.mark.parametrize("delta", [0.05, 0.3])
def test_gram_distance_bounds_the_pairs_that_move(delta):
    for _, (student, teacher) in awkward()[::12]:
        own, target = (
            each / np.linalg.norm(each, axis=1, keepdims=True)
            for each in (student, teacher)
        )
        moved = np.triu(np.abs(own @ own.T - target @ target.T), 1)
        allowed = theory.gram_distance(own, target) ** 2 / (2 * delta**2)
        assert np.sum(moved >= delta) <= allowed + 1e-9


@once
@pytest.mark.slow
def test_the_tables_are_those_in_the_documentation(monkeypatch):
    known = zip(awkward(), compared(), strict=True)

    def both(*pair):
        """What has been compared above, of the same pairs."""
        (_, same), found = next(known)
        assert all(map(np.array_equal, pair, same))
        return found

    monkeypatch.setattr(table, "both", both)
    text = Path(__file__).parents[1].joinpath("docs/theory.md").read_text()
    assert theory.markdown() in text


# Certificates


@pytest.mark.once
def test_no_pair_breaks_a_certificate_and_single_steps_are_nearly_attained():
    near = [pair for kind, pair in awkward() if kind in ("near", "one direction added")]
    ratios = {}
    for student, teacher in [*near[::12], *(pair for _, pair in awkward()[::100])]:
        found = theory.deviations(student, teacher, 0.3, 0.25)
        known = {name: each for name, each in found.items() if not math.isnan(each)}
        for given in known:
            measured, width = {given: known[given]}, student.shape[1]
            most = theory.frontier(teacher, measured, 0.3, 0.25, width)
            for of in known.keys() - {given}:
                assert known[of] <= most[of] * (1 + 1e-9) + ROUNDING, (given, of)
                if ROUNDING < most[of] < 1:
                    ratios.setdefault((given, of), []).append(known[of] / most[of])
    chained = {"procrustes", "projection", "readout", "pattern"}
    single = {
        pair for pair in ratios if pair[0] != "framed_cka" or pair[1] not in chained
    }
    assert len(single) == 16
    for pair in single:
        assert max(ratios[pair]) > (0.05 if pair[1] == "pattern" else 0.2), pair


@pytest.mark.once
def test_a_pair_is_certified_up_to_the_least_distance_that_loses_it():
    # Two unit rows; of each distance, about the least student that is over the edge.
    epsilon, cosine = 0.3, 0.2
    angle = math.acos(cosine)
    gap = angle - math.acos(epsilon)
    teacher, turned = (
        np.array([[math.cos(each), math.sin(each)] for each in angles])
        for angles in ((0.0, angle), (gap / 2, angle - gap / 2))
    )
    over = epsilon * (1 + 1e-6)
    inwards = turned + 1e-6 * turned[::-1]
    moved = np.linalg.cholesky(np.array([[1, over], [over, 1]]))
    for name, student, sharp in (("procrustes", inwards, 0.999), ("gram", moved, 0.5)):
        least = theory.deviations(student, teacher, epsilon)
        assert least["pattern"] == 1
        for factor, share in ((1, 1), (sharp, 0)):
            measured = {name: factor * least[name]}
            assert theory.frontier(teacher, measured, epsilon)["pattern"] == share


def test_deviations_are_those_of_the_objectives_at_the_best_scale():
    student, teacher = RNG.standard_normal((9, 3)) + 0.5, RNG.standard_normal((9, 5))
    found = theory.deviations(student, teacher, frame=0.5)
    plain = theory.compare(student, teacher)
    for scale, name, objective in (
        (plain.nbs, "procrustes", objectives.Procrustes()),
        (plain.cka, "gram", objectives.FeatureGram()),
    ):
        # Of S'S the scale is squared.
        sizes = np.linalg.norm(teacher), np.linalg.norm(student)
        if name == "gram":
            sizes = [np.linalg.norm(each @ each.T) for each in (teacher, student)]
        best = (scale * sizes[0] / sizes[1]) ** (0.5 if name == "gram" else 1)
        least = value(objective, best * student, teacher)
        share = least / value(objective, 0 * student, teacher)
        assert np.isclose(share, found[name], atol=TOLERANCE)
    for name, objective in (
        ("framed_cka", objectives.Framed(frame=0.5)),
        ("cka", objectives.CKA()),
    ):
        loss = value(objective, student, teacher)
        assert np.isclose(loss, found[name], atol=TOLERANCE)
    rest = teacher - student @ np.linalg.lstsq(student, teacher)[0]
    directions = np.linalg.qr(RNG.standard_normal((5, 5)))[0]
    errors = np.sum((rest @ directions) ** 2, axis=0) / np.linalg.norm(teacher, 2) ** 2
    assert errors.max() < found["readout"] <= errors.sum()
    assert max(theory.deviations(2 * teacher, teacher).values()) < 1e-12


@once
@pytest.mark.parametrize(
    ("measured", "settings", "message"),
    [
        ({"rsa": 0.1}, {}, "`measured` must have keys among cka, .*; got 'rsa'"),
        ({"cka": -0.1}, {}, "`measured.cka` must not be negative; got -0.1"),
        ({"cka": math.nan}, {}, "`measured.cka` must .*; got nan"),
        ({}, {"epsilon": 1.5}, "`epsilon` must lie between 0 and 1; got 1.5"),
        ({}, {"frame": -1.0}, "`frame` must be .* not negative; got -1.0"),
    ],
)
def test_a_certificate_is_of_what_is_known(measured, settings, message):
    with pytest.raises(ValueError, match=message):
        theory.frontier(np.eye(3), measured, **settings)
    with pytest.raises(ValueError, match="`teacher` must not be all zero"):
        theory.frontier(np.zeros((3, 2)), {})


# Students of zero loss


def wanted_cosines(n: int, width: int):
    return cosines(np.random.default_rng(7).standard_normal((n, width)))


@pytest.mark.parametrize(
    ("n", "d", "m", "rank"), [(6, 8, None, 6), (9, 4, 9, 3), (9, 4, 7, 3), (9, 9, 9, 9)]
)
def test_projected_student_has_the_cosines_wanted(n, d, m, rank):
    teacher = RNG.standard_normal((n, d))
    wanted = wanted_cosines(n, rank)
    student = theory.projected_student(teacher, wanted, m, floor=1e-4)
    assert student.shape == (n, m or d)
    assert np.abs(cosines(student) - wanted).max() <= 2e-4
    fitted = student @ np.linalg.lstsq(student, teacher)[0]
    assert np.allclose(fitted, teacher, atol=1e-10)
    projection = objectives.LinearProjection(solved=True)
    scale = value(projection, 0 * student, teacher)
    assert value(projection, student, teacher) < TOLERANCE * scale


@once
def test_projected_student_is_exact_for_a_positive_definite_pattern():
    wanted = 0.3 * np.eye(5) + 0.7
    student = theory.projected_student(RNG.standard_normal((5, 8)), wanted)
    assert np.allclose(student @ student.T, wanted, atol=1e-13)


@once
def test_projected_student_is_the_nearest_of_its_width():
    teacher, wanted = RNG.standard_normal((10, 3)), wanted_cosines(10, 10)

    def distance(flat):
        student = teacher @ flat.reshape(3, 3)
        return np.sum((student @ student.T - wanted) ** 2)

    student = theory.projected_student(teacher, wanted)
    assert np.linalg.matrix_rank(np.hstack([student, teacher])) == 3
    found = np.sum((student @ student.T - wanted) ** 2)
    searched = min(minimize(distance, RNG.standard_normal(9)).fun for _ in range(4))
    assert np.isclose(found, searched, rtol=1e-6)


@once
def test_projected_student_refuses_what_cannot_be():
    teacher = RNG.standard_normal((6, 4))
    with pytest.raises(ValueError, match="`student_dim` must be at least the rank"):
        theory.projected_student(teacher, np.eye(6), 3)
    with pytest.raises(ValueError, match="one row per vector"):
        theory.projected_student(teacher, np.eye(5))
    with pytest.raises(ValueError, match="positive semidefinite"):
        theory.projected_student(teacher, np.eye(6) - 0.9 * np.ones((6, 6)))
    with pytest.raises(ValueError, match="`floor` must be positive"):
        theory.projected_student(teacher, np.eye(6), floor=0.0)


@pytest.mark.parametrize("level", [0.0, 0.5, 0.9])
def test_translated_student_has_the_level_asked_for_and_no_cka_loss(level):
    teacher = 3 * np.linalg.qr(RNG.standard_normal((8, 8)))[0][:6]
    student = theory.translated_student(teacher, level)
    between = cosines(student)[~np.eye(6, dtype=bool)]
    assert np.allclose(between, level)
    for name in ("cka", "procrustes_normalised"):
        loss = value(objectives.STANDARD[name], student, teacher)
        assert abs(loss) < TOLERANCE
    plain, centred = theory.both(student, teacher)
    assert plain.projection < 1e-20
    assert max(centred.procrustes, centred.gram, centred.cka_loss) < 1e-12


@once
def test_translated_student_moves_every_cosine_of_unit_rows_alike():
    teacher = RNG.standard_normal((7, 3))
    teacher /= np.linalg.norm(teacher, axis=1, keepdims=True)
    student = theory.translated_student(teacher, 0.6)
    assert np.allclose(cosines(student), 0.6 + 0.4 * cosines(teacher))
    with pytest.raises(ValueError, match="`cosine` must lie between 0 and 1"):
        theory.translated_student(teacher, 1.0)


# CKA loss against pairs lost


def balanced_teacher(n=20, d=5, seed=3):
    return theory.balanced(np.random.default_rng(seed).standard_normal((n, d)))


@once
def test_balanced_has_unit_rows_and_centred_columns():
    found = balanced_teacher()
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-14)
    assert np.allclose(found.mean(axis=0), 0, atol=1e-13)
    with pytest.raises(ValueError, match="nearby"):
        theory.balanced(np.array([[1.0], [2.0], [-1.0]]))
    with pytest.raises(ValueError, match="`teacher` must have rows of unit length"):
        theory.cka_floor(RNG.standard_normal((6, 3)), 0.1, 0.5)


@once
@pytest.mark.parametrize("counts", [(3, 3), (1, 1, 1, 1), (5, 2, 1)])
@pytest.mark.parametrize("epsilon", [0.05, 0.3])
def test_antipodal_axes_lose_every_pair_at_the_floor(counts, epsilon):
    teacher = theory.antipodal_axes(counts)
    student = theory.antipodal_axes(counts, epsilon)
    assert np.allclose(student, theory.balanced(student))
    assert theory.lost_share(student, teacher, 1e-12, epsilon - 1e-12) == 1
    loss = theory.compare(student, teacher, centre=True).cka_loss
    weight = np.sum(np.square(counts)) / sum(counts) ** 2
    assert np.isclose(loss, 1 - (1 + (1 / weight - 1) * epsilon**2) ** -0.5)
    assert np.isclose(loss, theory.cka_floor(teacher, epsilon, 1.0), rtol=1e-9)


@once
def test_pairs_just_inside_are_lost_for_nothing():
    teacher = theory.antipodal_axes((2, 2, 2), 0.1 - 1e-5)
    student = theory.antipodal_axes((2, 2, 2), 0.1 + 1e-5)
    assert theory.lost_share(student, teacher, 0.1) == 1
    loss = theory.compare(student, teacher, centre=True).cka_loss
    assert 0 < loss < 1e-9
    # A margin makes the question one of CKA again.
    assert theory.cka_floor(teacher, 0.1, 1.0, lost_at=0.2) > 5e-3


@once
def test_antipodal_axes_have_the_stated_cka():
    counts, a, b = (4, 2, 1), 0.2, 0.7
    weight = np.sum(np.square(counts)) / sum(counts) ** 2
    rest = 1 - weight
    expected = (weight + rest * a * b) / math.sqrt(
        (weight + rest * a**2) * (weight + rest * b**2)
    )
    found = theory.compare(
        theory.antipodal_axes(counts, a), theory.antipodal_axes(counts, b), centre=True
    )
    assert np.isclose(found.cka, expected)
    with pytest.raises(ValueError, match="`counts` must hold positive"):
        theory.antipodal_axes((2, 0))


@once
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_floor_agrees_with_a_naive_minimisation(share):
    teacher, epsilon, lost_at = balanced_teacher(), 0.15, 0.25
    values = np.abs(teacher @ teacher.T)
    pairs = list(itertools.combinations(range(20), 2))
    orthogonal = [pair for pair in pairs if values[pair] <= epsilon]
    count = math.ceil(share * len(orthogonal))
    rng = np.random.default_rng(5)

    def floor(lost):
        def distance(t):
            total = 20 * (1 - t) ** 2
            for pair in pairs:
                gap = t * lost_at - values[pair] if pair in lost else values[pair] - t
                total += 2 * max(gap, 0.0) ** 2
            return total

        least = minimize_scalar(distance, bounds=(0, 2), method="bounded").fun
        return 1 - math.sqrt(1 - least / np.sum(values**2))

    found = theory.cka_floor(teacher, epsilon, share, lost_at)
    cheapest = sorted(orthogonal, key=lambda pair: -values[pair])[:count]
    assert np.isclose(found, floor(set(cheapest)), atol=1e-9)
    for _ in range(5):
        other = {orthogonal[i] for i in rng.permutation(len(orthogonal))[:count]}
        assert floor(other) >= found - 1e-9


@once
def test_no_balanced_student_is_below_the_floor():
    rng = np.random.default_rng(6)
    teacher, epsilon = balanced_teacher(), 0.15
    closest = math.inf
    for _ in range(100):
        noise = 10 ** rng.uniform(-2, 0) * rng.standard_normal(teacher.shape)
        student = theory.balanced(teacher + noise)
        for lost_at in (0.15, 0.3):
            share = theory.lost_share(student, teacher, epsilon, lost_at)
            floor = theory.cka_floor(teacher, epsilon, share, lost_at)
            loss = theory.compare(student, teacher, centre=True).cka_loss
            assert loss >= floor - 1e-12
            assert share <= theory.most_lost(teacher, epsilon, loss, lost_at) + 1e-12
            closest = min(closest, loss / floor if floor > 1e-9 else math.inf)
    assert closest < 30  # the students are not all far from it


@once
def test_most_lost_inverts_the_floor():
    teacher = balanced_teacher()
    for share in (0.2, 0.6, 1.0):
        floor = theory.cka_floor(teacher, 0.15, share, 0.3)
        found = theory.most_lost(teacher, 0.15, floor + 1e-12, 0.3)
        assert share - 1e-9 <= found < share + 0.03
    assert theory.most_lost(teacher, 0.15, 0.0, 0.3) == 0
    assert np.isnan(theory.most_lost(theory.antipodal_axes((3,)), 0.1, 0.1))


@once
def test_search_comes_near_the_floor_where_it_is_sharp():
    teacher = theory.antipodal_axes((3, 3, 3))
    found = theory.losing_student(teacher, 0.1, 1.0, num_starts=2)
    assert found is not None
    assert np.allclose(found.student, theory.balanced(found.student), atol=1e-12)
    assert theory.lost_share(found.student, teacher, 0.1) == found.share == 1
    floor = theory.cka_floor(teacher, 0.1, 1.0)
    assert floor <= found.cka_loss < 1.1 * floor


@once
def test_search_gradient_agrees_with_finite_differences():
    teacher = balanced_teacher(8, 3)
    pairs = np.triu_indices(8, 1)
    loss = _Penalised(teacher @ teacher.T, pairs, 9, 0.4, 3.0, 2)
    rows = np.random.default_rng(8).standard_normal(16)
    expected = approx_fprime(rows, lambda x: loss(x)[0], 1e-7)
    assert np.allclose(loss(rows)[1], expected, atol=1e-5)
