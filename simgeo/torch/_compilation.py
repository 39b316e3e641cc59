"""Compiled programs: one for each shape, the least recently used dropped first."""

import functools
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax

from simgeo.checks import require
from simgeo.linalg import as_wide

LOG = logging.getLogger("simgeo.torch")
NUM_KEPT = 128
Leaf = Any  # an array, or a Python number
Kind = tuple[Any, Any] | None  # of a leaf: aval and sharding, None for a number


class Call(NamedTuple):
    """A function with what is not an array bound to it; it takes leaves."""

    function: Callable[..., jax.Array]
    static: tuple[tuple[str, Any], ...]  # names and values
    structure: Any  # of the arguments that the leaves make

    def __call__(self, *leaves: Leaf) -> jax.Array:
        arguments = jax.tree.unflatten(self.structure, leaves)
        return self.function(**arguments, **dict(self.static))


class Counts(NamedTuple):
    """What became of the programs."""

    kept: int  # now in memory
    compiled: int  # since `keep_programs`
    reused: int  # since `keep_programs`
    largest: int  # that may be kept


def value(call: Call, leaves: Sequence[Leaf]) -> jax.Array:
    """What the call gives."""
    return _run(_value, call, (), leaves)


def value_and_gradients(
    call: Call, leaves: Sequence[Leaf], graded: tuple[int, ...]
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """The value, and its gradients by some leaves, in float32 or wider.

    Args:
        call: gives a number.
        leaves: what it takes.
        graded: places of the leaves to differentiate by.
    """
    return _run(_value_and_gradients, call, graded, leaves)


def pullback(
    call: Call,
    leaves: Sequence[Leaf],
    graded: tuple[int, ...],
    slope: jax.Array,
) -> tuple[jax.Array, ...]:
    """Gradients of a loss of what the call gives, in float32 or wider.

    Args:
        call: gives an array.
        leaves: what it takes.
        graded: places of the leaves to differentiate by.
        slope: gradient of the loss by what the call gives.
    """
    return _run(_pullback, call, graded, (slope, *leaves))


def keep_programs(number: int) -> None:
    """Drops all compiled programs, and keeps at most so many from now on.

    A program is compiled for each loss, its settings that are not numbers, the shapes,
    types and device of the tensors, and which of them need a gradient; 128 are kept by
    default.

    Raises:
        ValueError: if the number is not positive.
    """
    require(number >= 1, "number", "be at least 1", number)
    global _program
    _program = functools.lru_cache(maxsize=number)(_compiled)


def program_counts() -> Counts:
    """How many programs are kept, were compiled, and were used again."""
    found = _program.cache_info()
    return Counts(found.currsize, found.misses, found.hits, found.maxsize or 0)


def _run(build, call: Call, graded: tuple[int, ...], leaves: Sequence[Leaf]) -> Any:
    kinds = tuple(map(_kind, leaves))
    in_double = any(kind and kind[0].dtype == "float64" for kind in kinds)
    # The user's own setting does not matter: a program is of one precision.
    with jax.enable_x64(in_double):
        program = _program(build, call, graded, kinds, in_double)
        # PyTorch may write into the inputs as soon as this returns.
        return jax.block_until_ready(program(*leaves))


def _kind(leaf: Leaf) -> Kind:
    return (leaf.aval, leaf.sharding) if isinstance(leaf, jax.Array) else None


def _compiled(
    build, call: Call, graded: tuple[int, ...], kinds: tuple[Kind, ...], in_double: bool
) -> Callable[..., Any]:
    begin = time.perf_counter()
    given = [
        jax.ShapeDtypeStruct(kind[0].shape, kind[0].dtype, sharding=kind[1])
        if kind
        else 1.0
        for kind in kinds
    ]
    program = jax.jit(build(call, graded)).lower(*given).compile()
    name = getattr(call.function, "__name__", "a function")
    shapes = [kind[0].shape for kind in kinds if kind]
    LOG.info("compiled %s for %s, %.1f s", name, shapes, time.perf_counter() - begin)
    return program


_program = functools.lru_cache(maxsize=NUM_KEPT)(_compiled)


def _value(call: Call, graded: tuple[int, ...]) -> Callable[..., Any]:
    def alone(*leaves: Leaf) -> jax.Array:  # JAX asks for a function
        return call(*leaves)

    return alone


def _value_and_gradients(call: Call, graded: tuple[int, ...]) -> Callable[..., Any]:
    def both(*leaves: Leaf) -> Any:
        return jax.value_and_grad(call, argnums=graded)(*_widened(leaves, graded))

    return both


def _pullback(call: Call, graded: tuple[int, ...]) -> Callable[..., Any]:
    def pulled(slope: jax.Array, *leaves: Leaf) -> Any:
        wide = _widened(leaves, graded)

        def of_graded(*some: Leaf) -> jax.Array:
            return call(*_replaced(wide, graded, some))

        _, back = jax.vjp(of_graded, *(wide[place] for place in graded))
        return back(slope)

    return pulled


def _widened(leaves: Sequence[Leaf], graded: tuple[int, ...]) -> list[Leaf]:
    """A gradient is not rounded to half precision before a loss scale is applied."""
    return _replaced(leaves, graded, [as_wide(leaves[place]) for place in graded])


def _replaced(
    leaves: Sequence[Leaf], places: tuple[int, ...], others: Sequence[Leaf]
) -> list[Leaf]:
    found = list(leaves)
    for place, other in zip(places, others, strict=True):
        found[place] = other
    return found
