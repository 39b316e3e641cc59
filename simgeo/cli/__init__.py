"""The command `simgeo`. JAX is imported only by the commands that need it."""

import argparse
import contextlib
import difflib
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from simgeo.cli.interrupts import Termination

# Of every command its module and function here, and one line about it.
COMMANDS = {
    "run": (
        "run_cell:run",
        "run one experiment, from flags or a TOML file, and draw it",
    ),
    "distil": (
        "run_cell:distil",
        "distil a network into smaller ones, from flags or a TOML file",
    ),
    "animate": (
        "animate:run",
        "students finding their places under several objectives, as a film",
    ),
    "sweep": ("run_sweep:run", "run every cell of a grid that is not in the store yet"),
    "status": (
        "show_status:show",
        "what of the sweeps in a store is done, failed and left",
    ),
    "results": ("show_store:show", "the cells of a store as a table"),
    "plot": ("show_store:plot", "a measure over a setting of the cells of a store"),
    "convert": ("convert_store:convert", "a store of an older simgeo in today's form"),
    "compare": (
        "compare:run",
        "how alike two files of vectors are, and what chance gives",
    ),
    "limits": (
        "limits_table:show",
        "what n vectors in d dimensions can do at epsilon, and chance",
    ),
    "list": (
        "listing:show",
        "the teachers, objectives, measures and the rest, with settings",
    ),
    "schema": ("file_schemas:show", "what TOML files may say, as a schema for editors"),
    "doctor": ("doctor:show", "versions, devices and caches here, and what is wrong"),
    "completion": ("completion:show", "a script by which a shell completes words"),
}
GROUP = "simgeo.commands"  # entry points of other packages: name = "module:function"
OPTIONS = ("--help", "--version", "--import")
# Metavars of what names a folder or a file.
FOLDERS, FILES = {"DIR", "STORE"}, {"FILE", "PATH", "GRID.toml", "OUT.html", "A", "B"}


class Parser(argparse.ArgumentParser):
    """Refuses bad input with ValueError, where argparse prints its usage and exits.

    What is no flag is refused first, with the nearest one: otherwise the flag that was
    meant would be reported as missing. `command` is what follows `simgeo`, and
    `options` what else argparse takes.
    """

    def __init__(self, command: str, description: str, **options: Any) -> None:
        prog = f"simgeo {command}".strip()
        super().__init__(
            prog=prog, description=description, allow_abbrev=False, **options
        )

    def add_argument(self, *names: str, **options: Any) -> Any:
        if options.get("metavar") in FOLDERS | FILES:
            options.setdefault("type", _not_empty)  # for Path("") is this folder
        return super().add_argument(*names, **options)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.refuse_unknown(args or ())
        return super().parse_args(args, namespace)

    def parse_intermixed_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.refuse_unknown(args or ())
        return super().parse_intermixed_args(args, namespace)

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """ValueError for the first word that is like a flag and is none."""
        flags = [*self._option_string_actions]
        for given in words:
            if given == "--":
                break
            name = given.partition("=")[0]
            if name == "--import":
                raise ValueError(
                    f"`--import` must stand before the command; got it after "
                    f"`{self.prog}`."
                )
            if given.startswith("--") and name not in flags:
                near = nearest(name.replace("_", "-"), flags)
                meant = f" Did you mean {near[0]!r}?" if near else ""
                raise ValueError(
                    f"{name!r} is no flag.{meant} See `{self.prog} --help`."
                )

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}. See `{self.prog} --help`.")


def _not_empty(name: str) -> str:
    if not name:
        raise argparse.ArgumentTypeError("must name a file or folder; got ''")
    return name


def in_flags(refusal: object, flags: Mapping[str, str]) -> str:
    """A refusal that names arguments of Python, with the flags that stand for them."""
    said = str(refusal)
    for name, flag in flags.items():
        said = said.replace(f"`{name}`", f"`{flag}`")
    return said


def nearest(name: str, flags: list[str]) -> list[str]:
    """Flags that a name may stand for: those it begins, or the one most alike."""
    begun = [each for each in flags if len(name) > 3 and each.startswith(name)]
    return begun or difflib.get_close_matches(name, flags, 1)


