"""Fields of modules, and what their types allow."""

import dataclasses
import functools
import inspect
import re
import types
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

from simgeo.checks import WORDS, options

Description = dict[str, Any]
Trail = tuple[str | int, ...]  # the way from the outermost module to a value

KIND = "kind"


class Field(NamedTuple):
    """A setting of a kind of module."""

    name: str
    hint: Any
    field: dataclasses.Field

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.field.default is self.field.default_factory is dataclasses.MISSING

    @property
    def described(self) -> bool:
        """Whether descriptions have it."""
        return self.field.metadata.get("describe", True)

    @property
    def optional(self) -> bool:
        """Whether it may be None."""
        return types.NoneType in options(self.hint)

    @property
    def many(self) -> bool:
        """Whether it is a list."""
        return any(is_sequence(each) for each in options(self.hint))

    @property
    def types(self) -> set[type]:
        """Which of bool, int, float and str it takes, or each of its items does.

        Empty where it takes anything else, as a module.
        """
        allowed = [each for each in options(self.hint) if each is not types.NoneType]
        if len(allowed) == 1 and is_sequence(allowed[0]):
            args = typing.get_args(allowed[0])
            allowed = [one for arg in args if arg is not ... for one in options(arg)]
        plain = [{str} if is_literal(each) else {each} for each in allowed]
        taken = set().union(*plain)
        return taken if taken <= WORDS.keys() else set()

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values that it may have, if its type lists them."""
        literals = [each for each in options(self.hint) if is_literal(each)]
        return tuple(one for each in literals for one in typing.get_args(each))

    @property
    def rule(self) -> str:
        """Which values are right, in the words of what refuses the others."""
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        given = self.field.metadata.get("rule")
        words = given.words if given else self.field.metadata.get("valid", "")
        return re.sub("^(be|lie) ", "", words).replace("not be ", "not ")

    @property
    def about_default(self) -> str:
        """What is said of its default where the value would not say it, or nothing."""
        return self.field.metadata.get("default", "")

    def default(self) -> Any:
        """Its default; a setting that is `required` has none."""
        factory = self.field.default_factory
        if factory is not dataclasses.MISSING:
            return factory()
        return self.field.default


@functools.lru_cache(maxsize=1024)
def fields(cls: type) -> dict[str, Field]:
    """The settings of a kind by their names: its own first, then inherited ones.

    Args:
        cls: a dataclass, such as a teacher.

    Raises:
        TypeError: if a setting is called `kind`, which descriptions use.

    >>> from simgeo import settings, students
    >>> [*settings.fields(students.GaussianStart)]
    ['scale', 'offset']
    """
    given = {each.name: each for each in dataclasses.fields(cls) if each.init}
    if KIND in given:
        raise TypeError(f"`{KIND}` must not be a field; got it in {cls.__name__}.")
    hints = typing.get_type_hints(cls)
    own = (name for base in cls.__mro__ for name in inspect.get_annotations(base))
    names = dict.fromkeys([*own, *given])
    return {
        name: Field(name, hints[name], given[name]) for name in names if name in given
    }


def is_module(hint: Any) -> bool:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def modules(hint: Any) -> tuple[type, ...]:
    """The classes of modules that a hint allows."""
    return tuple(each for each in options(hint) if is_module(each))


def is_sequence(hint: Any) -> bool:
    return (typing.get_origin(hint) or hint) in (tuple, list)


def is_literal(hint: Any) -> bool:
    return typing.get_origin(hint) is typing.Literal


def item_hints(hint: Any, num: int) -> list[Any]:
    """The hints of the `num` items of a list."""
    args = next(
        (typing.get_args(each) for each in options(hint) if is_sequence(each)), ()
    )
    if len(args) == num and Ellipsis not in args and num > 1:
        return list(args)
    return [args[0] if args else Any] * num


def dotted(trail: Trail) -> str:
    name = ".".join(str(each) for each in trail) or "module"
    return name if name.isprintable() else ascii(name)[1:-1]


def concrete(cls: type) -> Iterator[type]:
    """The class, if it is public and can be made, and all below it that are."""
    abstract = inspect.isabstract(cls) or any(
        getattr(cls, name, None)  # Equinox's own abstract fields
        for name in ("__abstractvars__", "__abstractclassvars__")
    )
    if not abstract:
        yield cls
    for each in cls.__subclasses__():
        yield from concrete(each)
