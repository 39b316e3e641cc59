"""Relations between vectors: distances, angles, neighbours, orthogonal pairs."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from simgeo.functional._loss import loss
from simgeo.functional._rows import sides
from simgeo.linalg import (
    as_matrix,
    as_wide,
    cosines,
    safe_divide,
    safe_sqrt,
    squared_distances,
    sum_entries,
)

Knob = float | Float[Array, ""]


@loss(
    formula="mean_ij huber(|s_i - s_j| / mu_S - |t_i - t_j| / mu_T)",
    range="[0, inf)",
    cost="n^2 (m + d)",
    source="Park et al. (2019), RKD-D, section 3.2.1",
)
def relational_distance(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"], *, delta: Knob = 1.0
) -> Float[Array, ""]:
    """Mean Huber loss between the mean-normalised distances of all pairs.

    mu is the mean distance of the pairs i != j, and huber(x) = x^2 / 2 up to |x| =
    `delta` and linear beyond. A student without spread has all distances zero. Forms n
    x n matrices; in float32, distances below about 1e-3 of the cloud's radius are
    rough.

    Args:
        delta: positive, where the Huber loss becomes linear.
    """
    student, teacher = sides(student, teacher, scaled=True)
    n = student.shape[0]
    error = _relative_distances(student) - _relative_distances(teacher)
    return sum_entries(_huber(error, delta)) / (n * (n - 1))


@loss(
    formula="mean_ijk huber(cos of the angle at s_j, minus the teacher's)",
    range="[0, 2]",
    cost="n^3 (m + d), in memory of n^2",
    source="Park et al. (2019), RKD-A, section 3.2.2",
)
def relational_angle(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"], *, delta: Knob = 1.0
) -> Float[Array, ""]:
    """Mean Huber loss between the cosines of the angles of all triplets.

    i, j and k are different, huber is as in `functional.relational_distance`, and equal
    vectors have cosine 0. Forms one n x n matrix after the other, n of them.

    Args:
        delta: positive, where the Huber loss becomes linear.
    """
    student, teacher = sides(student, teacher, scaled=True)
    n = student.shape[0]
    others = ~np.eye(n, dtype=bool)

    @jax.checkpoint
    def at(vertex: Int[Array, ""]) -> Float[Array, ""]:
        angles = [
            cosines(each - jax.lax.dynamic_index_in_dim(each, vertex, keepdims=True))
            for each in (student, teacher)
        ]
        return sum_entries(jnp.where(others, _huber(angles[0] - angles[1], delta), 0.0))

    return jnp.sum(jax.lax.map(at, jnp.arange(n))) / (n * (n - 1) * (n - 2))


def _huber(error: Float[Array, "..."], delta: Knob) -> Float[Array, "..."]:
    size = jnp.abs(error)
    return jnp.where(size <= delta, error**2 / 2.0, delta * (size - delta / 2.0))


def _relative_distances(vectors: Float[Array, "n k"]) -> Float[Array, "n n"]:
    """Pairwise distances over the mean of those between different rows."""
    n = vectors.shape[0]
    distances = safe_sqrt(squared_distances(vectors))
    return safe_divide(distances, sum_entries(distances) / (n * (n - 1)))


@loss(
    formula="mean_i KL(p_i || q_i), softmax over j != i of cosines / temperature",
    range="[0, 4 / temperature]",
    cost="n^2 (m + d)",
    source="Hinton and Roweis (2002) with cosines; Fang et al. (2021)",
)
def neighbour_kl(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    temperature: Knob = 0.1,
) -> Float[Array, ""]:
    """Divergence from the teacher's to the student's softmax over neighbours.

    p_i is the softmax of the teacher's cosines and q_i the student's. A softmax does
    not see a constant added to its row, so all cosines may drift together: a teacher of
    equal cosines has loss 0 with a collapsed student. Forms n x n matrices. The PKT of
    Passalis and Tefas (2018) has no softmax.

    Args:
        temperature: positive.
    """
    log_p = _log_neighbours(teacher, temperature)
    log_q = _log_neighbours(student, temperature)
    return sum_entries(jnp.exp(log_p) * (log_p - log_q)) / len(log_p)


def _log_neighbours(
    vectors: Float[Array, "n k"], temperature: Knob
) -> Float[Array, "n n-1"]:
    n = vectors.shape[0]
    others = ~np.eye(n, dtype=bool)  # NumPy: a mask of jnp is traced, fails in jit
    logits = (cosines(vectors) / temperature)[others].reshape(n, n - 1)
    return jax.nn.log_softmax(logits, axis=-1)


@loss(
    formula="mean over the teacher's pairs of max(|cos| - epsilon, 0)",
    range="[0, 1 - epsilon]",
    cost="n^2 (m + d)",
    source="ours",
)
def pattern_hinge(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"], *, epsilon: Knob = 0.1
) -> Float[Array, ""]:
    """Mean excess of |cos| over `epsilon` where the teacher is epsilon-orthogonal.

    The pairs are those i != j that the teacher has with |cos| <= epsilon; it is zero if
    there are none. It asks nothing of all other pairs, so that it keeps recall of the
    pattern and not precision: any mutually epsilon-orthogonal student has loss 0. A
    zero row is orthogonal to all others. Forms n x n matrices.

    Args:
        epsilon: in [0, 1].
    """
    others = ~np.eye(student.shape[0], dtype=bool)
    wanted = others & (jnp.abs(cosines(teacher)) <= epsilon)
    excess = jnp.maximum(jnp.abs(cosines(student)) - epsilon, 0.0)
    asked = sum_entries(jnp.where(wanted, excess, 0.0))
    return safe_divide(asked, sum_entries(wanted.astype(asked.dtype)))


def quantise(vectors: Float[Array, "n k"], *, num_bits: int) -> Float[Array, "n k"]:
    """The vectors, rounded to 2^b - 1 evenly spaced values from -max to max.

    The gradient is that of the identity: the straight-through estimator of Bengio,
    Leonard and Courville (2013). A zero matrix stays zero.

    Args:
        vectors: (n, k), real numbers.
        num_bits: b, from 2 to 16.

    Raises:
        ValueError: if `num_bits` is below 2 or above 16, or `vectors` no matrix.
    """
    if not 2 <= num_bits <= 16:
        raise ValueError(f"`num_bits` must be between 2 and 16; got {num_bits}.")
    vectors = as_wide(as_matrix(vectors, "vectors", "(n, k)"))
    fixed = jax.lax.stop_gradient(vectors)
    step = jnp.max(jnp.abs(fixed)) / (2 ** (num_bits - 1) - 1)
    rounded = jnp.round(safe_divide(fixed, step)) * step
    return vectors + (rounded - fixed)
