"""An exact number of epsilon-orthogonal pairs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from simgeo import limits
from simgeo.checks import BETWEEN_0_AND_1, FRACTION, INHERITED, at_least, known, require
from simgeo.linalg import polar_factor, unit_rows
from simgeo.teachers import _pair_moves as moves
from simgeo.teachers._teacher import (
    About,
    AbstractTeacher,
    Knob,
    Rows,
    own_epsilon,
    random_units,
)

_MOST_WAIVED = 0.02  # of the pairs asked for, by the last step of either half
_SPREAD = 0.01  # of the vectors of one group, when the descent starts from groups
_REACH_HALVINGS = 12
_PATH_HALVINGS = 24  # float32 resolves no more


class OrthogonalFraction(AbstractTeacher):
    """Vectors of which exactly a chosen fraction of pairs is epsilon-orthogonal.

    `epsilon` None is the experiment's, and 0.1 for a teacher that is used on its own.
    round(fraction n (n - 1)/2) pairs have |cos| <= epsilon. No cosine is within 4e-6
    of epsilon (less for epsilon or 1 - epsilon below 4e-5), so that every program
    counts the same pairs, in float32 too if its products are not of lower precision.

    Vectors move along a path that starts at one common direction, with no such pair,
    and leads straight to random directions. If those have too few, it follows the
    descent of sum max(|cos| - 0.9 epsilon, 0)^2 over the pairs that are wanted: the
    round(fraction ...) smallest |cos| of the moment. The others keep their cosines, so
    that the pattern has a wide margin. The step at which the number is passed is
    bisected, and pairs that are then on the wrong side, by a rounding, are corrected.

    What half of `num_steps` do not reach is tried again from as few groups of
    near-duplicates as could do, on orthogonal axes as far as there are some: with N
    groups of equal size whose vectors are epsilon-orthogonal, the number of pairs is
    Turan's, the most there can be if no more than N vectors are mutually so.

    A request that is proven impossible is refused. If the steps do not reach another,
    the best set on the path is returned, for which up to 2 % of the wanted pairs are
    waived late in each half: see `report` for what was achieved. That happens near
    the bound of `limits.max_orthogonal_fraction`.

    >>> import jax
    >>> from simgeo import teachers
    >>> teacher = teachers.OrthogonalFraction(fraction=0.75, epsilon=0.2)
    >>> vectors = teacher(jax.random.key(0), 16, 8)
    >>> teachers.report(vectors, epsilon=0.2)["pairs"]  # of 120
    90.0
    """

    about = About(
        control="fraction of epsilon-orthogonal pairs",
        feasible="0 to limits.max_orthogonal_fraction, which is refused above; "
        "best effort just below it",
        exact="to the pair",
        cost="n^2 d per step; 4,096 x 1,024 in 20 s",
    )
    fraction: float = eqx.field(default=0.95, metadata=FRACTION)
    epsilon: float | None = eqx.field(
        default=None, metadata=BETWEEN_0_AND_1 | INHERITED
    )
    num_steps: int = eqx.field(static=True, default=1000, metadata=at_least(1))

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        super().check(num_vectors, teacher_dim)
        rule = "be at least 2 to have a pair"
        require(num_vectors >= 2, "num_vectors", rule, num_vectors)
        epsilon = own_epsilon(self.epsilon)
        if not known(self.fraction, epsilon):
            return
        shape = num_vectors, teacher_dim
        fraction, epsilon = float(self.fraction), float(epsilon)
        most = limits.max_orthogonal_pairs(epsilon, *shape)
        pairs = num_vectors * (num_vectors - 1) // 2
        has_room = round(fraction * pairs) <= most
        rule = f"not exceed {most / pairs:.6g}"
        moves.require_room(has_room, "fraction", rule, fraction, epsilon, *shape)

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        epsilon = own_epsilon(self.epsilon)
        common_key, own_key = jax.random.split(key)
        common = random_units(common_key, 1, teacher_dim)
        start = random_units(own_key, num_vectors, teacher_dim)
        pairs = num_vectors * (num_vectors - 1) // 2
        target = moves.rounded_share(self.fraction, pairs)
        # Accelerators would round factors to 10 bits, which moves pairs across epsilon.
        with jax.default_matmul_precision("highest"):
            below, above, target = _follow(
                start, common, target, epsilon, self.num_steps
            )
            vectors = _bisect(below, above, target, epsilon)
            pattern = moves.smallest_pairs(jnp.abs(vectors @ vectors.T), target)
            return moves.settle(vectors, pattern, epsilon)


def _follow(
    start: Float[Array, "n d"],
    common: Float[Array, "1 d"],
    target: Int[Array, ""],
    epsilon: Knob,
    num_steps: int,
) -> tuple[Float[Array, "n d"], Float[Array, "n d"], Int[Array, ""]]:
    """Neighbours on the path with fewer and with enough pairs, and how many to make.

    If the target is not reached: twice the best on the path, and its number.
    """
    n, dim = start.shape
    half = max(num_steps // 2, 1)
    # As few as give the pairs: Turan's numbers, for 1 to n groups.
    pairs = np.array([limits.turan(n, groups) for groups in range(1, n + 1)])
    groups = 1 + jnp.sum(jnp.asarray(pairs) < target)
    num_axes = min(n, dim)
    axes = start.at[:num_axes].set(polar_factor(start[:num_axes]))
    spread = _SPREAD * jnp.minimum(10.0 * epsilon, 1.0)
    grouped = unit_rows(axes[jnp.arange(n) % groups] + spread * start)
    on_axes = unit_rows(axes[np.arange(n) % num_axes] + spread * start)

    def excess_of(state):
        # Late in each half fewer pairs are wanted than asked for: what cannot all be
        # had makes room for the most that can.
        progress = (state.step % half) / half
        waived = _MOST_WAIVED * jnp.maximum(2 * progress - 1.0, 0.0)
        size = jnp.where(moves.off_diagonal(n), jnp.abs(state.gram), 2.0)
        _, reach = moves.level(size, 2 * target * (1.0 - waived), _REACH_HALVINGS)
        ease = moves.EASE * epsilon
        excess = state.gram - jnp.clip(state.gram, -ease, ease)
        return jnp.where(size <= jnp.maximum(reach, 1.001 * epsilon), excess, 0.0)

    def missing(gram):
        return target - moves.num_within(gram, epsilon)

    end = moves.descend(start, missing, excess_of, num_steps, restart=(half, grouped))
    on_axes_missing = missing(on_axes @ on_axes.T)
    best = jnp.where(on_axes_missing < end.least_wrong, on_axes, end.best)
    least = jnp.minimum(on_axes_missing, end.least_wrong)
    reached = end.wrong <= 0
    previous = jnp.where(end.step > 0, end.previous, common)
    below = jnp.where(reached, previous, best)
    above = jnp.where(reached, end.best, best)
    return below, above, target - jnp.maximum(least, 0)


def _bisect(
    below: Float[Array, "n d"],
    above: Float[Array, "n d"],
    target: Int[Array, ""],
    epsilon: Knob,
) -> Float[Array, "n d"]:
    """The last set on the straight way up that has no more than the target's pairs.

    Inner products on the way are a quadratic polynomial of the place, from three Gram
    matrices.
    """
    low_gram, high_gram, mixed = below @ below.T, above @ above.T, below @ above.T
    mixed = mixed + mixed.T

    def gram(place):
        rest = 1.0 - place
        return rest**2 * low_gram + rest * place * mixed + place**2 * high_gram

    def halve(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        products = gram(middle)
        lengths = jnp.sqrt(jnp.diagonal(products))
        cosines = products / (lengths[:, None] * lengths[None, :])
        too_many = moves.num_within(cosines, epsilon) > target
        return jnp.where(too_many, low, middle), jnp.where(too_many, middle, high)

    ends = jnp.zeros((), below.dtype), jnp.ones((), below.dtype)
    place, _ = jax.lax.fori_loop(0, _PATH_HALVINGS, halve, ends)
    return unit_rows((1.0 - place) * below + place * above)
