"""Relations between vectors: distances, angles, neighbours, orthogonal pairs."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from simgeo.functional._rows import accurate, sides
from simgeo.linalg import centre, cosines, gram, safe_divide, safe_sqrt

Knob = float | Float[Array, ""]


@accurate
def relational_distance(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"], *, delta: Knob = 1.0
) -> Float[Array, ""]:
    """Mean Huber loss between the mean-normalised distances of all pairs.

    mean over i != j of h(|s_i - s_j| / mu_S - |t_i - t_j| / mu_T), with mu the mean
    distance of the pairs i != j, h(x) = x^2 / 2 up to |x| = `delta` and linear beyond.
    Not negative; a student without spread has all distances zero. Forms n x n
    matrices; in float32, distances below about 1e-3 of the cloud's radius are rough.
    Park et al. (2019), RKD, section 3.2.1.
    """
    student, teacher = sides(student, teacher)
    n = student.shape[0]
    error = _relative_distances(student) - _relative_distances(teacher)
    return jnp.sum(_huber(error, delta)) / (n * (n - 1))


@accurate
def relational_angle(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"], *, delta: Knob = 1.0
) -> Float[Array, ""]:
    """Mean Huber loss between the cosines of the angles of all triplets.

    mean over different i, j, k of h(cos of the angle at s_j between s_i and s_k, minus
    the teacher's), h as in `relational_distance`. In [0, 2]; equal vectors have cosine
    0. Forms one n x n matrix after the other, n of them: time grows with n^3. Park et
    al. (2019), RKD, section 3.2.2.
    """
    student, teacher = sides(student, teacher)
    n = student.shape[0]
    others = ~np.eye(n, dtype=bool)

    @jax.checkpoint
    def at(vertex: Int[Array, ""]) -> Float[Array, ""]:
        angles = [
            cosines(each - jax.lax.dynamic_index_in_dim(each, vertex, keepdims=True))
            for each in (student, teacher)
        ]
        return jnp.sum(jnp.where(others, _huber(angles[0] - angles[1], delta), 0.0))

    return jnp.sum(jax.lax.map(at, jnp.arange(n))) / (n * (n - 1) * (n - 2))


def _huber(error: Float[Array, "..."], delta: Knob) -> Float[Array, "..."]:
    size = jnp.abs(error)
    near = jnp.minimum(size, delta)
    return near * (size - near / 2)


def _relative_distances(vectors: Float[Array, "n k"]) -> Float[Array, "n n"]:
    """Pairwise distances over the mean of those between different rows."""
    n = vectors.shape[0]
    products = gram(centre(vectors))
    norms = jnp.diagonal(products)
    squared = norms[:, None] + norms[None, :] - 2.0 * products
    distances = safe_sqrt(jnp.where(np.eye(n, dtype=bool), 0.0, squared))
    return safe_divide(distances, jnp.sum(distances) / (n * (n - 1)))


@accurate
def neighbour_kl(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    temperature: Knob = 0.1,
) -> Float[Array, ""]:
    """Divergence from the teacher's to the student's softmax over neighbours.

    mean_i sum_{j != i} p_ij log(p_ij / q_ij), with p_i the softmax over j != i of the
    teacher's cos(t_i, t_j) / `temperature` and q_i the student's. In
    [0, 4 / temperature]. A softmax does not see a constant added to its row, so all
    cosines may drift together: a teacher of equal cosines has loss 0 with a collapsed
    student. Forms n x n matrices. Hinton and Roweis (2002) with cosines, as in SEED,
    Fang et al. (2021); the PKT of Passalis and Tefas (2018) has no softmax.
    """
    student, teacher = sides(student, teacher)
    log_p = _log_neighbours(teacher, temperature)
    log_q = _log_neighbours(student, temperature)
    return jnp.mean(jnp.sum(jnp.exp(log_p) * (log_p - log_q), axis=-1))


def _log_neighbours(
    vectors: Float[Array, "n k"], temperature: Knob
) -> Float[Array, "n n-1"]:
    n = vectors.shape[0]
    others = ~np.eye(n, dtype=bool)  # NumPy: a mask of jnp is traced, fails in jit
    logits = (cosines(vectors) / temperature)[others].reshape(n, n - 1)
    return jax.nn.log_softmax(logits, axis=-1)


@accurate
def pattern_hinge(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"], *, epsilon: Knob = 0.1
) -> Float[Array, ""]:
    """Mean excess of |cos| over `epsilon` where the teacher is epsilon-orthogonal.

    max(|cos(s_i, s_j)| - epsilon, 0), averaged over the pairs i != j that the teacher
    has with |cos| <= epsilon; zero if it has none. In [0, 1 - epsilon]. It asks nothing
    of all other pairs, so that it keeps recall of the pattern and not precision: any
    mutually epsilon-orthogonal student has loss 0. A zero row is orthogonal to all
    others. Forms n x n matrices.
    """
    student, teacher = sides(student, teacher)
    others = ~np.eye(student.shape[0], dtype=bool)
    wanted = others & (jnp.abs(cosines(teacher)) <= epsilon)
    excess = jnp.maximum(jnp.abs(cosines(student)) - epsilon, 0.0)
    asked = jnp.sum(jnp.where(wanted, excess, 0.0))
    return safe_divide(asked, jnp.sum(wanted, dtype=asked.dtype))


def quantise(vectors: Float[Array, "n k"], *, num_bits: int) -> Float[Array, "n k"]:
    """Rounded to 2^b - 1 evenly spaced values from -max to max.

    The straight-through estimator of Bengio, Leonard and Courville (2013): the gradient
    is that of the identity. A zero matrix stays zero.

    Raises:
        ValueError: if `num_bits` is below 2 or above 16.
    """
    if not 2 <= num_bits <= 16:
        raise ValueError(f"`num_bits` must be between 2 and 16; got {num_bits}.")
    fixed = jax.lax.stop_gradient(vectors)
    step = jnp.max(jnp.abs(fixed)) / (2 ** (num_bits - 1) - 1)
    rounded = jnp.round(safe_divide(fixed, step)) * step
    return vectors + (rounded - fixed)
