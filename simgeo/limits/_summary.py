"""All limits of one choice of numbers, as rows and as text."""

import math
from typing import NamedTuple

from simgeo.checks import require
from simgeo.limits import _chance, _coherence, _constructions, _largest
from simgeo.limits._arguments import check_counts, check_epsilon

EXACT = "exact"
LOWER = "lower bound"
UPPER = "upper bound"
EXPECTATION = "expectation"


class Limit(NamedTuple):
    """One row: what is limited, the number, what the number is, whose theorem it is."""

    section: str
    quantity: str
    value: int | float
    kind: str
    source: str


_COUNT_SOURCES = {
    "simplex": "simplex bound, Welch (1974)",
    "plane": "angles in the plane",
    "welch": "Welch (1974); rank lemma",
    "gerzon": "Gerzon, in Lemmens and Seidel (1973)",
    "sidelnikov": "moments, Sidelnikov (1974)",
    "levenshtein": "Levenshtein (1992)",
    "volume": "volume of caps",
    "delsarte": "linear programme, Delsarte et al. (1975)",
}


def summary(
    num_vectors: int, dim: int, epsilon: float, student_dim: int | None = None
) -> list[Limit]:
    """What n vectors in d dimensions can do at epsilon, and what chance does.

    The optima of the objectives depend on the teacher: they are those of a flat
    spectrum, l_1 = l_2 = ..., as tight frames have, for students of `student_dim`
    dimensions, half of d unless it is given. Each row says whether its value is exact,
    a bound, or an expectation; bounds are proven.

    Args:
        num_vectors: how many vectors, n.
        dim: their dimensions, d.
        epsilon: largest |cosine| of a pair that counts as orthogonal, in [0, 1].
        student_dim: m of the students; half of `dim` unless it is given.
    """
    check_counts(num_vectors=num_vectors, dim=dim)
    check_epsilon(epsilon)
    rule = "be at least 2 to have a pair"
    require(num_vectors >= 2, "num_vectors", rule, num_vectors)
    rule = "be below 1, where every pair is orthogonal"
    require(bool(epsilon < 1), "epsilon", rule, epsilon)
    width = max(dim // 2, 1) if student_dim is None else student_dim
    check_counts(student_dim=width)
    sections = (
        _random_rows(num_vectors, dim, epsilon),
        _pair_rows(num_vectors, dim, epsilon),
        _count_rows(num_vectors, dim, epsilon),
        _coherence_rows(num_vectors, dim),
        _optimum_rows(num_vectors, dim, width),
    )
    return [Limit(section, *row) for section, rows in sections for row in rows]


Row = tuple[str, int | float, str, str]  # all of a `Limit` but its section


def _random_rows(n: int, d: int, epsilon: float) -> tuple[str, list[Row]]:
    fraction = _chance.random_fraction(epsilon, d)
    spread = _chance.random_fraction_spread(epsilon, d, n)
    number, number_spread = _chance.random_pairs(epsilon, n, d)
    median = _chance.random_coherence(n, d)
    law, binomial = "incomplete beta function", "pairwise independence"
    return f"{n} random vectors in {d} dimensions, epsilon {epsilon:g}", [
        ("fraction of orthogonal pairs", fraction, EXPECTATION, law),
        ("its standard deviation", spread, EXACT, binomial),
        ("number of orthogonal pairs", number, EXPECTATION, law),
        ("its standard deviation", number_spread, EXACT, binomial),
        ("median coherence", median, UPPER, "union bound, nearly attained"),
    ]


def _pair_rows(n: int, d: int, epsilon: float) -> tuple[str, list[Row]]:
    total = math.comb(n, 2)
    most = _largest.max_orthogonal_pairs(epsilon, n, d)
    count, _ = _constructions.known_orthogonal_vectors(epsilon, d)
    reached = _largest.turan(n, min(int(count), n))
    sources = "repeated largest set", "Turan (1941)"
    return f"Most orthogonal pairs among {n} vectors, of {total}", [
        *_meeting("pairs", reached, most, *sources),
        *_meeting("fraction", reached / total, most / total, *sources),
    ]


def _count_rows(n: int, d: int, epsilon: float) -> tuple[str, list[Row]]:
    upper, proof = _largest.max_orthogonal_vectors(epsilon, d)
    lower, name = _constructions.known_orthogonal_vectors(epsilon, d)
    rows = _meeting("largest set", lower, upper, name, _COUNT_SOURCES.get(proof, proof))
    others = _largest.count_bounds(epsilon, d)
    for other, count in sorted(others.items(), key=lambda item: item[1]):
        if other != proof:
            rows.append(("  another bound", count, UPPER, _COUNT_SOURCES[other]))
    if name != "covering":
        covering = _largest.guaranteed_orthogonal_vectors(epsilon, d)
        rows.append(("  another bound", covering, LOWER, "covering, Shannon (1959)"))
    needed = _largest.min_dim(epsilon, n)
    rows.append((f"dimensions that {n} vectors need", needed, LOWER, "bounds above"))
    return f"Largest orthogonal set in {d} dimensions, epsilon {epsilon:g}", rows


def _coherence_rows(n: int, d: int) -> tuple[str, list[Row]]:
    section = f"Least coherence of {n} vectors in {d} dimensions"
    if n <= d:
        return section, [("coherence", 0.0, EXACT, "orthonormal vectors")]
    if d == 1:
        return section, [("coherence", 1.0, EXACT, "one direction only")]
    moments, order = max((_coherence.sidelnikov(n, d, k), -k) for k in range(2, 13))
    packed, proof = _coherence.packing(n, d)
    bounds = [
        (_coherence.welch(n, d), "Welch (1974)"),
        (moments, f"moments of order {-order}, Sidelnikov (1974)"),
        (_coherence.orthoplex(n, d), "orthoplex, Conway et al. (1996)"),
        (_coherence.levenshtein(n, d), "Levenshtein (1982)"),
        (_coherence.bukh_cox(n, d), "Bukh and Cox (2020)"),
        (packed, f"number that fits, {_COUNT_SOURCES[proof]}"),
    ]
    (best, source), *others = sorted(bounds, key=lambda bound: -bound[0])
    attained, name = _constructions.known_coherence(n, d)
    if math.isclose(best, attained, rel_tol=1e-12):
        attained = best
    return section, [
        *_meeting("coherence", best, attained, source, name),
        *(("  another bound", one, LOWER, by) for one, by in others if one > 0),
    ]


def _optimum_rows(n: int, d: int, m: int) -> tuple[str, list[Row]]:
    rank, centred_rank = min(n, d), min(n - 1, d)
    kept, centred_kept = min(m / rank, 1.0), min(m / centred_rank, 1.0)
    cka = 1 - math.sqrt(centred_kept)  # normalised Procrustes is twice the same
    gram = n**2 / rank * (1 - kept)
    unit_gram = max(n**2 / m - n**2 / rank, 0.0)
    unit_procrustes = 2 * n * (1 - math.sqrt(kept))
    chance = math.sqrt(max(1 - rank / n + (n - 1) * rank / (n * m), 0.0))
    eckart, neumann = "Eckart and Young (1936)", "von Neumann (1937)"
    return (
        f"Least loss of {m}-dimensional students; unit teacher rows, flat spectrum",
        [
            ("CKA", cka, EXACT, neumann),
            ("Procrustes", n * (1 - kept), EXACT, neumann),
            ("Procrustes, centred and normalised", 2 * cka, EXACT, neumann),
            ("learned projection", 1 - kept, EXACT, eckart),
            ("Gram matrix", gram, EXACT, eckart),
            ("Gram matrix, unit rows", unit_gram, LOWER, "Lagrange dual"),
            ("Procrustes, unit rows", unit_procrustes, LOWER, "Cauchy-Schwarz"),
            ("|K - L| / |K|, random student", chance, EXPECTATION, "root mean square"),
        ],
    )


def _meeting(
    quantity: str,
    lower: int | float,
    upper: int | float,
    lower_source: str,
    upper_source: str,
) -> list[Row]:
    """A row for each bound, or a single one where they meet."""
    if lower == upper:
        return [(quantity, upper, EXACT, f"{upper_source}; {lower_source}")]
    return [
        (quantity, upper, UPPER, upper_source),
        (quantity, lower, LOWER, lower_source),
    ]


_MARKS = {EXACT: "=", LOWER: ">=", UPPER: "<=", EXPECTATION: "~"}


def table(limits: list[Limit]) -> str:
    """The rows as text, each value marked by what it is."""
    width = max(len(limit.quantity) for limit in limits)
    lines = []
    section = None
    for limit in limits:
        if limit.section != section:
            section = limit.section
            lines += ["", section] if lines else [section]
        lines.append(
            f"  {limit.quantity:{width}}  {_MARKS[limit.kind]:>2} "
            f"{_number(limit.value):>11}  {limit.kind:11}  {limit.source}"
        )
    marks = ", ".join(f"{mark} {kind}" for kind, mark in _MARKS.items())
    return "\n".join(
        [*lines, "", f"{marks}. Pairs are orthogonal at |cos| <= epsilon."]
    )


def _number(value: int | float) -> str:
    if isinstance(value, int) and value < 10**9:
        return str(value)
    return "no limit" if math.isinf(value) else f"{value:.6g}"
