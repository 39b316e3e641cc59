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
    NaN where there is no pair, and for a ratio to zero.
    """
    array = np.asarray(vectors, dtype=np.float64)
    units = array / np.linalg.norm(array, axis=1, keepdims=True)
    n, dim = units.shape
    gram = units @ units.T
    cosines = np.abs(gram[np.triu_indices(n, 1)])
    count = float(np.sum(cosines <= epsilon))
    coherence = float(np.max(cosines)) if n > 1 else math.nan
    bound, _ = limits.coherence_bound(n, dim)
    return {
        "pairs": count,
        "fraction": count / len(cosines) if n > 1 else math.nan,
        "coherence": coherence,
        "coherence_bound": bound if n > 1 else math.nan,
        "coherence_ratio": coherence / bound if bound > 0 else math.nan,
        "mean_cosine": float(np.mean(cosines)) if n > 1 else math.nan,
        "effective_rank": n**2 / float(np.sum(gram**2)),
    }


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
