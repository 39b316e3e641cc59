"""What an installation takes: `python -m benchmarks.install [EXTRA ...] [--lowest]`.

Builds the wheel, and for the package alone, or each extra, makes an empty virtual
environment, installs into it, and runs the examples of `SMOKE` and `OF_EXTRAS` there.
`--lowest` installs the least version that pyproject.toml states of everything;
`--python` names another Python. Prints a row, and adds it to `install.csv` beside
itself, which docs/how_to/install.md shows. It needs a package registry, `build`,
`hatchling`, and a minute or two for each row.
"""

import argparse
import csv
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = Path(__file__).with_suffix(".csv")
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
_DATA = "from simgeo import datasets as d; d.Mnist().load(); d.News().load()"
_FACTORY = """\
from distributed import Client, LocalCluster

def local():
    return Client(LocalCluster(n_workers=1)).get_executor()
"""
OF_EXTRAS = {
    "completion": ["simgeo", "completion", "bash"],
    "explore": ["simgeo", "explore", "--help"],
    "page": ["simgeo", "page", "page.html"],
    "parquet": ["simgeo", "results", "store", "--to", "frame.parquet"],
    "real": ["python", "-c", _DATA],
    "sweep": "simgeo sweep grid.toml --store other --executor cluster:local".split(),
    "torch": ["python", "torch_loop.py"],
}


def lowest(extra: str) -> list[str]:
    """The least versions that are stated of the dependencies, as requirements."""
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text("utf-8"))[
        "project"
    ]
    stated = [
        *project["dependencies"],
        *project["optional-dependencies"].get(extra, ()),
    ]
    found = (re.match(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)", each) for each in stated)
    return [f"{each[1]}=={each[2]}" for each in found if each]


def installed(wheel: Path, extra: str, is_lowest: bool, python: str) -> dict:
    """Megabytes and seconds of one environment, and which examples failed there."""
    with tempfile.TemporaryDirectory() as name:
        work, programs = Path(name, "work"), Path(name, "venv", "bin")
        work.mkdir()
        work.joinpath("grid.toml").write_text(GRID)
        work.joinpath("cluster.py").write_text(_FACTORY)
        readme = ROOT.joinpath("README.md").read_text("utf-8")
        example = readme.split("```python\n")[1].split("```")[0]
        work.joinpath("quick_start.py").write_text(example)
        shutil.copy(ROOT / "docs" / "how_to" / "training" / "torch_loop.py", work)
        subprocess.run([python, "-m", "venv", programs.parent], check=True)
        what = f"{wheel}[{extra}]" if extra else str(wheel)
        pins = lowest(extra) if is_lowest else []
        # Isolated, so that no package of this process counts as there.
        pip = [programs / "python", "-I", "-m", "pip", "install", "--quiet"]
        start = time.perf_counter()
        subprocess.run([*pip, what, *pins], check=True)
        seconds = {"install": time.perf_counter() - start}
        size = sum(each.lstat().st_size for each in programs.parent.rglob("*"))
        failed = {}
        examples = SMOKE
        if extra:
            examples = {name: SMOKE[name] for name in ("import", "doctor", "sweep")}
            examples["extra"] = OF_EXTRAS.get(extra, SMOKE["run"])
        for title, (command, *words) in examples.items():
            start = time.perf_counter()
            done = subprocess.run(
                [programs / command, *words],
                cwd=work,
                env={"PATH": "/usr/bin:/bin", "HOME": name},
                capture_output=True,
                text=True,
            )
            seconds[title] = time.perf_counter() - start
            if done.returncode:
                failed[title] = (done.stderr or done.stdout).strip()[-600:]
        version = [
            programs / "python",
            "-c",
            "import sys; print(*sys.version_info[:2])",
        ]
        said = subprocess.run(version, capture_output=True, text=True).stdout.split()
        return {
            "Python": ".".join(said),
            "versions": "lowest" if is_lowest else "newest",
            "extra": extra or "none",
            "MB": round(size / 1e6),
            "seconds to install": round(seconds["install"]),
            "examples": len(examples),
            "failed": failed,
            "seconds": {name: round(each, 1) for name, each in seconds.items()},
        }


def keep(row: dict) -> None:
    """Writes the row into the file, in place of an older one of its kind."""
    kept = {name: value for name, value in row.items() if name != "seconds"}
    kept["failed"] = len(row["failed"])
    rows = [*csv.DictReader(FILE.open())] if FILE.exists() else []
    place = ("Python", "versions", "extra")
    rows = [one for one in rows if any(one[name] != kept[name] for name in place)]
    with FILE.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*kept], lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted([*rows, kept], key=lambda one: [one[n] for n in place]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.install")
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
            keep(row)


if __name__ == "__main__":
    main()