def main(arguments: list[str] | None = None) -> int:
    """The command line: runs what the arguments say.

    Args:
        arguments: the words after `simgeo`; by default, those of this process.

    Returns:
        The exit code: 0, 1 for a failed run, 2 for bad input, 130 when interrupted by
        Ctrl-C and 143 when by SIGTERM.
    """
    if arguments is not None:
        return _interruptible(arguments)
    try:
        code = _interruptible(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output, `head` for one, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    if code in (130, 143):
        # Where a compilation was cut short, JAX can crash at the interpreter's end.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def fail(reason: object, code: int) -> int:
    """Prints the reason as one line on stderr; the exit code."""
    if isinstance(reason, OSError) and reason.strerror:  # without the error's number
        place = f"{reason.filename}: " if reason.filename else ""
        reason = f"{place}{reason.strerror}"
    print("simgeo:", " ".join(str(reason).split()), file=sys.stderr)
    return code


def failed(error: BaseException, advice: str) -> int:
    """The exit code of a run that the machine could not do, after one line about it."""
    reason, _, _ = str(error).partition("\n")
    return fail(f"{reason or 'out of memory'}. {advice}", 1)


@contextlib.contextmanager
def warnings_told() -> Iterator[None]:
    """Within it, warnings are lines on stderr."""

    def show(message: Any, *_: Any, **__: Any) -> None:
        fail(message, 0)

    with warnings.catch_warnings():
        warnings.showwarning = show
        warnings.simplefilter("always", UserWarning)
        yield


def _interruptible(given: list[str]) -> int:
    with Termination() as termination:
        try:
            code = _main(given, termination) or 0
        except ValueError as error:
            code = fail(error, 2)
        except BrokenPipeError:
            raise
        except OSError as error:
            code = fail(error, 1)
        except KeyboardInterrupt:
            code = fail("interrupted.", 130)
        except Exception:
            if not termination.received:
                raise
            code = fail("interrupted.", 130)  # and another error has come of it
        return termination.code(code)


def _main(given: list[str], termination: Termination) -> int | None:
    # Before JAX is imported: jaxlib 0.10.1 tells of every kept program that it was
    # compiled for a machine with two traits that no machine has.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with termination.held():
        given = _without_imports(given)
    if not given:
        _parser().print_help(sys.stderr)
        return 2
    name, *rest = given
    if name in ("-h", *OPTIONS):
        _parser().parse_args([name])
    with termination.held():
        function = function_of(name)
    return function(rest)


def function_of(command: str) -> Callable[[list[str]], int | None]:
    """What runs a command; ValueError if there is none of that name."""
    if command in COMMANDS:
        module, _, function = COMMANDS[command][0].partition(":")
        return getattr(importlib.import_module(f"simgeo.cli.{module}"), function)
    others = {each.name: each for each in _others()}
    if command in others:
        try:
            return others[command].load()
        except (ImportError, AttributeError) as error:
            raise ValueError(
                f"`simgeo {command}` must be a command that can be imported; got "
                f"{others[command].value}: {error}."
            ) from error
    from simgeo.settings import suggest

    valid = OPTIONS if command.startswith("-") else (*COMMANDS, *others)
    raise ValueError(f"{command!r} is no command.{suggest(command, list(valid))}")


def _others() -> list[Any]:
    """Entry points of other packages; not looked for unless a name is none of ours."""
    import importlib.metadata

    return [*importlib.metadata.entry_points(group=GROUP)]


def abouts() -> dict[str, str]:
    """One line about every command; of other packages', the first of its docstring."""
    lines = {name: about for name, (_, about) in COMMANDS.items()}
    for entry in _others():
        try:
            said = (entry.load().__doc__ or "").strip().partition("\n")[0]
        except Exception:  # it is told when the command is asked for
            said = ""
        package = entry.dist.name if entry.dist else entry.value
        line = f"{said[:1].lower()}{said[1:].rstrip('.')}"
        lines.setdefault(entry.name, line or f"a command of {package}")
    return lines


def _parser() -> Parser:
    import importlib.metadata

    told = abouts()
    width = max(map(len, told))
    listing = "\n".join(f"  {name:{width}s}  {text}" for name, text in told.items())
    parser = Parser(
        "",
        "Synthetic experiments on representation geometry.",
        usage="simgeo [--import MODULE] COMMAND [ARGUMENTS]",
        epilog=f"commands:\n{listing}\n\n`simgeo COMMAND --help` says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"simgeo {importlib.metadata.version('simgeo')}"
    parser.add_argument("--version", action="version", version=version)
    parser.add_argument(
        "--import",
        metavar="MODULE",
        help="of your own kinds and measures; several with commas, or repeated",
    )
    return parser


def _without_imports(given: list[str]) -> list[str]:
    """What follows each `--import MODULE`, whose classes are kinds from then on."""
    while given and given[0].partition("=")[0] == "--import":
        first, *given = given
        names = first.partition("=")[2] or (given.pop(0) if given else "")
        sys.path.insert(0, "")  # one that lies in this folder
        for name in names.split(","):
            _import(name.strip())
    return given


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except (ImportError, TypeError, ValueError) as error:
        raise ValueError(
            f"`--import` must name a module that can be imported; got {name!r}: "
            f"{error}."
        ) from error
