"""Names of kinds, where kinds are chosen, and what was meant by a wrong name."""

import difflib
import re
from collections.abc import Iterator

from simgeo.settings._types import concrete, fields, modules

_MOST = 40  # of valid names in an error


def kinds(*classes: type) -> dict[str, type]:
    """The modules that may stand where one of these is wanted, by their kinds' names.

    `orthogonal-fraction`, for example; a file may write `OrthogonalFraction` too. Of
    classes with a leading underscore none is meant to be chosen by name. In
    alphabetical order.

    Args:
        classes: such as `teachers.AbstractTeacher`.
    """
    found = {
        kebab(cls.__name__): cls
        for base in classes
        for cls in concrete(base)
        if cls is base or not cls.__name__.startswith("_")
    }
    return dict(sorted(found.items()))


def find_kind(name: str, *classes: type, at: str) -> type:
    """The kind of that name: `OrthogonalBlocks`, `orthogonal-blocks`, or `blocks`.

    A name may be shortened to words of it that no other kind has.

    Args:
        name: what was written.
        classes: such as `teachers.AbstractTeacher`.
        at: the setting that it is for, to be named in an error.

    Raises:
        ValueError: if there is no such kind, or if several kinds may be meant.
    """
    known = kinds(*classes)
    wanted = kebab(name)
    if wanted in known:
        return known[wanted]
    meant = [kind for kind in known if wanted and f"-{wanted}-" in f"-{kind}-"]
    if len(meant) == 1:
        return known[meant[0]]
    if meant:
        raise ValueError(
            f"`{at}` must name one kind; got {name!r}, which could be {either(meant)}."
        )
    raise ValueError(
        f"`{at}` must name a known kind; got {name!r}.{suggest_kind(name, list(known))}"
    )


def places(
    cls: type, before: str = "", within: tuple[type, ...] = ()
) -> dict[str, tuple[type, ...]]:
    """Where kinds are chosen, such as `student.start`, and of which classes.

    What stands in another of its own sort, as the teacher to which noise is added, is
    left out: there would be no end of places.

    Args:
        cls: such as `Experiment`.
        before: what the names start with.
        within: classes that are not looked into.
    """
    found = {}
    for name, field in fields(cls).items():
        classes = modules(field.hint)
        if not classes or {*classes} & {*within}:
            continue
        found[f"{before}{name}"] = classes
        for kind in kinds(*classes).values():
            found |= places(kind, f"{before}{name}.", (*within, *classes))
    return found


def suggest(name: str, valid: list[str]) -> str:
    """The end of an error on an unknown name: the nearest valid one, then all.

    Of very many only the first are named.

    Args:
        name: what was written.
        valid: what may be written.
    """
    meant = _nearest(kebab(name), valid)
    question = f" Did you mean {meant!r}?" if meant else ""
    names = [repr(each) if "," in each else each for each in valid[:_MOST]]
    shown = ", ".join(names) or "none"
    more = f" and {len(valid) - _MOST} more" if len(valid) > _MOST else ""
    return f"{question} Valid: {shown}{more}."


def _nearest(name: str, valid: list[str]) -> str | None:
    """The valid name that is spelt most alike, or has a word that is."""
    whole = {kebab(each): each for each in valid}
    words = {
        word: each
        for kind, each in whole.items()
        for word in kind.split("-")
        if len(word) > 3
    }
    for known in (whole, words):
        near = difflib.get_close_matches(name, known, 1)
        if near:
            return known[near[0]]
    return None


def suggest_kind(name: str, valid: list[str]) -> str:
    """The same for a kind, which may be one of the user's own.

    Args:
        name: what was written.
        valid: the kinds that are known.
    """
    text = suggest(name, valid)
    if "Did you mean" in text:
        return text
    return f"{text} One of your own needs `simgeo --import MODULE` before the command."


def suggest_setting(place: str, cls: type, root: type) -> str:
    """The end of an error on a setting that `cls` lacks; it may be one elsewhere.

    Args:
        place: where it was written, with dots.
        cls: the kind that stands there.
        root: what all settings belong to.
    """
    home, _, name = place.rpartition(".")
    elsewhere = [each for each in _everywhere(root) if each.split(".")[-1] == name]
    if place in elsewhere:
        own = ", ".join(fields(cls)) or "none"
        return f" Another kind of `{home}` has it. Valid here: {own}."
    is_near = _nearest(kebab(name), list(fields(cls))) is not None
    if 0 < len(elsewhere) < 4 and not is_near:
        return f" Did you mean {either([f'`{each}`' for each in elsewhere])}?"
    return suggest(name, list(fields(cls)))


def either(names: list[str]) -> str:
    """As "a, b or c"."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def kebab(name: str) -> str:
    """`orthogonal-fraction` of OrthogonalFraction."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name)
    return parts.replace("_", "-").lower()


def _everywhere(root: type) -> Iterator[str]:
    """The names of all settings, each once."""
    names = [*fields(root)]
    for place, classes in places(root).items():
        for kind in kinds(*classes).values():
            names += [f"{place}.{name}" for name in fields(kind)]
    yield from dict.fromkeys(names)
