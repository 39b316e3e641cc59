"""What an installation takes: `python -m benchmarks.install [EXTRA ...] [--lowest]`.

Builds the wheel, and for the package alone and with each extra makes an empty virtual
environment, installs into it, runs the examples of `SMOKE` there, and prints seconds
and installed megabytes. `--lowest` installs the least version that pyproject.toml
states of everything, as pip resolves the rest. It needs a package registry, `build`,
and minutes.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SMALL = "--num-vectors 16 --teacher-dim 8 --student-dim 4 --num-steps 20 --num-seeds 2"
GRID = """\
teacher = "gaussian"
num_vectors = 16
teacher_dim = 8
num_steps = 20
num_seeds = 2
[sweep]
student_dim = [2, 4]
"""
SMOKE = {  # by what they are called; each is run in an empty folder with grid.toml
    "import": ["python", "-c", "import simgeo; print(simgeo.__version__)"],
    "doctor": ["simgeo", "doctor", "--json"],
    "list": ["simgeo", "list"],
    "run": ["simgeo", "run", "teacher:gaussian", *SMALL.split()],
    "sweep": ["simgeo", "sweep", "grid.toml", "--store", "store"],
    "plot": "simgeo plot store --x student_dim --y matthews".split(),
    "results": ["simgeo", "results", "store", "--json"],
    "quick start": ["python", "quick_start.py"],
}


def lowest(extras: Sequence[str]) -> list[str]:
    """The least versions that are stated of the dependencies, as constraints."""
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]
    stated = [*project["dependencies"]]
    for extra in extras:
        stated += project["optional-dependencies"][extra]
    pattern = re.compile(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)")
    return ["{}=={}".format(*pattern.match(each).groups()) for each in stated
            if pattern.match(each)]  # fmt: skip


def installed(wheel: Path, extra: str, is_lowest: bool, python: str) -> dict:
    """Seconds and megabytes of one environment, and which examples failed there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv, work = folder / "venv", folder / "work"
        subprocess.run([python, "-m", "venv", venv], check=True)
        work.mkdir()
        work.joinpath("grid.toml").write_text(GRID)
        readme = ROOT.joinpath("README.md").read_text("utf-8")
        example = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
        work.joinpath("quick_start.py").write_text(example[1] if example else "")
        what = f"{wheel}[{extra}]" if extra else str(wheel)
        pins = lowest([extra] if extra else []) if is_lowest else []
        pip = [
            venv / "bin" / "python",
            "-I",
            "-m",
            "pip",
            "--disable-pip-version-check",
        ]
        start = time.perf_counter()
        subprocess.run([*pip, "install", "--quiet", what, *pins], check=True)
        seconds = {"install": time.perf_counter() - start}
        size = sum(each.lstat().st_size for each in venv.rglob("*"))
        failed = {}
        for name, (command, *words) in SMOKE.items():
            start = time.perf_counter()
            done = subprocess.run(
                [venv / "bin" / command, *words],
                cwd=work,
                env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
                capture_output=True,
                text=True,
            )
            seconds[name] = time.perf_counter() - start
            if done.returncode:
                failed[name] = (done.stderr or done.stdout).strip()[-300:]
        rounded = {name: round(each, 1) for name, each in seconds.items()}
        return {"extra": extra, "MB": round(size / 1e6), **rounded, "failed": failed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extras", nargs="*", default=[""])
    parser.add_argument("--lowest", action="store_true")
    parser.add_argument("--python", default=sys.executable)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "build", "--no-isolation", "--wheel"]
        subprocess.run(
            [*build, "--outdir", folder], cwd=ROOT, check=True, stdout=sys.stderr
        )
        [wheel] = Path(folder).glob("*.whl")
        for extra in asked.extras:
            row = installed(wheel, extra, asked.lowest, asked.python)
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
