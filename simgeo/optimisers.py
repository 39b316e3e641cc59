"""Optimisers that a file can describe, each a name for one of optax."""

import abc
import inspect
from functools import partial
from types import FunctionType
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from simgeo import checks
from simgeo.settings import suggest

SCHEDULES = ("constant", "cosine", "linear")
_Steps = Int[Array, ""] | int
# The share of the rate that is left, over the share of the steps that is done.
_LEFT = {
    "cosine": lambda done: 0.5 * (1.0 + jnp.cos(jnp.pi * done)),
    "linear": lambda done: 1.0 - done,
}


def _needs_only_a_rate(name: str) -> bool:
    function = getattr(optax, name)
    if not isinstance(function, FunctionType | partial) or "scale_by" in name:
        return False
    parameters = inspect.signature(function).parameters.values()
    needed = [each.name for each in parameters if each.default is each.empty]
    return needed == ["learning_rate"]


NAMES = tuple(sorted(filter(_needs_only_a_rate, dir(optax))))


class AbstractOptimiser(eqx.Module):
    """A rule that turns gradients into updates.

    One of your own is a frozen module with `transformation`. Real-valued settings are
    leaves, so that they can be swept without another compilation.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        taken = ", ".join(inspect.signature(cls.transformation).parameters)
        if "," not in taken and "*" not in taken:
            raise TypeError(
                f"`transformation` of {cls.__name__} must take `num_steps`, the number "
                f"of steps of the run; got ({taken})."
            )

    def __check_init__(self) -> None:
        checks.check_fields(self)

    @abc.abstractmethod
    def transformation(self, num_steps: _Steps) -> optax.GradientTransformation:
        """The optax transformation of a run of `num_steps` steps, which may be traced.

        It is given the loss's `value`, its `grad` and, as `value_fn`, the loss itself.
        """

    @property
    def label(self) -> str:
        """Short name for captions."""
        return type(self).__name__

    @property
    def is_described(self) -> bool:
        """Whether its settings say all of it, so that results can be kept by them."""
        return True


class _Scheduled(AbstractOptimiser):
    """An optimiser with a learning rate, which may decay over the run."""

    learning_rate: float = eqx.field(default=0.01, metadata=checks.POSITIVE_AND_FINITE)
    schedule: str = eqx.field(
        static=True, default="constant", metadata=checks.one_of(*SCHEDULES)
    )

    @property
    def label(self) -> str:
        words = [self._name, f"at {self.learning_rate:g}"]
        if self.schedule != "constant":
            words.append(f"with {self.schedule} decay")
        return " ".join(words)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def rate(self, num_steps: _Steps) -> optax.ScalarOrSchedule:
        """The learning rate, or what it is at each step."""
        if self.schedule == "constant":
            return self.learning_rate
        left = _LEFT[self.schedule]

        def scheduled(step: Int[Array, ""]) -> Float[Array, ""]:
            return self.learning_rate * left(jnp.minimum(step / num_steps, 1.0))

        return scheduled


class Adam(_Scheduled):
    """Adam, with the moments of Kingma and Ba (2015).

    Args:
        learning_rate: positive; 0.01 unless given.
        schedule: `constant`, or `cosine` or `linear` decay to zero over the run.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of their squares, in [0, 1).
    """

    b1: float = eqx.field(static=True, default=0.9, metadata=checks.BELOW_1)
    b2: float = eqx.field(static=True, default=0.999, metadata=checks.BELOW_1)

    def transformation(self, num_steps: _Steps) -> optax.GradientTransformation:
        return optax.adam(self.rate(num_steps), b1=self.b1, b2=self.b2)


class SGD(_Scheduled):
    """Gradient descent, with momentum if it is not zero.

    Args:
        learning_rate: positive; 0.01 unless given.
        schedule: `constant`, or `cosine` or `linear` decay to zero over the run.
        momentum: share of the last update that is kept, in [0, 1).
        nesterov: whether the gradient is taken ahead (Nesterov, 1983).
    """

    momentum: float = eqx.field(static=True, default=0.0, metadata=checks.BELOW_1)
    nesterov: bool = eqx.field(static=True, default=False)

    def transformation(self, num_steps: _Steps) -> optax.GradientTransformation:
        return optax.sgd(self.rate(num_steps), self.momentum or None, self.nesterov)


class LBFGS(AbstractOptimiser):
    """Limited-memory BFGS with a zoom line search, which chooses its own steps.

    A step costs several evaluations of the loss. Liu and Nocedal (1989).

    Args:
        memory_size: updates that the approximation of the Hessian remembers, from 1.
    """

    memory_size: int = eqx.field(static=True, default=10, metadata=checks.at_least(1))

    def transformation(self, num_steps: _Steps) -> optax.GradientTransformation:
        return optax.lbfgs(memory_size=self.memory_size)


class Named(_Scheduled):
    """Any optimiser of optax that needs no more than a learning rate.

    Args:
        learning_rate: positive; 0.01 unless given.
        schedule: `constant`, or `cosine` or `linear` decay to zero over the run.
        name: that of the function in optax, one of `NAMES`.
    """

    name: str = eqx.field(
        static=True, default="lion", metadata={"valid": f"one of {', '.join(NAMES)}"}
    )

    def __check_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(
                f"`name` must be an optimiser of optax that needs only a rate; got "
                f"{self.name!r}.{suggest(str(self.name), list(NAMES))}"
            )

    @property
    def _name(self) -> str:
        return self.name

    def transformation(self, num_steps: _Steps) -> optax.GradientTransformation:
        return getattr(optax, self.name)(self.rate(num_steps))


class _Given(AbstractOptimiser):
    """An optax transformation as it is, which no file can describe."""

    given: optax.GradientTransformation = eqx.field(
        static=True, metadata={"describe": False}
    )

    def transformation(self, num_steps: _Steps) -> optax.GradientTransformation:
        return self.given

    @property
    def label(self) -> str:
        return "optax transformation"

    def __repr__(self) -> str:
        return "an optax transformation"

    @property
    def is_described(self) -> bool:
        return False


def optimiser_of(
    given: AbstractOptimiser | optax.GradientTransformation,
) -> AbstractOptimiser:
    """An optimiser as it is, or an optax transformation made into one."""
    if isinstance(given, optax.GradientTransformation):
        return _Given(given)
    return given
