"""`simgeo list`: everything there is, and all about one of it."""

import argparse
import inspect
import textwrap

from simgeo import settings
from simgeo.cli import Parser
from simgeo.cli.flags import WIDTH, flag_of, knobs, lines_of, needs_file, table_of
from simgeo.measures import DEFAULT, MEASURES
from simgeo.problems import Distillation, Experiment

_ABOUT = """\
Everything there is, one line each. With a NAME, all about it: what it is, and
its settings, as flags of `simgeo run` (of `simgeo distil` for data sets and
networks) and, without the dashes, as keys of a TOML file. A NAME may be
shortened to words of it that no other has.
{topics}

  simgeo list
  simgeo list objectives
  simgeo list objectives cka"""


def show(arguments: list[str]) -> None:
    """Prints what was asked for, the names of all if nothing was."""
    parser = Parser(
        "list",
        _ABOUT.format(topics=_filled(f"Topics: {', '.join(_topics())}.")),
        usage="simgeo list [TOPIC ...] [NAME ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    print(_answer(parser.parse_args(arguments).words))


def _topics() -> dict[str, dict[str, tuple[type, ...]]]:
    """What can be listed, and for each the places of its kinds."""
    topics: dict[str, dict[str, tuple[type, ...]]] = {}
    for place, classes in settings.places(Experiment).items():
        topics.setdefault(f"{place.partition('.')[0]}s", {})[place] = classes
    of_networks = settings.places(Distillation)
    topics["datasets"] = {"dataset": of_networks["dataset"]}
    topics["networks"] = {"student": of_networks["student"]}
    return topics | {"measures": {}}


def _answer(words: list[str]) -> str:
    topics = _topics()
    # A topic may stand in the singular, as its settings do.
    said = [f"{word}s" if f"{word}s" in topics else word for word in words]
    asked = {word: topics[word] for word in said if word in topics}
    names = [word for word in said if word not in topics]
    if names:
        return "\n\n".join(_all_about(name, asked or topics) for name in names)
    return "\n\n".join(_names(topic) for topic in (asked or topics).items())


def _names(topic: tuple[str, dict[str, tuple[type, ...]]]) -> str:
    name, places = topic
    if name == "measures":
        others = (name for name in MEASURES if name not in DEFAULT)
        labels = {name: MEASURES[name].label for name in (*DEFAULT, *others)}
        return f"measures\n{textwrap.indent(lines_of(labels, 23), '  ')}"
    return "\n\n".join(
        f"{place}:\n{textwrap.indent(table_of(classes, 23), '  ')}"
        for place, classes in places.items()
    )


def _all_about(name: str, topics: dict[str, dict[str, tuple[type, ...]]]) -> str:
    if "measures" in topics and name in MEASURES:
        return _measure(name)
    found, refusal = [], None
    places = {place: all for each in topics.values() for place, all in each.items()}
    for place, classes in places.items():
        try:
            cls = settings.find_kind(name, *classes, at="NAME")
        except ValueError as error:
            refusal = error if "must name one kind" in str(error) else refusal
            continue
        [kind] = (kind for kind, c in settings.kinds(*classes).items() if c is cls)
        found.append(_kind(place, kind, cls))
    if refusal is not None:
        raise refusal
    if found:
        return "\n\n".join(found)
    known = [kind for each in places.values() for kind in settings.kinds(*each)]
    known = [*_topics(), *known, *(MEASURES if "measures" in topics else [])]
    raise ValueError(f"{name!r} is nothing to list.{settings.suggest(name, known)}")


def _kind(place: str, kind: str, cls: type) -> str:
    parts = [f"{place}:{kind}", _doc(cls)]
    about = getattr(cls, "about", None)
    rows = about._asdict() if about else {}
    rows |= {flag_of(f"{place}.{name}"): said for name, said in knobs(cls).items()}
    parts += [_row(name, text) for name, text in rows.items()]
    if needs_file(cls):
        parts.append("  It has settings that no flag can give: use a TOML file.")
    return "\n".join(parts)


def _measure(name: str) -> str:
    measure = MEASURES[name]
    rows = {
        "label": measure.label,
        "range": measure.bounds,
        **({"units": measure.units} if measure.units != "1" else {}),
        "better": measure.better or "neither",
        "chance": measure.chance,
        "--measures NAME,...": "records it, and whatever else is named",
    }
    return "\n".join([name, _doc(measure), *(_row(*row) for row in rows.items())])


def _doc(of: object) -> str:
    """A docstring without its examples."""
    paragraphs = (inspect.getdoc(of) or "").partition(">>>")[0].strip().split("\n\n")
    return textwrap.indent("\n\n".join(map(_filled, paragraphs)), "  ")


def _filled(paragraph: str) -> str:
    """A paragraph in our width; what is indented is laid out by hand."""
    if "\n " in paragraph or paragraph.startswith("Args:"):
        return paragraph
    return textwrap.fill(paragraph, WIDTH - 2, break_on_hyphens=False)


def _row(name: str, text: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=f"  {name:26s} ",
        subsequent_indent=" " * 29,
        break_on_hyphens=False,
    )
