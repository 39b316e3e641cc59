"""Objectives that are a function of `simgeo.functional`; its settings are fields."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from simgeo import functional
from simgeo.objectives._objective import (
    AbstractObjective,
    Learned,
    optimum_of_a_copy,
)


class AbstractFunctional(AbstractObjective):
    """A loss of `simgeo.functional`, whose row in the table it has.

    Fields are passed on where the function has a keyword of their name, and are not
    None.
    """

    function: eqx.AbstractClassVar[Callable[..., Float[Array, ""]]]  # a staticmethod
    name: eqx.AbstractClassVar[str]  # the label without the words of its flags
    blind_to: eqx.AbstractClassVar[frozenset[str]]  # whatever the flags

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "function" in cls.__dict__ and "about" not in cls.__dict__:
            cls.about = functional.about(cls.function)
        super().__init_subclass__(**kwargs)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        names = inspect.signature(self.function).parameters
        settings = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name in names and getattr(self, field.name) is not None
        }
        return self.function(*self.given(student, teacher, learned), **settings)

    def given(
        self, student: Float[Array, "n m"], teacher: Float[Array, "n d"], learned
    ) -> tuple:
        """What the function is called with, besides the fields."""
        return student, teacher

    @property
    def label(self) -> str:
        return ", ".join((self.name, *sorted(self._said("words"))))

    @property
    def invariant_to(self) -> frozenset[str]:
        return self.blind_to | self._said("blind_to")

    def _said(self, what: str) -> set[str]:
        """What the flags say at their values."""
        flags = [field for field in dataclasses.fields(self) if what in field.metadata]
        said = [each.metadata[what].get(getattr(self, each.name), ()) for each in flags]
        return set().union(*said)

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)


def flag(default: bool, *, on: str = "", off: str = "", blind_to: str = "") -> Any:
    """A static field that is true or false.

    Args:
        on: word of the label where it is true.
        off: word of the label where it is false.
        blind_to: what the loss does not see where it is true.
    """
    words = {value: {word} for value, word in ((True, on), (False, off)) if word}
    blind = {True: {blind_to}} if blind_to else {}
    metadata = {"words": words, "blind_to": blind}
    return eqx.field(static=True, default=default, metadata=metadata)
