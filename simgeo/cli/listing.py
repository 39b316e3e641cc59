"""`simgeo list`: everything there is, and all about one of it."""

import argparse
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from simgeo import settings
from simgeo.cli import Parser
from simgeo.cli.as_records import add_json, as_json
from simgeo.cli.changes import flag_of, needs_file
from simgeo.cli.flags import WIDTH, knobs, summary, table_of
from simgeo.measures import DEFAULT, MEASURES
from simgeo.problems import Distillation, Experiment

Topics = dict[str, dict[str, tuple[type, ...]]]

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
        usage="simgeo list [TOPIC ...] [NAME ...] [--json]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    add_json(parser)
    asked = parser.parse_args(arguments)
    topics, names = _asked(asked.words)
    if asked.json:
        rows = [_settings(name, topics) for name in names] or [_listed(topics)]
        print(as_json(row for each in rows for row in each))
    elif names:
        print("\n\n".join(_all_about(name, topics) for name in names))
    else:
        print("\n\n".join(map(_names, topics.items())))


def _topics() -> Topics:
    """What can be listed, and for each the places of its kinds."""
    topics: Topics = {}
    for place, classes in settings.places(Experiment).items():
        topics.setdefault(f"{place.partition('.')[0]}s", {})[place] = classes
    of_networks = settings.places(Distillation)
    topics["datasets"] = {"dataset": of_networks["dataset"]}
    topics["networks"] = {"student": of_networks["student"]}
    return topics | {"measures": {}}


def _asked(words: list[str]) -> tuple[Topics, list[str]]:
    """The topics among the words, all if there is none, and the other words."""
    topics = _topics()
    # A topic may stand in the singular, as its settings do.
    said = [f"{word}s" if f"{word}s" in topics else word for word in words]
    asked = {word: topics[word] for word in said if word in topics}
    return asked or topics, [word for word in said if word not in topics]


def _listed(topics: Topics) -> Iterator[dict[str, Any]]:
    """A record for every kind and measure."""
    for topic, places in topics.items():
        for place, classes in places.items():
            for kind, cls in settings.kinds(*classes).items():
                row = {"topic": topic, "place": place, "name": kind}
                yield row | {"about": summary(cls)}
        for name in MEASURES if topic == "measures" else ():
            row = {"topic": topic, "place": None, "name": name}
            yield row | {"about": _definition(name)}


def _settings(name: str, topics: Topics) -> list[dict[str, Any]]:
    """A record for every setting of the kind of that name, or one for a measure."""
    if "measures" in topics and name in MEASURES:
        return [{"name": name, **_facts(name)}]
    return [
        {"place": place, "name": kind, "setting": setting, "about": about}
        for place, kind, cls in _kinds(name, topics)
        for setting, about in knobs(cls).items()
    ]


def _names(topic: tuple[str, dict[str, tuple[type, ...]]]) -> str:
    name, places = topic
    if name == "measures":
        others = (name for name in MEASURES if name not in DEFAULT)
        rows = (_row(each, _definition(each)) for each in (*DEFAULT, *others))
        return "\n".join(["measures", *rows])
    return "\n\n".join(
        f"{place}:\n{textwrap.indent(table_of(classes, 23), '  ')}"
        for place, classes in places.items()
    )


def _all_about(name: str, topics: Topics) -> str:
    if "measures" in topics and name in MEASURES:
        return _measure(name)
    return "\n\n".join(_kind(*each) for each in _kinds(name, topics))


def _kinds(name: str, topics: Topics) -> list[tuple[str, str, type]]:
    """Place, name and class of the kinds of that name."""
    found, refusal = [], None
    places = {place: all for each in topics.values() for place, all in each.items()}
    for place, classes in places.items():
        try:
            cls = settings.find_kind(name, *classes, at="NAME")
        except ValueError as error:
            refusal = error if "must name one kind" in str(error) else refusal
            continue
        [kind] = (kind for kind, c in settings.kinds(*classes).items() if c is cls)
        found.append((place, kind, cls))
    if refusal is not None:
        raise refusal
    if found:
        return found
    known = [kind for each in places.values() for kind in settings.kinds(*each)]
    known = [*_topics(), *known, *(MEASURES if "measures" in topics else [])]
    raise ValueError(f"{name!r} is nothing to list.{settings.suggest(name, known)}")


def _kind(place: str, kind: str, cls: type) -> str:
    parts = [f"{place}:{kind}", _doc(cls)]
    about = getattr(cls, "about", None)
    known = " ".join((cls.__doc__ or "").split())
    rows = about._asdict() if about else {}
    rows = {
        name: text
        for name, text in rows.items()
        if f"{name.capitalize()}: {text}" not in known
    }
    rows |= {flag_of(f"{place}.{name}"): said for name, said in knobs(cls).items()}
    parts += [_row(name, text) for name, text in rows.items()]
    if needs_file(cls):
        parts.append("  It has settings that no flag can give: use a TOML file.")
    return "\n".join(parts)


def _measure(name: str) -> str:
    rows = _facts(name) | {
        "--measures NAME,...": "records it, and whatever else is named"
    }
    if rows["units"] == "1":
        del rows["units"]
    lines = [_row(*row) for row in rows.items()]
    return "\n".join([name, _doc(MEASURES[name]), *lines])


def _definition(name: str) -> str:
    """The first sentence about a measure; its label, if its function says nothing."""
    first = (MEASURES[name].__doc__ or "").partition("\n\n")[0]
    return " ".join(first.split()) or MEASURES[name].label


def _facts(name: str) -> dict[str, str]:
    measure = MEASURES[name]
    return {
        "label": measure.label,
        "range": measure.bounds,
        "units": measure.units,
        "better": measure.better or "neither",
        "chance": measure.chance,
    }


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
