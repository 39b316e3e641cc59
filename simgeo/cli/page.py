"""`simgeo page`: the page to hand out, as one HTML file."""

import os
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

from simgeo import experiment
from simgeo.cli import Parser, fail


def write(arguments: list[str]) -> int:
    """Exit code, after the page is written."""
    parser = Parser(
        prog="simgeo page",
        description="One HTML file that tells what was found, with things to drag. It "
        "runs the small experiments that it shows, for about a minute.",
        allow_abbrev=False,
    )
    parser.add_argument("out", metavar="OUT", help="such as page.html")
    begin = time.perf_counter()
    try:
        asked = Path(parser.parse_args(arguments).out)
        _require_writable(asked)
        html = _made()
    except ValueError as error:
        return fail(error, 2)
    except (MemoryError, ArithmeticError) as error:
        return fail(error or "out of memory", 1)
    try:
        part = asked.with_name(f".tmp-{os.getpid()}-{asked.name}")
        try:
            part.write_text(html, encoding="utf-8")
            part.replace(asked)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        return fail(error, 1)
    size = len(html.encode()) / 1e6
    seconds = time.perf_counter() - begin
    print(f"Wrote {asked}, {size:.1f} MB, after {seconds:.0f} s.")
    return 0


def _made() -> str:
    try:
        from simgeo import page
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("simgeo"):
            raise
        raise ValueError(
            f"`simgeo page` needs {error.name}, which is not installed. "
            "Install the extra: pip install 'simgeo[page]'."
        ) from error
    # Not one device per core: then the last digits would depend on their number.
    experiment.keep_programs()
    with tqdm(total=len(page.CELLS), unit="run", disable=None) as bar:

        def on_run(cell: page.Cell) -> None:
            bar.set_postfix_str(f"{cell.objective}, {cell.teacher}", refresh=False)
            bar.update(page.CELLS.index(cell) - bar.n)

        html = page.make(on_run)
        bar.update(bar.total - bar.n)
    return html


def _require_writable(path: Path) -> None:
    """Refuses before the runs what would fail after them."""
    if path.is_dir():
        raise ValueError(f"`OUT` must name a file; got the folder {path}.")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
        if path.exists():
            path.open("ab").close()
    except OSError as error:
        raise ValueError(
            f"`OUT` must be where a file can be written; got {path}: {error.strerror}."
        ) from error
