"""Functions of JAX on torch tensors: memory is shared, gradients are autograd's."""

import inspect
import numbers
import os
import re
import reprlib
from collections.abc import Callable
from typing import Any

import jax
import torch

from simgeo.checks import require
from simgeo.functional import KNOBS, check_knobs
from simgeo.torch import _compilation
from simgeo.torch._compilation import Call

# With its default, JAX takes three quarters of a GPU's memory, where PyTorch is too.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def bridged(
    function: Callable[..., jax.Array], *, gives_number: bool = True
) -> Callable[..., torch.Tensor]:
    """The function on torch tensors.

    Args:
        function: of `simgeo.functional`.
        gives_number: whether it is a loss; else it gives an array.
    """
    signature = _signature(function)

    def on_tensors(*args: Any, **kwargs: Any) -> torch.Tensor:
        return _applied(function, signature, gives_number, args, kwargs)

    on_tensors.__name__ = on_tensors.__qualname__ = function.__name__
    on_tensors.__module__ = "simgeo.torch"
    on_tensors.__doc__ = _documented(function)
    on_tensors.__signature__ = signature
    return on_tensors


# A graph break under `torch.compile`, which cannot read JAX. The first of these, which
# PyTorch's optimisers use, waits with a slow import until the first call.
_outside_of_graphs = getattr(torch, "_disable_dynamo", torch.compiler.disable)


