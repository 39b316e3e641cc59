"""What a measured distance proves about others, about readouts and the pattern."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from simgeo.checks import require
from simgeo.theory._base import Vectors, as_array, as_pair, centred, range_basis
from simgeo.theory.distances import compare

QUANTITIES = (
    "cka",
    "framed_cka",
    "procrustes",
    "gram",
    "projection",
    "readout",
    "pattern",
)
_B3 = 2 * (math.sqrt(2) - 1)
_SHARES = np.linspace(0.02, 0.98, 49)  # of a squared length, tried as a threshold

Bound = Callable[[float], float]


def deviations(
    student: Vectors, teacher: Vectors, epsilon: float = 0.1, frame: float = 0.25
) -> dict[str, float]:
    """What `frontier` speaks of: each in [0, 1], 0 for a copy, blind to scale.

    - `cka`: 1 - CKA, centred; `framed_cka`: the same beside `frame` n rows of zeros;
    - `procrustes`: |T - c S Q|^2 / |T|^2 at the best scale c, which is 1 - NBS_u^2;
    - `gram`: |K - c L|^2 / |K|^2 at the best scale, which is 1 - CKA_u^2;
    - `projection`: |T - S W|^2 / |T|^2 at the best W;
    - `readout`: the largest |T w - S v|^2 over unit w, at the best v for each, over
      that of S = 0: the worst of all linear readouts of the teacher;
    - `pattern`: the share of all pairs that are epsilon-orthogonal in one side only.

    Args:
        student: vectors as rows, (n, m).
        teacher: as many vectors as rows, (n, d), not all zero.
        epsilon: in [0, 1].
        frame: finite and not negative; see `functional.framed`.

    Returns:
        A number for each, in that order; NaN where one side has no spread.
    """
    own, target = as_pair(student, teacher)
    facts = _facts(target, epsilon, frame)
    plain, inner = compare(own, target), compare(own, target, centre=True)
    beside = compare(_framed(own, frame), facts.framed)
    basis = range_basis(own) if own.any() else np.zeros((len(own), 0))
    left = np.linalg.norm(target - basis @ (basis.T @ target), 2) ** 2
    patterns = _angles(own) >= facts.edge, facts.angles >= facts.edge
    return {
        "cka": inner.cka_loss,
        "framed_cka": beside.cka_loss if frame else inner.cka_loss,
        "procrustes": plain.nbs_loss * (1 + plain.nbs),
        "gram": plain.cka_loss * (1 + plain.cka),
        "projection": plain.projection / plain.size,
        "readout": float(left / facts.eigenvalues[0]),
        "pattern": float(np.mean(patterns[0] != patterns[1])),
    }


def frontier(
    teacher: Vectors,
    measured: Mapping[str, float],
    epsilon: float = 0.1,
    frame: float = 0.25,
    student_dim: int | None = None,
) -> dict[str, float]:
    """How bad everything else can be where some deviations are at most so large.

    Proven upper bounds on all `deviations` of every student of this teacher that has
    those measured, or less; 1 where nothing is known, which for most pairs is the
    truth. Single steps, which docs/theory.md proves, are chained until none helps. A
    distance that is not at its best scale may stand for the one that is:
    D_P^2 / |T|^2 for `procrustes`, and D_FG^2 / |K|^2 for `gram`.

    Args:
        teacher: vectors as rows, (n, d), not all zero.
        measured: values of some of `QUANTITIES`, not negative.
        epsilon: in [0, 1].
        frame: finite and not negative; see `functional.framed`.
        student_dim: m, where it is known.

    Raises:
        ValueError: if a name is unknown or a value is negative.

    >>> import numpy as np
    >>> from simgeo import theory
    >>> teacher = np.repeat(np.eye(3), 2, axis=0)
    >>> for name, most in theory.frontier(teacher, {"gram": 1e-4}).items():
    ...     print(name, f"{most:.2g}")
    cka 7.5e-05
    framed_cka 7.4e-05
    procrustes 0.014
    gram 0.0001
    projection 0.014
    readout 0.042
    pattern 0
    """
    facts = _facts(as_array(teacher, "teacher"), epsilon, frame, student_dim)
    for name, value in measured.items():
        words = f"have keys among {', '.join(QUANTITIES)}"
        require(name in QUANTITIES, "measured", words, repr(name))
        require(bool(value >= 0), f"measured.{name}", "not be negative", value)
    most = {name: min(measured.get(name, 1.0), 1.0) for name in QUANTITIES}
    steps = [*_steps(facts)]
    before: dict[str, float] = {}
    while most != before:
        before = dict(most)
        for given, of, bound in steps:
            if most[given] < 1:
                most[of] = min(most[of], float(bound(most[given])))
    return most


class _Facts(NamedTuple):
    """What the bounds need of a teacher."""

    framed: Float[np.ndarray, "n d"]
    eigenvalues: Float[np.ndarray, " rank"]  # of K, largest first
    sizes: dict[str, float]  # |K|, of K as it is, framed and centred
    widths: dict[str, float]  # the largest singular values of the same
    lengths: Float[np.ndarray, " n"]
    cosines: Float[np.ndarray, " pairs"]
    products: Float[np.ndarray, " pairs"]  # of the lengths of both rows
    angles: Float[np.ndarray, " pairs"]  # of lines, from 0 to pi / 2
    edge: float  # the least angle of an epsilon-orthogonal pair
    epsilon: float
    frame: float
    student_dim: int | None


def _facts(
    teacher: Float[np.ndarray, "n d"],
    epsilon: float,
    frame: float,
    student_dim: int | None = None,
) -> _Facts:
    require(0 <= epsilon <= 1, "epsilon", "lie between 0 and 1", epsilon)
    rule = "be finite and not negative"
    require(0 <= frame < math.inf, "frame", rule, frame)
    require(bool(teacher.any()), "teacher", "not be all zero", "zeros")
    framed = _framed(teacher, frame)
    variants = {"gram": teacher, "framed_cka": framed, "cka": centred(teacher)}
    spectra = {
        name: np.linalg.svd(each, compute_uv=False) ** 2
        for name, each in variants.items()
    }
    eigenvalues = spectra["gram"]
    floor = eigenvalues[0] * (max(teacher.shape) * np.finfo(float).eps) ** 2
    first, second = np.triu_indices(len(teacher), 1)
    lengths = np.linalg.norm(teacher, axis=1)
    units = teacher / np.where(lengths > 0, lengths, 1.0)[:, None]
    cosines = np.abs(units @ units.T)[first, second]
    return _Facts(
        framed,
        eigenvalues[eigenvalues > floor],
        {name: float(np.linalg.norm(each)) for name, each in spectra.items()},
        {name: float(each[0] ** 0.5) for name, each in spectra.items()},
        lengths,
        cosines,
        lengths[first] * lengths[second],
        _angles(teacher),
        math.acos(epsilon),
        epsilon,
        frame,
        student_dim,
    )


def _framed(
    vectors: Float[np.ndarray, "n k"], frame: float
) -> Float[np.ndarray, "n k"]:
    mean = vectors.mean(axis=0, keepdims=True)
    return centred(vectors) + math.sqrt(frame / (1 + frame)) * mean


def _angles(vectors: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " pairs"]:
    """Of the lines of every pair; pi / 2 with a zero row."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(lengths > 0, lengths, 1.0)
    cosines = np.abs(units @ units.T)[np.triu_indices(len(units), 1)]
    return np.arccos(np.minimum(cosines, 1.0))


