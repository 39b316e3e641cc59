"""The programs of a run: the mathematics of one unit, for many units.

On a CPU the units of a lane are computed one after the other, by a loop whose length
is not known to the compiler: the program of a unit is then the same whoever runs beside
it, and so are its numbers, bit by bit. It is also as fast as side by side, since what a
step touches stays in the core's cache, and no unit waits for another's iteration. On an
accelerator units are computed side by side, where the batch decides how products are
rounded.

A program of one unit is traced for its shapes, for how many units fit, and for what it
gives. With `traced` JAX finds what it has traced before, wherever it can.
"""

import contextlib
import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int, Key, PyTree

from simgeo import descent
from simgeo.checks import require
from simgeo.optimisers import AbstractOptimiser
from simgeo.problems import AbstractObserver, AbstractProblem, AbstractStage, Data

Common = tuple[PyTree, ...]  # what all units of a program have in common
UNITS = PartitionSpec("units")
QUICK = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}
OWN_NAMES = {"loss", "gradient_norm", "update_norm", "seed", "step"}


class Knobs(NamedTuple):
    """What of a cell enters the programs of its units."""

    problem: AbstractProblem
    optimiser: AbstractOptimiser
    num_steps: Int[Array, ""]


class Seen(NamedTuple):
    """What is looked at after some steps."""

    subject: PyTree
    loss: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    update_norm: Float[Array, ""]
    last_finite: Int[Array, ""]


class Begun(NamedTuple):
    """A unit before its first step."""

    state: descent.State
    scales: PyTree


def traced(one: Callable) -> Callable:
    """A program of one unit that JAX need not trace anew, in full precision."""

    @functools.wraps(one)
    def precise(*given: PyTree, **named: PyTree) -> PyTree:
        # GPUs and TPUs would otherwise round what they multiply to 10 or 7 bits.
        with jax.default_matmul_precision("highest"):
            return one(*given, **named)

    return jax.jit(precise, inline=True)


@traced
def draw(
    seed: Int[Array, ""],
    stage: AbstractStage,
    before: Data,
    place: Int[Array, ""] | int,
) -> PyTree:
    """What a stage gives to one unit."""
    return stage.draw(_key(seed, place), *before)


@traced
def begin(knobs: Knobs, seed: Int[Array, ""], data: Data) -> Begun:
    """One unit before its first step."""
    problem = knobs.problem
    first = len(data)
    parameters = problem.init(_key(seed, first), data)
    memory = problem.begin(_key(seed, first + 1), data)
    rule = knobs.optimiser.transformation(knobs.num_steps)
    return Begun(descent.init(parameters, rule, memory), problem.scales(data))


@traced
def advance(
    state: descent.State,
    num_steps: Int[Array, ""],
    knobs: Knobs,
    seed: Int[Array, ""],
    data: Data,
) -> tuple[descent.State, Seen]:
    """One unit some steps later, and what is looked at there."""
    problem = knobs.problem
    own = _key(seed, len(data) + 2)

    def loss(
        parameters: PyTree, memory: PyTree, step: Int[Array, ""]
    ) -> Float[Array, ""]:
        key = jax.random.fold_in(own, step)
        return problem.step_loss(parameters, data, memory, key)

    def remember(memory: PyTree, parameters: PyTree) -> PyTree:
        return problem.remember(memory, parameters, data)

    rule = knobs.optimiser.transformation(knobs.num_steps)
    state = descent.advance(state, loss, rule, num_steps, remember)
    value = problem.loss(state.parameters, data)
    # The last step may leave what has no finite loss, however finite its gradient was.
    lost = ~jnp.isfinite(value) & (state.step > 0)
    seen = Seen(
        problem.subject(state.parameters),
        value,
        _length(state.gradient, state.step),
        _length(state.update, state.step),
        jnp.where(
            lost, jnp.minimum(state.last_finite, state.step - 1), state.last_finite
        ),
    )
    return state, seen


def _length(tree: PyTree, step: Int[Array, ""]) -> Float[Array, ""]:
    """That of what belongs to the last step; NaN before the first."""
    return jnp.where(step > 0, optax.tree.norm(tree), jnp.nan)


@traced
def observe(
    observer: AbstractObserver, subject: PyTree, data: Data
) -> dict[str, Array]:
    """What is recorded of one unit."""
    # An ordinary dictionary would come back sorted.
    found = OrderedDict(observer.observe(subject, data))
    for name in found:
        rule = "give names that are not taken"
        require(
            name not in OWN_NAMES, "observe", rule, f"{name!r}, which every run has"
        )
    return found


