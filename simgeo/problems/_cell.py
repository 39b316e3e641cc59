"""The description of a run: frozen, and checked when it is made."""

import abc
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Int

from simgeo import checks, optimisers, settings
from simgeo.checks import check_fields, one_of
from simgeo.problems._parts import AbstractObserver, AbstractProblem, AbstractStage

SPACINGS = ("log", "even")
_NOT_IDENTITY = ("num_seeds", "first_seed")


def count(
    least: int, default: int | None, about: Mapping[str, Any] = MappingProxyType({})
) -> Any:
    """A static field for a whole number from `least` on, with further metadata."""
    rule = checks.rule(
        f"be at least {least} and below 2^31",
        lambda value: value is None or least <= value < 2**31,
        minimum=least,
        exclusiveMaximum=2**31,
    )
    metadata = {**rule, **about}
    return eqx.field(static=True, default=default, metadata=metadata, converter=_plain)


def _plain(value: Any) -> Any:
    """Python's own number for one of NumPy's, of which Equinox would warn."""
    return value.item() if isinstance(value, np.integer) else value


class AbstractCell(eqx.Module):
    """What is run, for how long and for which seeds.

    A subclass adds its settings as fields, and says what they make in `problem`.

    Args:
        optimiser: one of `simgeo.optimisers`, or any `optax.GradientTransformation`.
        num_steps: steps of the optimiser, from 1.
        num_records: records at most, from 2, the first before any step.
        record_spacing: `log` or `even`, of the steps between records.
        num_seeds: units that are run, from 1. It changes no unit.
        first_seed: the seeds count up from it, from 0.
    """

    optimiser: optimisers.AbstractOptimiser = eqx.field(
        default_factory=optimisers.Adam, converter=optimisers.optimiser_of
    )
    num_steps: int = count(1, default=2000)
    num_records: int = count(2, default=40)
    record_spacing: str = eqx.field(
        static=True, default="log", metadata=one_of(*SPACINGS)
    )
    num_seeds: int = count(1, default=16)
    first_seed: int = count(0, default=0)

    if not TYPE_CHECKING:
        # Equinox makes a module of every method that is looked up, so that it can go
        # through `jit`. Those of a cell do not, and a plan looks up many.
        __getattribute__ = object.__getattribute__

    def __check_init__(self) -> None:
        check_fields(self)
        last = self.first_seed + self.num_seeds
        rule = "leave room for `num_seeds` below 2^31"
        checks.require(last <= 2**31, "first_seed", rule, self.first_seed)

    @abc.abstractmethod
    def problem(self) -> AbstractProblem:
        """What is optimised."""

    def observer(self) -> AbstractObserver:
        """What is recorded; that of the problem, unless this says otherwise."""
        return self.problem()

    def stages(self) -> tuple[AbstractStage, ...]:
        """What is given to a unit, in the order in which it is drawn."""
        return ()

    @property
    def reported(self) -> tuple[str, ...]:
        """Names of what a summary of a run tells beside the loss."""
        return ()

    def check(self) -> None:
        """Raises ValueError for settings that exclude one another.

        The engine calls it before it computes anything.
        """

    @property
    def title(self) -> str:
        """One sentence that says what is run."""
        return f"{type(self).__name__} with {self.optimiser.label}."

    @property
    def labels(self) -> dict[str, str]:
        """Short names of the parts that have one, for tables and figures."""
        parts = {
            name: getattr(getattr(self, name), "label", None)
            for name in self.__dataclass_fields__
        }
        return {name: label for name, label in parts.items() if isinstance(label, str)}

    @property
    def is_described(self) -> bool:
        """Whether the settings say all of it, so that results can be kept by them."""
        return self.optimiser.is_described

    def resolved(self) -> "AbstractCell":
        """The same cell with every inherited setting filled in."""
        return self

    @property
    def seeds(self) -> Int[np.ndarray, " s"]:
        """The seeds, counted up from the first."""
        return np.arange(self.first_seed, self.first_seed + self.num_seeds)

    @property
    def record_steps(self) -> Int[np.ndarray, " r"]:
        """Steps done at each record: none first, all last, spaced as asked between."""
        asked = self.record_spacing, self.num_steps, self.num_records
        return np.array(_record_steps(*asked), int)

    @property
    def identity(self) -> settings.Description:
        """The description under which results are kept: all settings but the seeds."""
        described = settings.describe(self.resolved())
        return {name: v for name, v in described.items() if name not in _NOT_IDENTITY}

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that name the cell at the precision of this process.

        Raises:
            ValueError: if the optimiser is one that no file can describe.
        """
        if not self.is_described:
            raise ValueError(
                "`optimiser` must be one of simgeo.optimisers for results to be kept; "
                "got an optax transformation, which no file can describe. Use one of "
                "those, or a module of your own with `transformation`."
            )
        return settings.digest(self.identity, {"precision": precision()})


@functools.lru_cache(maxsize=1024)
def _record_steps(spacing: str, num_steps: int, num_records: int) -> tuple[int, ...]:
    if spacing == "even":
        spaced = np.linspace(0, num_steps, num_records)
    else:
        spaced = np.geomspace(1, num_steps, num_records - 1)
        spaced[-1] = num_steps  # of one value, `geomspace` gives the first
    steps = np.unique(np.concatenate([[0], np.round(spaced)]))
    return tuple(steps.astype(int).tolist())


def precision() -> str:
    """The precision that this process computes in."""
    return "float64" if jax.config.read("jax_enable_x64") else "float32"
