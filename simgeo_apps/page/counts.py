"""Screen 1: what epsilon-orthogonal means, and how many vectors fit."""

import math

from simgeo import limits
from simgeo_apps.page import arrows
from simgeo_apps.page.rounding import power_of_ten
from simgeo_apps.page.training import NUM_VECTORS

DIMS = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
EPSILONS = (0.02, 0.04, 0.06, 0.08, 0.1, 0.14, 0.2, 0.26, 0.32, 0.4, 0.5)
BIN = 0.02  # of the histogram; every epsilon is a whole number of bins

_PROOFS = {
    "simplex": "the simplex bound",
    "welch": "Welch's bound",
    "gerzon": "Gerzon's bound",
    "levenshtein": "Levenshtein's bound",
    "sidelnikov": "Sidelnikov's bound",
    "volume": "the volume of caps",
    "delsarte": "Delsarte's linear programme",
}


def counts() -> list[dict]:
    """One row for each d and epsilon: what fits, what chance does, what is proven."""
    return [
        _count(place_d, d, place_epsilon, epsilon)
        for place_d, d in enumerate(DIMS)
        for place_epsilon, epsilon in enumerate(EPSILONS)
    ]


def _count(place_d: int, d: int, place_epsilon: int, epsilon: float) -> dict:
    most, proof = limits.max_orthogonal_vectors(epsilon, d)
    known, construction = limits.known_orthogonal_vectors(epsilon, d)
    return {
        "place_d": place_d,
        "d": d,
        "place_epsilon": place_epsilon,
        "epsilon": epsilon,
        "random": limits.random_fraction(epsilon, d),
        "pairs": limits.max_orthogonal_fraction(epsilon, NUM_VECTORS, d),
        "most": float(most),
        "proof": proof,
        "known": float(known),
        "construction": construction,
    }


def histogram() -> list[dict]:
    """For each d the share of random pairs in each bin of the cosine, from -1 to 1."""
    num_bins = round(1 / BIN)
    rows = []
    for place, d in enumerate(DIMS):
        within = [limits.random_fraction(k * BIN, d) for k in range(1, num_bins + 1)]
        upper = [
            round((high - low) / 2, 7)
            for low, high in zip([0.0, *within], within, strict=False)
        ]
        rows.append({"place_d": place, "share": [*upper[::-1], *upper]})
    return rows


def readings(rows: list[dict]) -> dict[str, str]:
    """What the screen says at each place of its two sliders."""
    return {f"{row['place_d']}|{row['place_epsilon']}": _reading(row) for row in rows}


def pictures() -> dict[str, dict]:
    """The arrows of every epsilon, by its place."""
    return {str(at): arrows.slack(epsilon) for at, epsilon in enumerate(EPSILONS)}


def _reading(row: dict) -> str:
    angle = math.degrees(math.acos(row["epsilon"]))
    fits = f"{_whole(row['known'])} vectors"
    if row["known"] == row["most"]:
        fits = f"Exactly {fits} can be so pairwise"
    else:
        fits = (
            f"At least {fits} can be so pairwise, and no more than "
            f"{_whole(row['most'])} ({_PROOFS.get(row['proof'], row['proof'])})"
        )
    return (
        f"At ε = {row['epsilon']:g} a pair counts as "
        f"orthogonal from {angle:.1f}° to {180 - angle:.1f}"
        f"°. In {row['d']} dimensions {_percent(row['random'])} of random "
        f"pairs are. {fits}. Of the pairs of {NUM_VECTORS} vectors, "
        f"{_percent(row['pairs'])} at most can be."
    )


def _percent(share: float) -> str:
    if 0.9995 <= share < 1:
        return "over 99.9 %"
    return f"{100 * share:.1f} %" if share < 1 else "100 %"


def _whole(count: float) -> str:
    return f"{count:,.0f}" if count < 1e6 else power_of_ten(count)