def _key(seed: Int[Array, ""], use: Int[Array, ""] | int) -> Key[Array, ""]:
    return jax.random.fold_in(jax.random.key(seed), use)


def alone(one: Callable) -> Callable:
    """A program of a unit of which nothing is carried on, for `over_units`."""
    return lambda carried, *own: (carried, one(*own))


def over_units(one: Callable, mesh: Mesh) -> Callable:
    """A program of one unit for many, of which `counts` are real on each device."""
    in_turn = mesh.devices.flat[0].platform == "cpu"

    def on_a_device(
        counts: Array, common: Common, carried: PyTree, own: Data
    ) -> tuple[PyTree, PyTree]:
        def of_unit(carried: PyTree, own: Data) -> tuple[PyTree, PyTree]:
            return one(carried, *common, *own)

        if in_turn:
            return _in_turn(of_unit, counts[0], carried, own)
        return jax.vmap(of_unit)(carried, own)

    def program(
        counts: Array, common: Common, carried: PyTree, *own: PyTree
    ) -> tuple[PyTree, PyTree]:
        # Not left to the compiler: it would join the devices at every test of a loop.
        return jax.shard_map(
            on_a_device,
            mesh=mesh,
            in_specs=(UNITS, PartitionSpec(), UNITS, UNITS),
            out_specs=UNITS,
            check_vma=False,
        )(counts, common, carried, own)

    return program


def _in_turn(
    one: Callable, count: Int[Array, ""], carried: PyTree, own: Data
) -> tuple[PyTree, PyTree]:
    """The first `count` units, one after the other; the others stay as they are."""
    capacity = len(jax.tree.leaves(own)[0])

    def at(index: Int[Array, ""] | int, tree: PyTree) -> PyTree:
        return jax.tree.map(
            lambda leaf: jax.lax.dynamic_index_in_dim(leaf, index, keepdims=False), tree
        )

    def put(index: Int[Array, ""], tree: PyTree, values: PyTree) -> PyTree:
        return jax.tree.map(
            lambda leaf, value: jax.lax.dynamic_update_index_in_dim(
                leaf, value, index, 0
            ),
            tree,
            values,
        )

    def step(
        index: Int[Array, ""], all_of: tuple[PyTree, PyTree]
    ) -> tuple[PyTree, PyTree]:
        carried, given = all_of
        after, found = one(at(index, carried), at(index, own))
        return put(index, carried, after), put(index, given, found)

    _, found = jax.eval_shape(lambda: one(at(0, carried), at(0, own)))
    empty = jax.tree.map(lambda leaf: _empty(leaf, capacity), found)
    return jax.lax.fori_loop(0, count, step, (carried, empty))


def _empty(like: jax.ShapeDtypeStruct, capacity: int) -> Array:
    shape = (capacity, *like.shape)
    if jax.dtypes.issubdtype(like.dtype, jax.dtypes.prng_key):
        return jnp.broadcast_to(jax.random.key(0), shape)
    return jnp.zeros(shape, like.dtype)


def compile_sooner() -> None:
    """From now on programs that are called seldom, all but steps, are not optimised.

    On a CPU they are compiled in about half of the time and are slower, the more so the
    larger they are (records of 32 and 256 vectors 1.5 and 2.4 times): for small
    experiments whose sizes change, as in the explorer. What they give is then that of
    other runs to rounding, and not bit by bit.
    """
    QUICK["xla_backend_optimization_level"] = 0
    seldom_called.cache_clear()


@functools.cache
def seldom_called() -> dict[str, bool | int]:
    """Compiler options of programs that are called seldom, as all but steps are.

    On a CPU they are compiled in some three quarters of the time and are no slower.
    Steps would be: those of CKA by half.
    """
    is_told = jax.config.read("jax_disable_most_optimizations")  # which does more
    if jax.default_backend() != "cpu" or is_told:
        return {}
    known, smallest = {}, jax.jit(lambda: 0).lower()
    for name, value in QUICK.items():
        with contextlib.suppress(jax.errors.JaxRuntimeError):  # another XLA has others
            smallest.compile(compiler_options={name: value})
            known[name] = value
    return known


def sharding_of(mesh: Mesh, common: bool = False) -> NamedSharding:
    """Where arrays of units, or what all have in common, are on a mesh."""
    return NamedSharding(mesh, PartitionSpec() if common else UNITS)
