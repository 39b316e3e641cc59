"""Vectors of three dimensions drawn as arrows, with the angles between some of them."""

import numpy as np
from jaxtyping import Float

from simgeo_apps.page.rounding import EPSILON

_EYE = np.array([0.84, 0.5, -0.25])  # towards it
_RADIUS = 0.5  # of an arc, in lengths of the longest vector


def picture(
    vectors: Float[np.ndarray, "n 3"],
    ways: Float[np.ndarray, "3 3"],
    teacher_ways: Float[np.ndarray, "3 3"],
    frame: tuple[float, float, float] = (0.5, 0.48, 0.47),
) -> dict:
    """What the page draws: points in the plane, the longest vector being of length 1.

    Args:
        vectors: vector i is of group i mod 3.
        ways: a direction for each group; the angles between these are written.
        teacher_ways: the same of the teacher, from which every angle has its fate.
        frame: where the origin is, from the left and from the top, and how long the
            longest vector, in widths of the picture.

    Returns:
        The `frame`; the `tips` of the arrows; the `ghosts`, tips of the teacher's
        directions; and the `arcs`: each a `path`, an angle in `degrees`, and a `fate`.
    """
    tips = _seen(vectors / np.linalg.norm(vectors, axis=1).max())
    pairs = ((0, 1), (1, 2), (0, 2))
    arcs = []
    for one, other in pairs:
        angle = _angle(ways[one], ways[other])
        arcs.append(
            {
                "path": _rounded(_seen(_arc(ways[one], ways[other]))),
                "degrees": round(float(np.degrees(angle))),
                "fate": _fate(_angle(teacher_ways[one], teacher_ways[other]), angle),
            }
        )
    lengths = np.linalg.norm(teacher_ways, axis=1, keepdims=True)
    ghosts = _seen(teacher_ways / lengths)
    return {
        "frame": frame,
        "tips": _rounded(tips),
        "ghosts": _rounded(ghosts),
        "arcs": arcs,
    }


def slack(epsilon: float) -> dict:
    """One arrow, and between two others all that are epsilon-orthogonal to it."""
    half = np.pi / 2 - np.arccos(epsilon)
    low, high = np.pi / 2 - half, np.pi / 2 + half

    def at(angles: np.ndarray) -> np.ndarray:
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    ends = np.array([low, high])
    arc = {
        "path": _rounded(1.08 * at(np.linspace(low, high, 13))),
        "degrees": f"{np.degrees(low):.1f}° to {np.degrees(high):.1f}",
        "fate": "preserved",
    }
    tips = _rounded(at(np.array([0.0, *ends])))
    return {"frame": (0.35, 0.84, 0.58), "tips": tips, "ghosts": [], "arcs": [arc]}


def _seen(points: Float[np.ndarray, "p 3"]) -> Float[np.ndarray, "p 2"]:
    forth = _EYE / np.linalg.norm(_EYE)
    right = np.cross([0.0, 0.0, 1.0], forth)
    right /= np.linalg.norm(right)
    return np.stack([points @ right, points @ np.cross(forth, right)], axis=1)


def _angle(one: Float[np.ndarray, " 3"], other: Float[np.ndarray, " 3"]) -> float:
    cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.arccos(np.clip(cosine, -1, 1)))


def _arc(
    one: Float[np.ndarray, " 3"], other: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "p 3"]:
    one, other = one / np.linalg.norm(one), other / np.linalg.norm(other)
    side = other - (one @ other) * one
    length = np.linalg.norm(side)
    side = side / length if length > 0 else side
    turn = np.linspace(0, _angle(one, other), 13)[:, None]
    return _RADIUS * (np.cos(turn) * one + np.sin(turn) * side)


def _fate(teacher: float, student: float) -> str:
    there, here = (abs(np.cos(angle)) <= EPSILON for angle in (teacher, student))
    if there:
        return "preserved" if here else "lost"
    return "gained" if here else "in neither"


def _rounded(points: np.ndarray) -> list[list[float]]:
    return np.round(points, 3).tolist()
