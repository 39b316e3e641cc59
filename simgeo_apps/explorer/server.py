"""`simgeo explore`: serves the live explorer on this machine."""

import importlib.util
import ipaddress
import os
import socket
import sys
from pathlib import Path

from simgeo.cli import Parser, fail

EXAMPLES = """\
The page answers this machine only, at the address that is printed, which holds a token:
others who use the machine could open the page without it. A port of a cluster's node is
best reached by `ssh -L`. Ctrl-C ends it."""
FIRST_PORT = 2718


def explore(arguments: list[str]) -> int:
    """A page on this machine that runs while its controls are moved.

    Args:
        arguments: the words after `simgeo explore`.

    Returns:
        The exit code, 2 for bad input; does not return once the page is served.
    """
    try:
        command = parse(arguments)
    except ValueError as error:
        return fail(error, 2)
    if importlib.util.find_spec("marimo") is None:
        return fail(
            "`simgeo explore` needs marimo. In a checkout of simgeo: pip install "
            "'.[explore]'.",
            2,
        )
    packages = Path(__file__).parents[2]
    paths = [str(packages), *filter(None, [os.environ.get("PYTHONPATH")])]
    changed = {
        # Without it XLA says at every program it keeps what this CPU lacks.
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
        "PYTHONPATH": os.pathsep.join(paths),  # the page is to run these very packages
        "MARIMO_SKIP_UPDATE_CHECK": "1",  # nothing is asked of a network
    }
    sys.stdout.flush()
    # Instead of this process, so that signals and the terminal are marimo's.
    os.execve(sys.executable, command, os.environ | changed)


def parse(arguments: list[str]) -> list[str]:
    """The command that serves the page.

    Raises:
        ValueError: in one line, if an option is wrong or not safe.
    """
    parser = Parser(
        "explore",
        "Serve a page that runs experiments while controls are moved.",
        epilog=EXAMPLES,
    )
    add = parser.add_argument
    add("--host", metavar="ADDRESS", default="127.0.0.1", help="default: 127.0.0.1")
    add("--port", metavar="N", help=f"default: the first free one from {FIRST_PORT}")
    add(
        "--allow-remote",
        action="store_true",
        help="let --host be an address that other machines can reach",
    )
    add("--no-token", action="store_true", help="let everyone on this machine open it")
    add("--no-browser", action="store_true", help="open no browser")
    add("--no-ahead", action="store_true", help="compile no program ahead of its use")
    asked = parser.parse_args(arguments)
    local = _is_loopback(asked.host)
    if not local and not asked.allow_remote:
        raise ValueError(
            f"`--host` must be an address of this machine alone, such as 127.0.0.1; "
            f"got {asked.host}. Add --allow-remote to let other machines in."
        )
    if not local and asked.no_token:
        raise ValueError(
            f"`--no-token` must not be given where other machines can come in; got "
            f"--host {asked.host}. Leave it out."
        )
    port = _port(asked.host, asked.port)
    page = Path(__file__).with_name("app.py")
    return [
        *(sys.executable, "-m", "marimo", "run", str(page)),
        *("--host", asked.host, "--port", str(port)),
        "--no-token" if asked.no_token else "--token",
        *(["--headless"] if asked.no_browser else []),
        *(["--", "--no-ahead"] if asked.no_ahead else []),  # for the page
    ]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _port(host: str, given: str | None) -> int:
    """The port asked for, or the first free one."""
    fault = _fault(host, 0)
    if fault is not None:
        raise ValueError(
            f"`--host` must be an address of this machine; got {host}: {fault}."
        )
    if given is None:
        for port in range(FIRST_PORT, FIRST_PORT + 100):
            if _fault(host, port) is None:
                return port
        raise ValueError(
            f"`--port` must be given: none from {FIRST_PORT} to {FIRST_PORT + 99} can "
            f"be used at {host}: {_fault(host, FIRST_PORT)}."
        )
    if not (given.isdecimal() and given.isascii() and 1 <= int(given) <= 65535):
        raise ValueError(
            f"`--port` must be a whole number from 1 to 65535; got {given}."
        )
    fault = _fault(host, int(given))
    if fault is not None:
        raise ValueError(f"`--port` must be free at {host}; got {given}: {fault}.")
    return int(given)


def _fault(host: str, port: int) -> str | None:
    """Why nobody can listen there, if so."""
    try:
        [family, kind, *_, address] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        return error.strerror
    return None
