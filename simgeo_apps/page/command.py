"""`simgeo page`: the page to hand out, as one HTML file."""

import time
from pathlib import Path

from tqdm import tqdm

from simgeo.cli import Parser, fail
from simgeo.cli.files import replaced, require_file


def write(arguments: list[str]) -> int:
    """One HTML file to hand out, with things to drag.

    Args:
        arguments: the words after `simgeo page`.

    Returns:
        The exit code: 0, 1 where a run failed, 2 for bad input.
    """
    begin = time.perf_counter()
    try:
        asked = parse(arguments)
        html = _made()
    except ValueError as error:
        return fail(error, 2)
    except (MemoryError, ArithmeticError, RuntimeError) as error:  # of JAX too
        return fail(str(error).partition("\n")[0] or "out of memory", 1)
    try:
        with replaced(asked) as part:
            part.write_text(html, encoding="utf-8")
    except OSError as error:
        return fail(error, 1)
    size = len(html.encode()) / 1e6
    seconds = time.perf_counter() - begin
    print(f"Wrote {asked}, {size:.1f} MB, after {seconds:.0f} s.")
    return 0


def parse(arguments: list[str]) -> Path:
    """The file to write.

    Raises:
        ValueError: in one line, if it is not one that can be written.
    """
    parser = Parser(
        "page",
        "Writes one HTML file with things to drag. It runs the small experiments that "
        "it shows, for a minute or two.",
        usage="simgeo page OUT.html",
    )
    parser.add_argument("out", metavar="OUT.html", nargs="*", help="such as page.html")
    asked = parser.parse_args(arguments)
    if len(asked.out) != 1:
        raise ValueError(
            f"one file to write must be named, OUT.html; got "
            f"{', '.join(asked.out) or 'none'}."
        )
    path = Path(asked.out[0])
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"`OUT` must end in .html; got {path}.")
    require_file("OUT", path)
    return path


def _made() -> str:
    try:
        from simgeo_apps.page import document
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("simgeo"):
            raise
        raise ValueError(
            f"`simgeo page` needs {error.name}, which is not installed. "
            "In a checkout of simgeo: pip install '.[page]'."
        ) from error
    from simgeo import engine

    engine.keep_programs()
    with tqdm(total=len(document.CELLS), unit="run", disable=None) as bar:

        def on_run(cell: document.Cell) -> None:
            bar.set_postfix_str(f"{cell.objective}, {cell.teacher}", refresh=False)
            bar.update(document.CELLS.index(cell) - bar.n)

        html = document.make(on_run)
        bar.update(bar.total - bar.n)
    return html
