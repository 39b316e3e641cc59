"""Matrices of cosines as short lists of whole numbers."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from simgeo import linalg, plots

Vectors = Float[np.ndarray, "n k"] | Float[Array, "n k"]
EPSILON = 0.1  # of every run on the page
FLOOR = 1e-5  # a loss so near its optimum, relative to the zero student's, is there
_STEPS = 10  # of a cosine from 0 to epsilon


def quantised(vectors: Vectors) -> list[int]:
    """|Cosines| of all pairs i < j in hundredths, rounded up.

    So rounded, a pair is epsilon-orthogonal exactly where its number is at most 10.
    """
    cosines = np.asarray(linalg.cosines(jnp.asarray(vectors)))
    size = np.abs(cosines[np.triu_indices(len(cosines), 1)])
    # What is within epsilon in the precision of the run must be so here.
    steps = np.ceil(size.astype(float) * _STEPS / EPSILON)
    steps = np.where(size <= EPSILON, np.minimum(steps, _STEPS), steps)
    steps = np.where(size > EPSILON, np.maximum(steps, _STEPS + 1), steps)
    return np.minimum(steps, _STEPS / EPSILON).astype(int).tolist()


def order(vectors: Vectors) -> Int[np.ndarray, " n"]:
    """Vectors so that like stands beside like."""
    return plots.order_of(np.asarray(linalg.cosines(jnp.asarray(vectors)), float))


def number(value: float | np.floating, digits: int = 4) -> float | None:
    """Rounded to significant digits; None, JSON's null, where undefined."""
    return float(f"{value:.{digits}g}") if np.isfinite(value) else None


def said(value: float | np.floating | None) -> str:
    """As a reader likes it: two decimals, or a power of ten; words where undefined."""
    if value is None or not np.isfinite(value):
        return "undefined"
    if value == 0:
        return "0"
    if 0.01 <= abs(value) < 1000:
        return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
    return power_of_ten(value)


def loss_said(excess: float) -> str:
    """A loss by what it is above its optimum, where a run is done below `FLOOR`."""
    if excess < FLOOR:
        return "loss at its optimum"
    return f"loss {said(excess)} above its optimum"


def power_of_ten(value: float) -> str:
    """Two digits, unless they are 1.0, and a power of ten."""
    mantissa, power = f"{value:.1e}".split("e")
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    mantissa = mantissa.replace("-", "\N{MINUS SIGN}")
    if mantissa == "1.0":
        return f"10{raised}"
    return f"{mantissa} \N{MULTIPLICATION SIGN} 10{raised}"
