"""`simgeo list`: everything there is, with its knobs."""

import dataclasses

from simgeo import settings
from simgeo.cli import Parser, fail
from simgeo.cli.flags import knobs, needs_file, places, summary
from simgeo.measures import DEFAULT, MEASURES

TOPICS = ("teachers", "students", "objectives", "measures")


def show(arguments: list[str]) -> int:
    """Prints what was asked for, all if nothing was; the exit code."""
    parser = Parser(
        prog="simgeo list",
        usage="simgeo list [teachers | students | objectives | measures]",
        description="What there is, one line each, with its flags for `simgeo run`.",
    )
    parser.add_argument("topics", nargs="*")
    try:
        topics = parser.parse_args(arguments).topics
        for topic in topics:
            if topic not in TOPICS:
                known = settings.suggest(topic, list(TOPICS))
                raise ValueError(f"{topic!r} is nothing to list.{known}")
    except ValueError as error:
        return fail(error, 2)
    print("\n\n".join(_topic(topic) for topic in topics or TOPICS))
    return 0


def _topic(topic: str) -> str:
    if topic == "measures":
        return "\n".join(_measures())
    return "\n".join(
        line
        for place, base in places().items()
        if f"{place.partition('.')[0]}s" == topic
        for kind, cls in settings.kinds(base).items()
        for line in _kind(place, kind, cls)
    )


def _kind(place: str, kind: str, cls: type) -> list[str]:
    lines = [f"{place}:{kind}", f"    {summary(cls)}"]
    about = getattr(cls, "about", None)
    for name, text in about._asdict().items() if about else ():
        lines.append(f"      {name:10s} {text}")
    for knob in knobs(cls):
        flag = f"--{place}.{knob.name}".replace("_", "-")
        known = knob.default is not dataclasses.MISSING
        default = str(knob.default).lower() if known else "required"
        lines.append(f"      {flag:28s} {default:>8s}   {knob.rule}".rstrip())
    if needs_file(cls):
        lines.append("      with lists as settings: describe it in a TOML file")
    return lines


def _measures() -> list[str]:
    further = [name for name in MEASURES if name not in DEFAULT]
    lines = [
        f"{'':22s} {'range':19s} {'better':8s} {'chance':20s} recorded along every run",
        *map(_measure, DEFAULT),
        f"{'':72s} further ones",
        *map(_measure, further),
    ]
    return lines


def _measure(name: str) -> str:
    shown = MEASURES[name]
    return (
        f"{name:22s} {shown.bounds:19s} {shown.better or '-':8s} "
        f"{shown.chance:20s} {shown.label}"
    )
