"""What every loss has in common: its row in the tables, its inputs, its precision."""

import functools
import inspect
import re
import reprlib
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


class About(NamedTuple):
    """A loss in one row of a table, and at the head of its help."""

    formula: str  # in plain text
    range: str
    cost: str  # of one evaluation with its gradient, to leading order
    source: str


_ROWS: dict[Callable, About] = {}


def about(function: Callable) -> About:
    """Formula, range, cost and source of one of the losses here.

    Raises:
        KeyError: if the function is not a loss.
    """
    return _ROWS[function]


def loss(
    *, formula: str, range: str, cost: str, source: str
) -> Callable[[Callable[Parameters, Value]], Callable[Parameters, Value]]:
    """Makes a function of (student, teacher) a loss, and completes its help.

    Its first two arguments become matrices of as many rows, or are refused, and its
    products are formed in full float32: by default GPUs and TPUs round what they
    multiply to 10 or 7 bits, and a small difference of large sums would be lost.
    """
    row = About(formula, range, cost, source)

    def decorated(
        function: Callable[Parameters, Value],
    ) -> Callable[Parameters, Value]:
        signature = inspect.signature(function)
        first, second = list(signature.parameters)[:2]

        @functools.wraps(function)
        def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Value:
            bound = signature.bind(*args, **kwargs)
            student = as_matrix(bound.arguments[first], first)
            teacher = as_matrix(bound.arguments[second], second, "(n, d)")
            if student.shape[0] != teacher.shape[0]:
                raise ValueError(
                    f"`{first}` must have as many rows as `{second}`; got "
                    f"{student.shape[0]} for {teacher.shape[0]}."
                )
            bound.arguments |= {first: student, second: teacher}
            with jax.default_matmul_precision("highest"):
                return function(*bound.args, **bound.kwargs)

        wrapped.__doc__ = _completed(function, row, signature)
        _ROWS[wrapped] = row
        return wrapped

    return decorated


def as_matrix(value: Any, name: str, axes: str = "(n, m)") -> Float[Array, "n k"]:
    """The value as a matrix of floats, whatever brought it: a list, NumPy, PyTorch.

    Args:
        value: anything with numbers; traced arrays pass as they are.
        name: of the argument, for the error.
        axes: its shape in letters, for the error.

    Raises:
        ValueError: if it is no matrix of real numbers.
    """
    matrix = value if isinstance(value, jax.Array) else _array(value)
    if isinstance(matrix, str):
        got = matrix
    elif matrix.ndim != 2:
        got = f"shape {matrix.shape}"
    elif jnp.issubdtype(matrix.dtype, jnp.floating):
        return matrix
    elif jnp.issubdtype(matrix.dtype, jnp.integer):
        return matrix.astype(float)
    else:
        got = f"entries of type {matrix.dtype}"
    raise ValueError(f"`{name}` must be a matrix {axes} of real numbers; got {got}.")


def _array(value: Any) -> Array | str:
    """A copy as an array, or what stands there instead."""
    shown = " ".join(reprlib.repr(value).split())
    for copied in (jnp.array, _by_dlpack):
        try:
            return copied(value)
        except RuntimeError as error:  # PyTorch says what it asks for
            shown = f"{shown}: {' '.join(str(error).split()).rstrip('.')}"
        except (AttributeError, BufferError, TypeError, ValueError):
            pass
    return shown


def _by_dlpack(value: Any) -> Array:
    return jnp.array(jnp.from_dlpack(value), copy=True)


def documented(text: str | None, row: About) -> str:
    """The text of a docstring, with the row after its first paragraph."""
    first, *rest = inspect.cleandoc(text or "").split("\n\n")
    lines = [
        textwrap.fill(f"{name.capitalize()}: {value}.", 84, subsequent_indent="  ")
        for name, value in row._asdict().items()
        if value != "-"
    ]
    return "\n\n".join((first, "\n".join(lines), *rest))


_COMMON = {
    "student": "vectors as rows, (n, m): real numbers of any type.",
    "teacher": "as many vectors as rows, (n, d).",
    "student_logits": "one row for each sample, (n, c): real numbers of any type.",
    "teacher_logits": "those of the same samples, (n, c).",
    "centred": "whether the mean vector of each side is taken off first.",
    "axis_name": "of the devices in a `jax.shard_map` that rows are spread over.",
}
_ITEM = {"initial_indent": "    ", "subsequent_indent": "        "}
_RAISES = "    ValueError: if the two are not matrices of as many rows."


def _completed(function: Callable, row: About, signature: inspect.Signature) -> str:
    """Help with the row, every argument, and what is returned and raised."""
    blocks = documented(function.__doc__, row).split("\n\n")
    own = next((block for block in blocks if block.startswith("Args:")), "")
    raised = next((block for block in blocks if block.startswith("Raises:")), "")
    examples = [block for block in blocks if block.startswith(">>>")]
    prose = [each for each in blocks if each not in (own, raised, *examples)]
    texts = _COMMON | dict(re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", own, re.M))
    arguments = ["Args:"]
    for name, parameter in signature.parameters.items():
        default = parameter.default
        ends = "" if default is parameter.empty else f" Default {default}."
        text = " ".join(f"{name}: {texts[name]}{ends}".split())
        arguments.append(textwrap.fill(text, 84, **_ITEM))
    returns = "Returns:\n    The loss, one number, in float32 or wider."
    raises = "\n".join(["Raises:", _RAISES, *raised.splitlines()[1:]])
    parts = (*prose, "\n".join(arguments), returns, raises, *examples)
    return "\n\n".join(parts)
