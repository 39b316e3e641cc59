"""What every teacher offers."""

import abc
import math

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray


class AbstractTeacher(eqx.Module):
    """A way to draw n vectors of unit length in d dimensions."""

    def check(self, num_vectors: int, dim: int) -> None:
        """ValueError where the request is proven impossible for this n and d."""
        return

    @abc.abstractmethod
    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]: ...


def report(vectors: np.ndarray, epsilon: float) -> dict[str, float]:
    """What a set of vectors achieved, counted in float64.

    Number and fraction of epsilon-orthogonal pairs, coherence (largest |cosine|),
    mean |cosine|, and effective rank (participation ratio).
    """
    rows = np.asarray(vectors, np.float64)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = np.abs((rows @ rows.T)[np.triu_indices(len(rows), 1)])
    pairs = int(np.sum(cosines <= epsilon))
    return {
        "pairs": pairs,
        "fraction": pairs / len(cosines),
        "coherence": float(cosines.max()),
        "mean_cosine": float(cosines.mean()),
        "effective_rank": float(len(rows) ** 2 / np.sum((rows.T @ rows) ** 2)),
    }


def require(value: float, name: str, low: float, high: float, rule: str) -> None:
    """ValueError unless low <= value < high; anything goes for a traced value."""
    if isinstance(value, jax.core.Tracer | jax.Array):
        return
    if not (math.isfinite(value) and low <= value < high):
        raise ValueError(f"`{name}` must {rule}; got {value}.")