def _steps(facts: _Facts) -> Iterator[tuple[str, str, Bound]]:
    """Pairs of quantities with the bound of the second by the first, rising."""
    size, total = facts.sizes["gram"], float(np.sum(facts.eigenvalues))
    largest = facts.eigenvalues[0]
    n, rank = len(facts.lengths), len(facts.eigenvalues)
    width = facts.student_dim or n

    yield "procrustes", "projection", lambda p: p
    yield "projection", "readout", lambda j: j * total / largest

    def all_of_them(e: float) -> float:
        return float(np.sum(np.minimum(facts.eigenvalues, e * largest))) / total

    yield "readout", "projection", all_of_them

    joint = min(n, rank + width)
    yield "gram", "procrustes", lambda g: math.sqrt(joint * g) * size / total
    least = facts.eigenvalues[-1]
    if width <= rank:
        yield "gram", "procrustes", lambda g: g * size**2 / (_B3 * least * total)
    if rank == n:
        yield "gram", "procrustes", lambda g: g * size**2 / (least * total)

    rooted = math.sqrt(min(n, width)) * total / size
    yield "procrustes", "gram", lambda p: 1 - max(1 - rooted * p, 0.0) ** 2
    for name in ("gram", "framed_cka", "cka"):
        if facts.sizes[name] > 1e-12 * size:
            yield "procrustes", name, _gram_by_rows(facts, name, total)

    # Centring takes off the mean, and what frames, a part of it: both shorten K - c L.
    for given, of in (("gram", "framed_cka"), ("gram", "cka"), ("framed_cka", "cka")):
        if facts.sizes[of] > 1e-12 * size:
            yield given, of, _gram_by_gram(facts, given, of, 1.0)
    if facts.frame > 0:
        grown = (1 + 1 / facts.frame) ** 2
        yield "framed_cka", "gram", _gram_by_gram(facts, "framed_cka", "gram", grown)

    yield "procrustes", "pattern", lambda p: _turned(facts, p * total)
    yield "gram", "pattern", lambda g: _moved(facts, g * size**2)


