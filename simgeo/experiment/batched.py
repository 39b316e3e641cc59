"""The programs of a batch: those of a run, with every knob as a leading axis."""

from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jaxtyping import Array, Float, Int

from simgeo.experiment import programs
from simgeo.experiment.programs import Rule, key_of, keys_of


@partial(jax.jit, static_argnums=(2, 3))
def draw(laws: Any, seeds: Int[Array, " b"], shape: tuple[int, int], mesh: Mesh) -> Any:
    """One teacher for every law and seed."""
    keys = jax.vmap(partial(key_of, use="teacher"))(seeds)
    return programs.draw((), (laws, keys), shape, mesh)


def start(
    own: tuple,
    seeds: Int[Array | np.ndarray, " b"],
    teacher: Float[Array | np.ndarray, "b n d"],
    student_dim: int,
    rule: Rule,
    mesh: Mesh,
) -> Any:
    """State before the first step, a random student, and the zero student's loss."""
    keys = keys_of(seeds, "student")
    state = programs.start((), (*own, keys, teacher), student_dim, rule, mesh)
    chance = programs.chance(seeds, teacher, student_dim)
    return state, chance, programs.zero_loss((), (own[0], teacher), student_dim)


@partial(jax.jit, static_argnums=(4, 5), donate_argnums=(2,))
def advance(
    common: tuple, own: tuple, state: Any, teacher: Array, rule: Rule, mesh: Mesh
) -> Any:
    """The state some steps later, with the vectors, their loss and the last step that
    was finite."""
    state = programs.advance(common, own, state, teacher, rule, mesh)
    objective, student, _ = own
    vectors, loss = programs.judge(
        (), (objective, student, state.parameters, teacher), mesh
    )
    return state, vectors, loss, state.last_finite


def stacked(trees: Any) -> Any:
    """One tree of many, each leaf with a leading axis."""

    def stack(*leaves: Any) -> np.ndarray:
        values = np.stack([np.asarray(leaf) for leaf in leaves])
        return values.astype(jax.dtypes.canonicalize_dtype(values.dtype))

    return jax.tree.map(stack, *trees)


def hosted(tree: Any) -> Any:
    """On the host, from where arrays go to several devices without another program."""

    def fetch(leaf: Array) -> Any:
        is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return leaf if is_key else np.asarray(leaf)

    return jax.tree.map(fetch, tree)


def placed(tree: Any, sharding: NamedSharding, like: bool) -> Any:
    """On the devices, or what would be there."""
    if not like:
        return jax.device_put(tree, sharding)

    def shape_of(leaf: Any) -> jax.ShapeDtypeStruct:
        kind = jax.dtypes.canonicalize_dtype(leaf.dtype, allow_extended_dtype=True)
        return jax.ShapeDtypeStruct(leaf.shape, kind, sharding=sharding)

    return jax.tree.map(shape_of, tree)


def bytes_of(compiled: Any) -> int:
    """What a compiled program holds and works in, on one device."""
    needs = compiled.memory_analysis()
    return (
        needs.argument_size_in_bytes
        + needs.output_size_in_bytes
        - needs.alias_size_in_bytes
        + needs.temp_size_in_bytes
    )
