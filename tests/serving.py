"""The explorer as its command serves it, for the tests that talk to it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


@contextmanager
def explorer(folder: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """The address with its token, once somebody answers there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code = "import sys; from simgeo_apps.explorer import server; "
    code += "sys.exit(server.explore(sys.argv[1:]))"
    line = [sys.executable, "-c", code, "--no-browser", "--no-ahead"]
    line += ["--port", str(port)]
    own = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        line,
        cwd=folder,
        env=os.environ | own | variables,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            said = next(each for each in server.stdout if "access_token=" in each)
            _wait_until_it_listens(port)  # it names its address before it does
            yield said[said.index("http") :].strip()
        finally:
            server.terminate()
            server.wait(timeout=60)


def _wait_until_it_listens(port: int, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
