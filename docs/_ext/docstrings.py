"""The package's docstrings, plain text with `code` in single backticks, for autodoc.

Formulas are found and typeset, names such as `functional.cka` become links, comments at
the fields of named tuples and modules a list, the rows about a loss another, and the
sections Args, Returns and Raises what Sphinx calls fields.
"""

import dataclasses
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator

from sphinx.application import Sphinx

import formulas

SECTIONS = {"Args:": "param", "Raises:": "raises", "Returns:": "returns"}
ROWS = re.compile(r"^(?=[A-Z][a-z]+: )", re.MULTILINE)  # of what a loss is
SPECIAL = re.compile(r"([\\*|])|(_)(?!\w)")  # what reStructuredText would act on


def restructured(text: str) -> list[str]:
    """Lines of reStructuredText that say the same as a docstring."""
    lines: list[str] = []
    section = None
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        head, _, rest = block.partition("\n")
        if head in SECTIONS:
            section, block = SECTIONS[head], rest
            lines += _fields(section, textwrap.dedent(block))
        elif block.startswith(">>>"):
            lines += block.splitlines()  # examples are reStructuredText as they are
        elif head.startswith("Formula: "):
            lines += [f"* {_inline(row)}" for row in ROWS.split(block) if row]
        elif block.startswith("    "):
            lines += _indented(textwrap.dedent(block))
        else:
            lines.append(_inline(block))
        lines.append("")
    return lines


def _fields(section: str, text: str) -> Iterator[str]:
    if section == "returns":
        yield f":returns: {_inline(text)}"
        return
    for item in re.split(r"\n(?! )", text):
        name, _, about = item.partition(":")
        yield f":{section} {name}: {_inline(about.strip())}"


def _indented(text: str) -> Iterator[str]:
    """A displayed formula, or one for each line; else the items of a list."""
    for parts in ([text], text.split("\n")):
        found = [formulas.whole(part) for part in parts]
        if all(found):
            for formula in found:
                yield from (".. math::", "", f"   {formula}", "")
            return
    for item in re.split(r"(?<=[;:.,])\n(?! )", text):
        yield f"* {_inline(item)}"


def _inline(text: str) -> str:
    """One paragraph, on one line."""
    codes: list[str] = []

    def kept(match: re.Match) -> str:
        codes.append(match.group(1))
        return f"`{len(codes) - 1}`"

    flat = re.sub(r"`([^`]+)`", kept, " ".join(text.split()))
    marked = formulas.marked(
        flat, lambda latex: rf"\ :math:`{latex.strip()}`\ ", _escaped
    )
    marked = re.sub(r"(^|\s)\\ ", r"\1", marked)
    return re.sub(
        r"(?<!math:)`(\d+)`", lambda match: _code(codes[int(match[1])]), marked
    )


def _escaped(text: str) -> str:
    return SPECIAL.sub(lambda match: f"\\{match.group()}", text)


def _code(text: str) -> str:
    """A name of the package as a link, anything else as it is."""
    module, _, name = text.partition(".")
    if name.isidentifier() and module.isidentifier():
        try:
            found = hasattr(importlib.import_module(f"simgeo.{module}"), name)
        except ImportError:
            found = False
        if found:
            return rf"\ :py:obj:`{text} <simgeo.{text}>`\ "
    return rf"\ ``{text}``\ "


def comments(cls: type) -> dict[str, str]:
    """What stands beside the fields of a class, by their names."""
    pattern = r"^    (\w+): [^\n#]*#(?!:) ([^\n]*)$"
    try:
        return dict(re.findall(pattern, inspect.getsource(cls), re.MULTILINE))
    except OSError:
        return {}


def _values(constant: object) -> str:
    """The names that a constant holds, if it holds names."""
    names = (
        [each for each in constant if isinstance(each, str)] if _many(constant) else []
    )
    return ", ".join(f"``{name}``" for name in names)


def _many(constant: object) -> bool:
    return isinstance(constant, tuple | list | dict)


def process(app: Sphinx, what: str, name: str, obj, options, lines: list[str]) -> None:
    text = "\n".join(lines)
    if inspect.isclass(obj):
        shown = obj.__doc__ or ""
        if dataclasses.is_dataclass(obj) and shown.startswith(f"{obj.__name__}("):
            text = ""  # the one that dataclasses make up
        lines[:] = restructured(text)
        lines += [
            f":ivar {field}: {_inline(about)}" for field, about in comments(obj).items()
        ]
    elif what == "data":
        lines[:] = [_values(obj)]
    else:
        lines[:] = restructured(text)


def setup(app: Sphinx) -> dict:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
