"""Losses with a map that is learned beside the student, as modules."""

from typing import Any

import jax
import numpy as np
import torch

from simgeo import objectives
from simgeo.torch import _losses


class LinearProjection(torch.nn.Module):
    """Mean squared error per vector after a linear map: `functional.linear_projection`.

    Its parameter `weights` (m, d) starts as that of `objectives.LinearProjection`, and
    `torch.manual_seed` decides the draw.

    Args:
        student_dim: m, positive.
        teacher_dim: d, positive.
        centred: whether both sides are, which is a map with an intercept.
        start_scale: entries start with standard deviation `start_scale` / sqrt(m).
        device: of the parameter.
        dtype: of the parameter.
    """

    def __init__(
        self,
        student_dim: int,
        teacher_dim: int,
        *,
        centred: bool = False,
        start_scale: float = 1.0,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        objective = objectives.LinearProjection(
            centred=centred, start_scale=start_scale
        )
        self.centred = centred
        (self.weights,) = _start(objective, student_dim, teacher_dim, device, dtype)

    def forward(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """The loss of students (n, m) against teachers (n, d)."""
        return _losses.linear_projection(
            student, teacher, self.weights, centred=self.centred
        )

    def extra_repr(self) -> str:
        return f"{_widths(self.weights)}, centred={self.centred}"


class CosineProjection(torch.nn.Module):
    """One minus the mean cosine after a linear map: `functional.cosine_projection`.

    Its parameter `weights` (m, d) starts with standard deviation 1 / sqrt(m), and
    `torch.manual_seed` decides the draw.

    Args:
        student_dim: m, positive.
        teacher_dim: d, positive.
        device: of the parameter.
        dtype: of the parameter.
    """

    def __init__(
        self,
        student_dim: int,
        teacher_dim: int,
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        objective = objectives.CosineProjection()
        (self.weights,) = _start(objective, student_dim, teacher_dim, device, dtype)

    def forward(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """The loss of students (n, m) against teachers (n, d)."""
        return _losses.cosine_projection(student, teacher, self.weights)

    def extra_repr(self) -> str:
        return _widths(self.weights)


class OrthogonalProjection(torch.nn.Module):
    """Squared error per vector after a rotation: `functional.orthogonal_projection`.

    The rotation is the polar factor of the parameter `free` (m, d), which starts
    Gaussian; `torch.manual_seed` decides the draw.

    Args:
        student_dim: m, positive.
        teacher_dim: d, positive.
        device: of the parameter.
        dtype: of the parameter.
    """

    def __init__(
        self,
        student_dim: int,
        teacher_dim: int,
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        objective = objectives.OrthogonalProjection()
        (self.free,) = _start(objective, student_dim, teacher_dim, device, dtype)

    def forward(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """The loss of students (n, m) against teachers (n, d)."""
        return _losses.orthogonal_projection(student, teacher, self.free)

    def extra_repr(self) -> str:
        return _widths(self.free)


class MLPProjection(torch.nn.Module):
    """Squared error per vector after a small network: `functional.mlp_projection`.

    Its parameters are `inner` (m, h), `shift` (h,) and `outer` (h, d), of one hidden
    layer of tanh units; `torch.manual_seed` decides the draw.

    Args:
        student_dim: m, positive.
        teacher_dim: d, positive.
        hidden_dim: h, positive.
        device: of the parameters.
        dtype: of the parameters.
    """

    def __init__(
        self,
        student_dim: int,
        teacher_dim: int,
        *,
        hidden_dim: int = 64,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        objective = objectives.MLPProjection(hidden_dim=hidden_dim)
        self.inner, self.shift, self.outer = _start(
            objective, student_dim, teacher_dim, device, dtype
        )

    def forward(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """The loss of students (n, m) against teachers (n, d)."""
        layers = self.inner, self.shift, self.outer
        return _losses.mlp_projection(student, teacher, layers)

    def extra_repr(self) -> str:
        widths = f"student_dim={self.inner.shape[0]}, teacher_dim={self.outer.shape[1]}"
        return f"{widths}, hidden_dim={self.shift.shape[0]}"


def _start(
    objective: objectives.AbstractObjective,
    student_dim: int,
    teacher_dim: int,
    device: Any,
    dtype: torch.dtype | None,
) -> list[torch.nn.Parameter]:
    """What the objective starts from, drawn with PyTorch's own seed."""
    seed = int(torch.randint(2**31 - 1, ()))
    learned = objective.init(jax.random.key(seed), student_dim, teacher_dim)
    return [
        torch.nn.Parameter(
            torch.tensor(
                np.asarray(each),
                device=device,
                dtype=dtype or torch.get_default_dtype(),
            )
        )
        for each in jax.tree.leaves(learned)
    ]


def _widths(weights: torch.Tensor) -> str:
    return f"student_dim={weights.shape[0]}, teacher_dim={weights.shape[1]}"
