"""Which pairs of rows two files of vectors agree on: their counts, and a picture."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from simgeo import plots

_MOST_POINTS = 20_000  # of a figure

Layers = dict[str, Float[np.ndarray, "_ _"]]


def count(
    shown: pd.Series, student: Layers, teacher: Layers, epsilon: float
) -> dict[str, Any]:
    """Of the pair of layers that is shown: orthogonal pairs."""
    pair = student[shown["student"]], teacher[shown["teacher"]]
    ours, theirs, both, total = 0, 0, 0, 0
    for own, target in _cosines(*pair):
        in_a, in_b = abs(own) <= epsilon, abs(target) <= epsilon
        ours, theirs = ours + int(in_a.sum()), theirs + int(in_b.sum())
        both, total = both + int((in_a & in_b).sum()), total + len(own)
    n = len(pair[0])
    return {
        "A": shown["student"],
        "B": shown["teacher"],
        "preserved": both,
        "lost": theirs - both,
        "gained": ours - both,
        "in neither": total - ours - theirs + both,
        "undefined": n * (n - 1) // 2 - total,
        "preserved by chance": ours * theirs / max(total, 1),
    }


def _cosines(
    student: Float[np.ndarray, "n m"], teacher: Float[np.ndarray, "n d"]
) -> Iterator[tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]]:
    """Of every pair once, some rows at a time; of those with a zero row in neither."""
    n = len(student)
    units, known = [], np.ones(n, bool)
    for each in (student, teacher):
        largest = np.abs(each).max(axis=1, keepdims=True)
        known &= largest[:, 0] > 0
        scaled = each / np.where(largest > 0, largest, 1.0)
        lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
        units.append(scaled / np.maximum(lengths, 1.0))
    step = max(1, 2**22 // n)
    for start in range(0, n - 1, step):
        rows = np.arange(start, min(start + step, n - 1))
        later = (np.arange(n)[None] > rows[:, None]) & known & known[rows, None]
        ours, theirs = ((unit[rows] @ unit.T)[later] for unit in units)
        yield ours, theirs


def draw(
    path: Path,
    counts: dict[str, Any],
    student: Layers,
    teacher: Layers,
    epsilon: float,
) -> None:
    """The cosine of every pair, or of some of them, as a file."""
    parts = list(_cosines(student[counts["A"]], teacher[counts["B"]]))
    ours, theirs = (np.concatenate(side) for side in zip(*parts, strict=True))
    if len(ours) > _MOST_POINTS:
        shown = np.random.default_rng(0).choice(len(ours), _MOST_POINTS, replace=False)
        ours, theirs = ours[shown], theirs[shown]
    in_a, in_b = abs(ours) <= epsilon, abs(theirs) <= epsilon
    fate = np.select(
        [in_a & in_b, in_b, in_a], ["preserved", "lost", "gained"], "in neither"
    )
    frame = pd.DataFrame({"student": ours, "teacher": theirs, "fate": fate})
    with plots.style():
        figure = plots.pair_cosines(frame, counts, epsilon)
        figure.savefig(path)
