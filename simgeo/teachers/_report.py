"""What a drawn teacher is like, beside what was asked of it."""

import math

import numpy as np
from jaxtyping import Array, Float


def report(
    vectors: Float[Array, "n d"] | Float[np.ndarray, "n d"], epsilon: float
) -> dict[str, float]:
    """What was achieved, in float64 on the host. Lengths of rows do not matter.

    `pairs` and `fraction`: pairs with |cos| <= epsilon, also as a fraction of all;
    `coherence` and `mean_cosine`: the largest and the mean |cos| of a pair;
    `effective_rank`: participation ratio n^2 / |K|^2 of the cosines K, in [1, d].
    NaN where there is no pair.
    """
    array = np.asarray(vectors, dtype=np.float64)
    units = array / np.linalg.norm(array, axis=1, keepdims=True)
    n = len(units)
    gram = units @ units.T
    cosines = np.abs(gram[np.triu_indices(n, 1)])
    count = float(np.sum(cosines <= epsilon))
    return {
        "pairs": count,
        "fraction": count / len(cosines) if n > 1 else math.nan,
        "coherence": float(np.max(cosines)) if n > 1 else math.nan,
        "mean_cosine": float(np.mean(cosines)) if n > 1 else math.nan,
        "effective_rank": n**2 / float(np.sum(gram**2)),
    }