def _gram_by_rows(facts: _Facts, name: str, total: float) -> Bound:
    """K - L = E T' + T E' - E E' of E = T - S, as it is, framed or centred."""
    largest, size = facts.widths[name], facts.sizes[name]

    def bound(p: float) -> float:
        moved = math.sqrt(p * total)
        sine = ((2 * largest + moved) * moved / size) ** 2
        return _as(name, sine)

    return bound


def _gram_by_gram(facts: _Facts, given: str, of: str, grown: float) -> Bound:
    """|A (K - c L) A| is at most |A|^2 |K - c L|; `grown` is |A|^4."""
    ratio = grown * (facts.sizes[given] / facts.sizes[of]) ** 2

    def bound(value: float) -> float:
        sine = value if given == "gram" else value * (2 - value)
        return _as(of, ratio * sine)

    return bound


def _as(name: str, sine: float) -> float:
    """1 - CKA from 1 - CKA^2, which is what `gram` is."""
    sine = min(sine, 1.0)
    return sine if name == "gram" else sine / (1 + math.sqrt(1 - sine))


def _turned(facts: _Facts, budget: float) -> float:
    """Largest share of pairs over the edge if |T - c S Q|^2 is at most `budget`.

    A row that is moved by x of its length turns by at most arcsin x, and a pair is over
    the edge once both turns add up to its angle from there, g. So x_i^2 + x_j^2 is at
    least 1 - cos g, and a row is in n - 1 pairs. Or: few rows are moved by more than x,
    and all other pairs that are lost have g up to 2 arcsin x.
    """
    n, pairs = len(facts.lengths), len(facts.angles)
    least = facts.lengths.min() ** 2
    if least == 0 or not pairs:
        return 1.0
    moves = budget / least  # at most the sum of all x_i^2
    gaps = np.sort(np.abs(facts.angles - facts.edge))
    costs = np.cumsum(1 - np.cos(gaps))
    lost = np.searchsorted(costs, (n - 1) * moves * (1 + 1e-12), side="right")
    x = np.sin(np.minimum(gaps / 2, math.pi / 2))
    rows = np.minimum(np.floor(moves / np.maximum(x, 1e-150) ** 2), n)
    # Rows moved by less than x leave all pairs whose g is as large as its own or more.
    others = rows * (n - 1) - rows * (rows - 1) / 2 + np.arange(pairs)
    return float(min(lost, np.min(others), pairs)) / pairs


def _moved(facts: _Facts, budget: float) -> float:
    """Largest share of pairs over the edge if |K - c L|^2 is at most `budget`.

    Few rows change their squared length by more than a share w, and any of their pairs
    may be lost. Of the others, L_ij has moved from K_ij to (1 - w) or (1 + w) times
    epsilon, at the lengths of the teacher's rows.
    """
    n, pairs = len(facts.lengths), len(facts.angles)
    least = facts.lengths.min() ** 4
    if least == 0 or not pairs:
        return 1.0
    inside = facts.angles >= facts.edge
    best = float(pairs)
    for share in _SHARES:
        edges = facts.epsilon * np.where(inside, 1 - share, 1 + share)
        short = np.maximum(np.where(inside, 1, -1) * (edges - facts.cosines), 0.0)
        costs = np.cumsum(np.sort(2 * (short * facts.products) ** 2))
        rows = np.arange(min(int(budget / (least * share**2)), n) + 1)
        left = np.maximum(budget - rows * least * share**2, 0.0)
        lost = np.searchsorted(costs, left * (1 + 1e-12), side="right")
        lost = lost + rows * (n - 1) - rows * (rows - 1) / 2
        best = min(best, float(np.max(lost)))
    return best / pairs
