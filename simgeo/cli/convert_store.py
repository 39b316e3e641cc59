"""`simgeo convert`: a store of an older simgeo in today's form."""

from collections.abc import Mapping
from typing import Any

from simgeo import results
from simgeo.cli import Parser, fail


def convert(arguments: list[str]) -> int:
    """Writes the runs of schema 1 in schema 2; the exit code."""
    parser = Parser(
        "convert",
        "Write the runs of an older simgeo in today's form. An old file is removed "
        "once its successor was written and read back.",
    )
    add = parser.add_argument
    add("store", metavar="STORE")
    add("--to", metavar="DIR", help="another folder to write to; STORE stays as it is")
    add("--keep", action="store_true", help="keep the old files beside the new ones")
    asked = parser.parse_args(arguments)
    done = results.convert(asked.store, asked.to, asked.keep, labels)
    for name, reason in done.failed.items():
        fail(f"{name} was not converted: {reason}", 0)
    print(f"Converted {len(done.converted)} files in {asked.to or asked.store}.")
    return 1 if done.failed else 0


def labels(described: Mapping[str, Any]) -> dict[str, str]:
    """The labels of a described cell; its kinds, if it cannot be built."""
    from simgeo import settings
    from simgeo.problems import Experiment

    try:
        return settings.build(Experiment, described).labels
    except ValueError:  # such as a teacher whose file is gone
        return results.kinds_of(described)
