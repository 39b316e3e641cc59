"""What a drawn teacher is like, beside what was asked of it."""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Array, Float

from simgeo import limits
from simgeo.teachers._teacher import About, AbstractTeacher


def report(
    vectors: Float[Array, "n d"] | Float[np.ndarray, "n d"], epsilon: float
) -> dict[str, float]:
    """What was achieved, in float64 on the host. Lengths of rows do not matter.

    `pairs` and `fraction`: pairs with |cos| <= epsilon, also as a fraction of all;
    `coherence` and `mean_cosine`: the largest and the mean |cos| of a pair;
    `coherence_bound` and `coherence_ratio`: the largest lower bound for n vectors in d
    dimensions, and the coherence over it, at least 1;
    `effective_rank`: participation ratio n^2 / |K|^2 of the cosines K, in [1, d].
    NaN where there is no pair, and for a ratio to zero. Where a row is zero or not
    finite, all that is made of cosines is NaN, as it is for the measures.
    """
    array = np.asarray(vectors, dtype=np.float64)
    n, dim = array.shape
    bound, _ = limits.coherence_bound(n, dim)
    found = dict.fromkeys(_REPORTED, math.nan)
    found["coherence_bound"] = bound if n > 1 else math.nan
    largest = np.max(np.abs(array), axis=1, keepdims=True)
    if not np.all(np.isfinite(largest) & (largest > 0)):
        return found
    # Scaled by the largest entry, since squares must neither vanish nor overflow.
    scaled = array / largest
    units = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    gram = units @ units.T
    cosines = np.abs(gram[np.triu_indices(n, 1)])
    found["pairs"] = float(np.sum(cosines <= epsilon))
    found["effective_rank"] = n**2 / float(np.sum(gram**2))
    if n > 1:
        coherence = found["coherence"] = float(np.max(cosines))
        found["fraction"] = found["pairs"] / len(cosines)
        found["mean_cosine"] = float(np.mean(cosines))
        found["coherence_ratio"] = coherence / bound if bound > 0 else math.nan
    return found


_REPORTED = (
    *("pairs", "fraction", "coherence", "coherence_bound", "coherence_ratio"),
    *("mean_cosine", "effective_rank"),
)


def table() -> dict[str, About]:
    """What every teacher offers, by the name of its class, in alphabetical order."""

    def final(cls: type[AbstractTeacher]) -> Iterator[type[AbstractTeacher]]:
        if isinstance(getattr(cls, "about", None), About):
            yield cls
        for each in cls.__subclasses__():
            yield from final(each)

    found = {
        cls.__name__: cls.about
        for cls in final(AbstractTeacher)
        if not cls.__name__.startswith("_")
    }
    return dict(sorted(found.items()))


def markdown() -> str:
    """That table as Markdown: docs/teachers.md is kept equal to it by a test."""
    lines = ["| teacher | control | feasible | exactness | cost |", "|---" * 5 + "|"]
    for name, about in table().items():
        lines.append(f"| {' | '.join((name, *about))} |")
    return "\n".join(lines)
