"""Formulas in tables that are written by tests, as plain text or as code, typeset."""

import re
from typing import TYPE_CHECKING

import formulas

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PAGES = {"objectives", "teachers"}
YEAR = re.compile(r"\(\d{4}\)")  # of a source, whose numbers are no formulas


def put(app: "Sphinx", docname: str, source: list[str]) -> None:
    if docname in PAGES:
        lines = source[0].split("\n")
        source[0] = "\n".join(
            row(line) if line.startswith("| ") else line for line in lines
        )


def row(line: str) -> str:
    """A row of a table with its formulas as mathematics; its first cell is a name."""
    start, name, *cells = re.split(r"(?<!\\)\|", line)
    return "|".join([start, name, *map(cell, cells)])


def cell(text: str) -> str:
    """One cell; code is a formula only where it holds a sign of one."""
    if YEAR.search(text):
        return text
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(
        code(part) if part.startswith("`") else typeset(part) for part in parts
    )


def code(text: str) -> str:
    shown = typeset(text[1:-1])
    return shown if "$" in shown else text


def typeset(text: str) -> str:
    return formulas.marked(
        text.replace(r"\|", "|"),
        lambda latex: f"${latex.strip()}$",
        lambda prose: prose.replace("|", r"\|"),
    )


def setup(app: "Sphinx") -> dict:
    app.connect("source-read", put)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
