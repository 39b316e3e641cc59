"""How far the losses on torch tensors are from JAX alone and from a textbook.

`python -m benchmarks.agreement` needs `torch`, and keeps beside itself

- `agreement.csv`: for every loss, width and precision the largest difference of value
  and of gradients, relative to the largest entry. JAX is given the same arrays. The
  textbook counts in float64, on inputs that were rounded to the precision; `textbook's
  own` is how far it is from that when it counts in the precision too.
- `agreement_worst.csv`: the largest of each loss, over widths, value and gradients.
- `degenerate.csv`: the losses that are not finite at degenerate points, in float32.

docs/reference/agreement.md shows the last two.
"""

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch

import simgeo.torch
from benchmarks import textbook
from simgeo import functional

HERE = Path(__file__).parent
NUM_ROWS, TEACHER_DIM = 48, 12
WIDTHS = (6, 12, 18)  # below, at and above the teacher's
PRECISIONS = ("float64", "float32", "bfloat16", "float16")
OWN = ("float32", "bfloat16")  # the textbook's, that the short table shows
# What is not the default, and what the loss takes beside the two sides.
KEYWORDS = {
    "patch_cka": {"num_patches": 4},
    "svcca": {"threshold": 0.2},
    "framed": {"frame": 0.3},
    "quantise": {"num_bits": 4},
}
WITH_ONE_WIDTH = {"logit_kl", "relation_cka"}  # of logits
ON_ONE_SIDE = {"framed", "quantise", "squared_angle"}  # these give arrays
LOSSES = sorted(
    name
    for name, each in vars(simgeo.torch).items()
    if callable(each) and each.__module__ == "simgeo.torch"
)


class Row(NamedTuple):
    """One line of `agreement.csv`; differences are relative."""

    loss: str
    width: int  # of the student
    precision: str
    value_to_jax: float
    gradient_to_jax: float
    value_to_textbook: float
    gradient_to_textbook: float
    own_value: float  # of the textbook in the precision; NaN where it has no operation
    own_gradient: float


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng([*shape, seed])
    return torch.tensor(rng.standard_normal(shape))


def beside(name: str, width: int, teacher_dim: int) -> list[Any]:
    """What the loss takes beside the two sides."""
    if name == "mlp_projection":
        return [(drawn(width, 5), drawn(5), drawn(5, teacher_dim))]
    if name in ("cosine_projection", "orthogonal_projection"):
        return [drawn(width, teacher_dim)]
    return []


def arguments(
    name: str,
    width: int,
    dtype: torch.dtype = torch.float64,
    num_rows: int = NUM_ROWS,
    teacher_dim: int = TEACHER_DIM,
) -> list[Any]:
    """What the loss is called with, each to be differentiated by."""
    scales = torch.linspace(0.5, 1.5, teacher_dim, dtype=torch.float64)
    teacher = drawn(num_rows, teacher_dim, seed=1) * scales + 0.3
    if name in WITH_ONE_WIDTH:
        width = teacher_dim
    student = drawn(num_rows, width, seed=2) + 0.4
    if name in ON_ONE_SIDE:
        given = [student if name != "squared_angle" else student.sigmoid()]
    else:
        given = [student, teacher, *beside(name, width, teacher_dim)]
    return jax.tree.map(lambda each: each.to(dtype).requires_grad_(), given)


def graded(function: Callable, given: Sequence, **keywords: Any) -> list[np.ndarray]:
    """Value and gradients, in float64; of an array, those of a sum with weights."""
    value = function(*given, **keywords)
    weights = torch.linspace(1, 2, value.numel(), dtype=value.dtype)
    value = (value * weights.reshape(value.shape)).sum()
    gradients = torch.autograd.grad(
        value, jax.tree.leaves(given), allow_unused=True, materialize_grads=True
    )
    return [np.asarray(each.detach().double()) for each in (value, *gradients)]


def in_jax(name: str, given: Sequence) -> list[np.ndarray]:
    """The same by JAX alone, in the precision that the tensors have."""
    dtype = str(jax.tree.leaves(given)[0].dtype).removeprefix("torch.")

    def weighted(arrays):
        value = getattr(functional, name)(*arrays, **KEYWORDS.get(name, {}))
        weights = jnp.linspace(1, 2, value.size, dtype=value.dtype)
        return jnp.sum(value * weights.reshape(value.shape))

    with jax.enable_x64(dtype == "float64"):
        arrays = jax.tree.map(
            lambda each: jnp.asarray(each.detach().double().numpy(), dtype), given
        )
        value, gradients = jax.jit(jax.value_and_grad(weighted))(arrays)
        found = (value, *jax.tree.leaves(gradients))
        return [np.asarray(each, np.float64) for each in found]


def difference(found: Iterable, expected: Iterable) -> float:
    """The largest of several arrays, each relative to its largest entry; NaN of NaN."""
    return _largest(
        np.max(np.abs(each - other)) / (np.max(np.abs(other)) or 1.0)
        for each, other in zip(found, expected, strict=True)
    )


def _largest(numbers: Iterable[float]) -> float:
    return float(np.max([*numbers]))  # unlike `max` it says NaN where one is


