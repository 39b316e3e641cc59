"""What every loss has in common: its row in the tables, its inputs, its precision."""

import functools
import inspect
import math
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.checks import (
    BETWEEN_0_AND_1,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    Rule,
    known,
    require,
)
from simgeo.linalg import all_finite, as_matrices, as_matrix, as_wide, in_full_precision

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
    *, formula: str, range: str, cost: str, source: str, may_be_minus_inf: bool = False
) -> Callable[[Callable[Parameters, Value]], Callable[Parameters, Value]]:
    """Makes a function of (student, teacher) a loss, and completes its help.

    What is given is checked here, for all losses: the first two arguments become
    matrices of as many rows in float32 or wider, numbers are held to their rules, and
    what is NaN or infinite anywhere gives NaN. A value that rounding moved out of the
    range is moved back, without a change of its gradient. Products are formed in full
    float32: a small difference of large sums would be lost.

    Args:
        may_be_minus_inf: whether entries of the first two may be.
    """
    row = About(formula, range, cost, source)
    bounds = re.fullmatch(r"\[0, (\d)\]", range)  # none is below zero
    largest = float(bounds[1]) if bounds else math.inf

    def decorated(
        function: Callable[Parameters, Value],
    ) -> Callable[Parameters, Value]:
        signature = inspect.signature(function)
        first, second, *others = signature.parameters

        @functools.wraps(function)
        @in_full_precision
        def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Value:
            bound = signature.bind(*args, **kwargs)
            given = bound.arguments
            pair = as_matrices(given[first], given[second], (first, second))
            given |= {first: pair[0], second: pair[1]}
            if first.endswith("logits") and pair[0].shape != pair[1].shape:
                raise ValueError(
                    f"`{first}` must have the classes of `{second}`; got shapes "
                    f"{pair[0].shape} and {pair[1].shape}."
                )
            check_knobs(given)
            widths = pair[0].shape[1], pair[1].shape[1]
            for name in given.keys() & {"weights", "free"}:
                if given[name] is not None:
                    given[name] = _as_map(given[name], name, widths)
            if "layers" in given:
                given["layers"] = _as_layers(given["layers"], widths)
            if may_be_minus_inf:
                pair = [jnp.where(each == -jnp.inf, 0.0, each) for each in pair]
            beside = [
                each
                for each in jax.tree.leaves([given.get(name) for name in others])
                if not isinstance(each, bool | int | str)
            ]
            axis_name = given.get("axis_name")
            finite = all_finite(*pair, *beside, axis_name=axis_name)
            value = function(*bound.args, **bound.kwargs)
            inside = jnp.clip(value, 0.0, largest)
            outside = jnp.where(inside == value, 0.0, inside - value)
            value += jax.lax.stop_gradient(outside)
            return value * jnp.where(finite, 1.0, jnp.nan)

        wrapped.__doc__ = _completed(function, row, signature)
        _ROWS[wrapped] = row
        return wrapped

    return decorated


# Numbers that may be traced; one without sense then gives what the formula gives.
KNOBS: dict[str, Rule] = {
    "bandwidth": POSITIVE["rule"],
    "temperature": POSITIVE["rule"],
    "delta": POSITIVE["rule"],
    "epsilon": FRACTION["rule"],
    "class_weight": NOT_NEGATIVE["rule"],
    "threshold": BETWEEN_0_AND_1["rule"],
    "frame": NOT_NEGATIVE["rule"],
}


def check_knobs(given: Mapping[str, Any]) -> None:
    """Holds the numbers among some arguments to their rules, if they are known.

    Raises:
        ValueError: if one breaks its rule.
    """
    for name in given.keys() & KNOBS.keys():
        rule = KNOBS[name]
        if known(given[name]):
            require(rule.holds(given[name]), name, rule.words, given[name])


def _as_map(value: Any, name: str, widths: tuple[int, int]) -> Float[Array, "m d"]:
    matrix = as_wide(as_matrix(value, name, "(m, d)"))
    words = f"be a matrix (m, d) = {widths}, for vectors of these widths"
    require(matrix.shape == widths, name, words, f"shape {matrix.shape}")
    return matrix


def _as_layers(values: Any, widths: tuple[int, int]) -> tuple[Array, ...]:
    layers = tuple(as_wide(jnp.asarray(each)) for each in values)
    shapes = tuple(each.shape for each in layers)
    hidden = shapes[0][-1] if shapes and shapes[0] else 1
    asked = (widths[0], hidden), (hidden,), (hidden, widths[1])
    words = f"be (m, h), (h,) and (h, d) = {asked}, for vectors of these widths"
    require(shapes == asked, "layers", words, f"shapes {shapes}")
    return layers


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
