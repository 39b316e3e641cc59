"""The programs of a run: one seed's mathematics, mapped over all seeds."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float, Int, Key

from simgeo import distill, measures, objectives, students

_LARGE = 2**15  # entries of a teacher: at 256 x 128 in turn is faster, at 128 x 64 not


class Rule(NamedTuple):
    """What of an optimiser changes the program."""

    optimiser: str
    schedule: str


class Rate(NamedTuple):
    """What of an optimiser can change without another compilation."""

    learning_rate: Float[Array, ""]
    num_steps: Int[Array, ""]


def mesh_of(num_seeds: int) -> Mesh:
    devices = jax.devices()
    num_used = max(k for k in range(1, len(devices) + 1) if num_seeds % k == 0)
    return Mesh(np.asarray(devices[:num_used]), ("seeds",))


@partial(jax.jit, static_argnums=(1,))
def keys_of(seeds: Int[Array, " s"], use: str) -> Key[Array, " s"]:
    """One key per seed for one use, the same on any number of devices."""
    return jax.vmap(partial(key_of, use=use))(seeds)


def key_of(seed: Int[Array, ""], use: str) -> Key[Array, ""]:
    index = ("teacher", "student", "chance").index(use)
    return jax.random.fold_in(jax.random.key(seed), index)


# What is common to all seeds comes first, what each has for itself second, what sets
# the program last.


def _over_seeds(
    one: Callable, mesh: Mesh, common: tuple, own: tuple, in_turn: bool = False
) -> Any:
    def on_a_device(common: tuple, own: tuple) -> Any:
        # GPUs and TPUs would otherwise round what they multiply to 10 or 7 bits.
        with jax.default_matmul_precision("highest"):
            if in_turn:
                return jax.lax.map(lambda each: one(*common, *each), own)
            return jax.vmap(partial(one, *common))(*own)

    # Not left to the compiler: it would join the devices at every test of a loop.
    common_spec, own_spec = PartitionSpec(), PartitionSpec("seeds")
    return jax.shard_map(
        on_a_device,
        mesh=mesh,
        in_specs=(common_spec, own_spec),
        out_specs=own_spec,
        check_vma=False,
    )(common, own)


@partial(jax.jit, static_argnums=(2, 3))
def draw(common: tuple, own: tuple, shape: tuple[int, int], mesh: Mesh) -> Any:
    def one(teacher, key):
        return teacher(key, *shape)

    return _over_seeds(one, mesh, common, own)


def start(common: tuple, own: tuple, student_dim: int, rule: Rule, mesh: Mesh) -> Any:
    """The state before the first step; objective, student and rate are in either."""
    objective, student, rate, keys, teacher = *common, *own

    def told(knobs: tuple, own: tuple) -> tuple[tuple, tuple]:
        return (knobs, own) if common else ((), (*knobs, *own))

    # Drawing takes longest to compile, and is the same for all objectives.
    vectors = _drawn(*told((student,), (keys, teacher)), student_dim, mesh)
    own = keys, vectors, teacher
    return _begun(*told((objective, rate), own), student_dim, rule, mesh)


@partial(jax.jit, static_argnums=(2, 3))
def _drawn(common: tuple, own: tuple, student_dim: int, mesh: Mesh) -> Any:
    def one(student, key, teacher):
        student_key, _ = jax.random.split(key)
        return student.init(student_key, teacher, student_dim)

    return _over_seeds(one, mesh, common, own)


@partial(jax.jit, static_argnums=(2, 3, 4))
def _begun(common: tuple, own: tuple, student_dim: int, rule: Rule, mesh: Mesh) -> Any:
    def one(objective, rate, key, vectors, teacher):
        _, objective_key = jax.random.split(key)
        learned = objective.init(objective_key, student_dim, teacher.shape[1])
        memory = objective.begin(jax.random.fold_in(objective_key, 1), teacher)
        return distill.init((vectors, learned), optimiser_of(rule, rate), memory)

    return _over_seeds(one, mesh, common, own)


@partial(jax.jit, static_argnums=(2,))
def chance(
    seeds: Int[Array, " s"], teacher: Float[Array, "s n d"], student_dim: int
) -> Float[Array, "s n m"]:
    """A student of random unit rows, for every seed."""
    random = students.UnitRows(students.GaussianStart())

    def one(seed, teacher):
        key = key_of(seed, "chance")
        return random.vectors(random.init(key, teacher, student_dim))

    return jax.vmap(one)(seeds, teacher)


@partial(jax.jit, static_argnums=(2,))
def zero_loss(common: tuple, own: tuple, student_dim: int) -> Float[Array, " s"]:
    """What the objective gives to a student of zero rows, for every seed."""

    def one(objective, teacher):
        zero = jnp.zeros((teacher.shape[0], student_dim), teacher.dtype)
        learned = objective.init(jax.random.key(0), student_dim, teacher.shape[1])
        return objective(zero, teacher, learned)

    return jax.vmap(partial(one, *common))(*own)


@partial(jax.jit, static_argnums=(4, 5), donate_argnums=(2,))
def advance(
    common: tuple,
    own: tuple,
    state: distill.State,
    teacher: Array,
    rule: Rule,
    mesh: Mesh,
) -> Any:
    def one(num_steps, objective, student, rate, state, teacher):
        def loss(parameters, memory):
            vectors, learned = parameters
            return objective.at(memory)(student.vectors(vectors), teacher, learned)

        def remember(memory, parameters):
            vectors, learned = parameters
            seen = student.vectors(vectors)
            return objective.remember(memory, seen, teacher, learned)

        optimiser = optimiser_of(rule, rate)
        return distill.advance(state, loss, optimiser, num_steps, remember)

    # With a CPU device per core, one large seed after the other: what a step touches
    # stays in the core's cache, and no seed waits for another's polar factor. Of small
    # ones, many share the cache, and the cost of starting every operation.
    is_large = teacher.shape[1] * teacher.shape[2] >= _LARGE
    in_turn = is_large and mesh.size > 1 and mesh.devices.flat[0].platform == "cpu"
    return _over_seeds(one, mesh, common, (*own, state, teacher), in_turn)


def record(common: tuple, own: tuple, mesh: Mesh) -> tuple[dict, Array, Array]:
    objective, student, epsilon = common
    state, teacher, root = own
    vectors, loss = judge((objective, student), (state.parameters, teacher), mesh)
    observed = observe((epsilon,), (vectors, teacher, root), mesh)
    return {"loss": loss, **observed}, vectors, state.last_finite


@partial(jax.jit, static_argnums=(2,))
def judge(common: tuple, own: tuple, mesh: Mesh) -> Any:
    def one(objective, student, parameters, teacher):
        vectors = student.vectors(parameters[0])
        return vectors, objective(vectors, teacher, parameters[1])

    return _over_seeds(one, mesh, common, own)


@partial(jax.jit, static_argnums=(1,))
def prepare(teacher: Array, mesh: Mesh) -> Array:
    """What `observe` needs of the teachers, whatever the students."""
    return _over_seeds(measures.root_of, mesh, (), (teacher,))


@partial(jax.jit, static_argnums=(2,))
def observe(common: tuple, own: tuple, mesh: Mesh) -> Any:
    def one(epsilon, vectors, teacher, root):
        distances = {
            f"distance_{name}": objective(vectors, teacher)
            for name, objective in objectives.STANDARD.items()
        }
        return measures.battery(vectors, teacher, epsilon, root=root) | distances

    return _over_seeds(one, mesh, common, own)


def optimiser_of(rule: Rule, rate: Rate) -> optax.GradientTransformation:
    if rule.schedule == "constant":
        return getattr(optax, rule.optimiser)(rate.learning_rate)

    def cosine(step):
        done = jnp.minimum(step / rate.num_steps, 1.0)
        return rate.learning_rate * 0.5 * (1.0 + jnp.cos(jnp.pi * done))

    return getattr(optax, rule.optimiser)(cosine)