@_outside_of_graphs
def _applied(
    function: Callable[..., jax.Array],
    signature: inspect.Signature,
    gives_number: bool,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> torch.Tensor:
    return _apply(function, signature.bind(*args, **kwargs).arguments, gives_number)


def _apply(
    function: Callable[..., jax.Array], arguments: dict[str, Any], gives_number: bool
) -> torch.Tensor:
    _refuse_a_fork()
    traced, static = {}, []
    for name, given in arguments.items():
        if name in KNOBS:
            traced[name] = _knob(given, name)
        elif given is None or isinstance(given, bool | int | str):
            static.append((name, given))
        elif isinstance(given, tuple | list):
            traced[name] = tuple(_tensor(each, name) for each in given)
        else:
            traced[name] = _tensor(given, name)
    leaves, structure = jax.tree.flatten(traced)
    call = Call(function, tuple(static), structure)
    _require_one_device([each for each in leaves if isinstance(each, torch.Tensor)])
    graded = tuple(
        place
        for place, leaf in enumerate(leaves)
        if isinstance(leaf, torch.Tensor) and leaf.requires_grad
    )
    if not graded or not torch.is_grad_enabled():
        return _to_torch(_compilation.value(call, _to_jax(leaves)))
    return (_Number if gives_number else _Array).apply(call, graded, *leaves)


class _Number(torch.autograd.Function):
    """Value and gradients at once; backward scales what forward has found."""

    @staticmethod
    def forward(
        ctx: Any, call: Call, graded: tuple[int, ...], *leaves: Any
    ) -> torch.Tensor:
        value, gradients = _compilation.value_and_gradients(
            call, _to_jax(leaves), graded
        )
        ctx.save_for_backward(*map(_to_torch, gradients))
        ctx.graded = graded
        ctx.types = [leaves[place].dtype for place in graded]
        ctx.num_leaves = len(leaves)
        return _to_torch(value)

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[Any, ...]:
        return _placed(ctx, [slopes[0] * each for each in ctx.saved_tensors])


class _Array(torch.autograd.Function):
    """An array; backward computes it again, with the slopes it is given."""

    @staticmethod
    def forward(
        ctx: Any, call: Call, graded: tuple[int, ...], *leaves: Any
    ) -> torch.Tensor:
        tensors = [each for each in leaves if isinstance(each, torch.Tensor)]
        ctx.save_for_backward(*tensors)
        ctx.call, ctx.graded, ctx.num_leaves = call, graded, len(leaves)
        ctx.others = [
            None if isinstance(each, torch.Tensor) else each for each in leaves
        ]
        ctx.types = [leaves[place].dtype for place in graded]
        return _to_torch(_compilation.value(call, _to_jax(leaves)))

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[Any, ...]:
        saved = iter(ctx.saved_tensors)
        leaves = [next(saved) if each is None else each for each in ctx.others]
        slope = _to_jax(slopes)[0]
        found = _compilation.pullback(ctx.call, _to_jax(leaves), ctx.graded, slope)
        # JAX may hand an input through, and autograd may write into what it is given.
        return _placed(ctx, [_to_torch(each).clone() for each in found])


def _placed(ctx: Any, gradients: list[torch.Tensor]) -> tuple[Any, ...]:
    """Gradients in the types and at the places of what they are by."""
    found: list[torch.Tensor | None] = [None] * (2 + ctx.num_leaves)
    for place, gradient, dtype in zip(ctx.graded, gradients, ctx.types, strict=True):
        gradient = gradient.to(dtype)
        if torch.is_grad_enabled():  # by `create_graph`
            gradient = _Last.apply(gradient, torch.zeros((), requires_grad=True))
        found[2 + place] = gradient
    return tuple(found)


class _Last(torch.autograd.Function):
    """A gradient that is not differentiated."""

    @staticmethod
    def forward(ctx: Any, gradient: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[Any, ...]:
        raise RuntimeError(
            "`simgeo.torch` has no second derivatives; got a backward pass through a "
            "gradient of it. Take `jax.hessian` or `jax.jvp` of `simgeo.functional`."
        )


def _to_jax(leaves: Any) -> list[Any]:
    """Tensors as arrays that share their memory, numbers as they are."""
    return [
        _shared(each) if isinstance(each, torch.Tensor) else each for each in leaves
    ]


def _shared(tensor: torch.Tensor) -> jax.Array:
    with jax.enable_x64(tensor.dtype == torch.float64):
        try:
            return jax.dlpack.from_dlpack(tensor.detach().contiguous())
        except RuntimeError as error:
            has = ", ".join(map(str, jax.devices()))
            raise ValueError(
                f"`student` must be on a device that JAX has too, {has}; got "
                f"{tensor.device}. Install simgeo's extra `gpu`, or move it to the CPU."
            ) from error


def _to_torch(array: jax.Array) -> torch.Tensor:
    return torch.from_dlpack(array)


def _knob(given: Any, name: str) -> Any:
    """A number, or a tensor of one, which may be learned."""
    if isinstance(given, torch.Tensor):
        require(given.ndim == 0, name, "be one number", f"shape {tuple(given.shape)}")
        return _tensor(given, name)
    words = "be a number or a tensor of one"
    require(isinstance(given, numbers.Real), name, words, reprlib.repr(given))
    check_knobs({name: given})
    return float(given)


def _tensor(given: Any, name: str) -> torch.Tensor:
    if not isinstance(given, torch.Tensor):
        raise ValueError(
            f"`{name}` must be a torch tensor; got {type(given).__name__}. Use "
            "`torch.as_tensor`, or `simgeo.functional` for arrays."
        )
    is_dense = given.layout is torch.strided and given.device.type in ("cpu", "cuda")
    words = "be a dense tensor on a CPU or a CUDA device"
    require(is_dense, name, words, f"{given.layout} on {given.device}")
    is_whole = not (given.is_floating_point() or given.is_complex())
    if is_whole and given.dtype != torch.bool:
        return given.to(torch.get_default_dtype())
    return given


def _require_one_device(tensors: list[torch.Tensor]) -> None:
    devices = dict.fromkeys(each.device for each in tensors)
    got = " and ".join(map(str, devices))
    require(len(devices) <= 1, "teacher", "be on the device of `student`", got)


def _signature(function: Callable) -> inspect.Signature:
    """That of the function, for tensors; rows are not spread over JAX's devices."""
    kept = [
        each.replace(annotation=_annotation(each))
        for each in inspect.signature(function).parameters.values()
        if each.name != "axis_name"
    ]
    return inspect.Signature(kept, return_annotation=torch.Tensor)


def _annotation(parameter: inspect.Parameter) -> Any:
    if parameter.name in KNOBS:
        return float | torch.Tensor
    if parameter.name == "layers":
        return tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    if parameter.annotation in (bool, int):
        return parameter.annotation
    return torch.Tensor if parameter.default is parameter.empty else torch.Tensor | None


def _documented(function: Callable) -> str:
    """The help of the function without what PyTorch does not have."""
    blocks = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    text = "\n\n".join(each for each in blocks if not each.startswith(">>>"))
    return re.sub(r"^    axis_name: .*(?:\n {5,}.*)*\n?", "", text, flags=re.M).rstrip()


_is_used = False
_is_forked = False


def _refuse_a_fork() -> None:
    global _is_used
    if _is_forked:
        raise RuntimeError(
            "A loss of `simgeo.torch` must not be computed in a process that was "
            "forked after the first one; JAX's threads are not copied. Start it with "
            '`multiprocessing_context="forkserver"` or "spawn".'
        )
    _is_used = True


def _after_fork() -> None:
    global _is_forked
    _is_forked = _is_used


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
