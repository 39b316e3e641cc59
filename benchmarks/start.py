"""What is waited for before the first step: imports, the command, compilation."""

import os
import subprocess
import sys

import jax

from benchmarks.programs import OBJECTIVES, Engine
from benchmarks.rows import compared, interleaved, report


def main(rounds: int) -> None:
    jax.config.update("jax_enable_compilation_cache", False)
    # Byte code is kept, as it is where nobody forbids it.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    commands = {
        "simgeo --help": [sys.executable, "-m", "simgeo", "--help"],
        "import jax": [sys.executable, "-c", "import jax"],
    }
    calls = {
        name: lambda each=each: subprocess.run(
            each, check=True, stdout=subprocess.DEVNULL, env=environment
        )
        for name, each in commands.items()
    }
    for name, objective in OBJECTIVES.items():
        calls[f"compile {name}"] = Engine(objective, 64, 1).compile
    seconds = interleaved(calls, rounds)
    imported = ("import jax", seconds.pop("import jax"))
    for name, each in seconds.items():
        report(compared(name, (name, each), imported))


if __name__ == "__main__":
    main(int(sys.argv[1]))