def compare(name: str, width: int, precision: str) -> Row:
    """Values and gradients of one loss by all three."""
    keywords = KEYWORDS.get(name, {})
    given = arguments(name, width, getattr(torch, precision))
    ours = graded(getattr(simgeo.torch, name), given, **keywords)
    by_textbook = getattr(textbook, name)
    exact = jax.tree.map(lambda each: each.detach().double().requires_grad_(), given)
    of_textbook = graded(by_textbook, exact, **keywords)
    try:
        own = graded(by_textbook, given, **keywords)
    except RuntimeError:  # factors are for float32 and wider
        own = [math.nan * each for each in of_textbook]
    differences = []
    for found, expected in (
        (ours, in_jax(name, given)),
        (ours, of_textbook),
        (own, of_textbook),
    ):
        differences.append(difference(found[:1], expected[:1]))
        differences.append(difference(found[1:], expected[1:]))
    return Row(name, width, precision, *differences)


def worst(rows: Iterable[Row]) -> list[dict[str, str]]:
    """The largest of each loss over widths, value and gradients, a line for each."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        line = found.setdefault(row.loss, {})
        for column, pair in (
            ("JAX", (row.value_to_jax, row.gradient_to_jax)),
            (row.precision, (row.value_to_textbook, row.gradient_to_textbook)),
            (f"textbook's own {row.precision}", (row.own_value, row.own_gradient)),
        ):
            line[column] = _largest((line.get(column, 0.0), *pair))
    columns = ["JAX", *PRECISIONS, *(f"textbook's own {each}" for each in OWN)]
    return [
        {"loss": name} | {column: shown(line[column]) for column in columns}
        for name, line in found.items()
    ]


def shown(difference: float) -> str:
    """With one digit: more are another machine's."""
    if math.isnan(difference):
        return "refused"
    return f"{difference:.0e}" if difference else "0"


def degenerate(name: str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Student and teacher at points where something is zero, equal or extreme."""
    n, d = 12, 6
    m = d if name in WITH_ONE_WIDTH else 3
    student, teacher = drawn(n, m, seed=2), drawn(n, d, seed=1)
    twice = [torch.cat([each[:1], each[:-1]]) for each in (student, teacher)]
    one_zero = student * torch.arange(n)[:, None].sign()
    basis = torch.linalg.qr(teacher - teacher.mean(0)).Q
    return {
        "a student of zeros": (0 * student, teacher),
        "a student of equal vectors": (student[:1].repeat(n, 1), teacher),
        "a student of rank one": (student[:, :1].repeat(1, m), teacher),
        "a student with one vector of zeros": (one_zero, teacher),
        "a student with two equal columns": (student[:, [0, 0, *range(2, m)]], teacher),
        "two equal vectors on both sides": (twice[0], twice[1]),
        "a student that is the teacher": (teacher, teacher.clone()),
        "orthonormal columns on both sides": (basis[:, :m], basis),
        "a teacher of zeros": (student, 0 * teacher),
        "entries of 1e-12": (1e-12 * student, 1e-12 * teacher),
        "entries of 1e12": (1e12 * student, 1e12 * teacher),
    }


def not_finite(name: str, module: Any, point: str) -> str:
    """What is not at a degenerate point: "value", "gradient" or "" for neither."""
    sides = degenerate(name)[point]
    given = [*sides, *beside(name, sides[0].shape[1], sides[1].shape[1])]
    given = jax.tree.map(lambda each: each.float().requires_grad_(), given)
    try:
        value, *gradients = graded(
            getattr(module, name), given, **KEYWORDS.get(name, {})
        )
    except RuntimeError:  # as torch.linalg raises where it does not converge
        return "value"
    if not np.isfinite(value):
        return "value"
    return "" if all(np.isfinite(each).all() for each in gradients) else "gradient"


def lines_of_degenerate() -> list[dict[str, str]]:
    """A line for every point, with the losses that are not finite there."""
    names = [name for name in LOSSES if name not in ON_ONE_SIDE]
    found = []
    for point in degenerate("cka"):
        by_textbook, ours = (
            {name: not_finite(name, module, point) for name in names}
            for module in (textbook, simgeo.torch)
        )
        found.append(
            {
                "point": point,
                "textbook, value": _joined(by_textbook, "value"),
                "textbook, gradient alone": _joined(by_textbook, "gradient"),
                "simgeo, value or gradient": _joined(ours, "value", "gradient"),
            }
        )
    return found


def _joined(found: dict[str, str], *parts: str) -> str:
    return ", ".join(name for name, part in found.items() if part in parts) or "none"


def keep(name: str, lines: Sequence[dict[str, Any]]) -> None:
    with open(HERE / name, "w", newline="") as file:
        writer = csv.DictWriter(file, [*lines[0]], lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def main() -> None:
    rows = []
    for name in LOSSES:
        print(name, flush=True)
        rows += [
            compare(name, width, precision)
            for width in WIDTHS
            for precision in PRECISIONS
        ]
    keep(
        "agreement.csv",
        [
            {
                key: f"{value:.1e}" if isinstance(value, float) else value
                for key, value in row._asdict().items()
            }
            for row in rows
        ],
    )
    keep("agreement_worst.csv", worst(rows))
    keep("degenerate.csv", lines_of_degenerate())


if __name__ == "__main__":
    main()
