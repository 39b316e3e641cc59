"""The description of a run: frozen, and checked when it is made."""

import abc
import math

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Int

from simgeo import optimisers, settings
from simgeo.problems._parts import AbstractObserver, AbstractProblem, AbstractStage

Number = float | Float[Array, ""]  # a leaf may be traced
SPACINGS = ("log", "even")
_NOT_IDENTITY = ("num_seeds", "first_seed")


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
    num_steps: int = eqx.field(static=True, default=2000)
    num_records: int = eqx.field(static=True, default=40)
    record_spacing: str = eqx.field(static=True, default="log")
    num_seeds: int = eqx.field(static=True, default=16)
    first_seed: int = eqx.field(static=True, default=0)

    def __check_init__(self) -> None:
        for name, least in (
            ("num_steps", 1),
            ("num_records", 2),
            ("num_seeds", 1),
            ("first_seed", 0),
        ):
            require_count(self, name, least)
        if self.record_spacing not in SPACINGS:
            raise ValueError(
                f"`record_spacing` must be one of {', '.join(SPACINGS)}; got "
                f"{self.record_spacing!r}."
            )

    @abc.abstractmethod
    def problem(self) -> AbstractProblem:
        """What is optimised."""

    def observer(self) -> AbstractObserver:
        """What is recorded; that of the problem, unless this says otherwise."""
        return self.problem()

    def stages(self) -> tuple[AbstractStage, ...]:
        """What is given to a unit, in the order in which it is drawn."""
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
        if self.record_spacing == "even":
            spaced = np.linspace(0, self.num_steps, self.num_records)
        else:
            spaced = np.geomspace(1, self.num_steps, self.num_records - 1)
            spaced[-1] = self.num_steps  # of one value, `geomspace` gives the first
        return np.unique(np.concatenate([[0], np.round(spaced)])).astype(int)

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


def precision() -> str:
    """The precision that this process computes in."""
    return "float64" if jax.config.read("jax_enable_x64") else "float32"


def require_count(module: eqx.Module, name: str, least: int) -> None:
    """Raises ValueError unless a setting is a whole number from `least` on."""
    value = getattr(module, name)
    if not isinstance(value, int) or not least <= value < 2**31:
        raise ValueError(
            f"`{name}` must be at least {least} and below 2^31; got {value}."
        )


def require_between(value: Number, name: str, low: float, high: float) -> None:
    """Raises ValueError unless a number that is not traced lies strictly between."""
    if isinstance(value, jax.core.Tracer):
        return
    if not low < value < high or math.isnan(value):
        raise ValueError(
            f"`{name}` must lie between {low:g} and {high:g}, both excluded; got "
            f"{value}."
        )
