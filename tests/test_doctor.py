"""`simgeo doctor`: what it finds, and one line for what is wrong."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from simgeo import cli, engine
from simgeo.cli import doctor
from simgeo.engine import _kept

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
NEEDS = [
    "numpy>=2.1",
    "jax>=0.8",
    'altair>=6.3; extra == "page"',
    'vl-convert-python>=1.9; extra == "page"',
    'jax[cuda13]>=0.8; extra == "gpu"',
    'pytest>=9; extra == "dev"',
    'ruff>=0.15; extra == "dev"',
]
OF_JAX = ['jaxlib>=0.8; extra == "cuda13"', 'jax-cuda13-plugin; extra == "cuda13"']
HERE = {"simgeo": "0.1.0", "numpy": "2.4", "jax": "0.9", "jaxlib": "0.9"}


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine with some packages, and a folder for caches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    here = dict(HERE)

    def version(name):
        if name not in here:
            raise importlib.metadata.PackageNotFoundError(name)
        return here[name]

    monkeypatch.setattr("importlib.metadata.version", version)
    requires = {"simgeo": NEEDS, "jax": OF_JAX}
    monkeypatch.setattr("importlib.metadata.requires", requires.get)
    extras = {"get_all": lambda _, name: ["page", "gpu", "dev"]}
    about = type("About", (), extras)()
    monkeypatch.setattr("importlib.metadata.metadata", lambda name: about)
    return here


def asked(capsys) -> tuple[int, dict[str, str], list[str]]:
    """Exit code, what is said by its name, and the faults."""
    code = cli.main(["doctor", "--json"])
    rows = json.loads(capsys.readouterr().out)
    said = {row["name"]: row["value"] for row in rows if row["about"] != "fault"}
    faults = [row for row in rows if row["about"] == "fault"]
    return code, said, [f"{row['name']}: {row['value']}" for row in faults]


def test_a_machine_in_order(capsys, tmp_path):
    tmp_path.joinpath("simgeo", "jax").mkdir(parents=True)
    tmp_path.joinpath("simgeo", "jax", "program").write_bytes(bytes(3 * 2**20))
    code, said, faults = asked(capsys)
    assert (code, faults) == (0, [])
    assert (said["numpy"], said["jax"]) == ("2.4", "0.9")
    assert (said["page"], said["gpu"]) == ("not installed", "not installed")
    assert "dev" not in said
    assert said[str(tmp_path / "simgeo" / "jax")] == "3 MiB"
    assert said["cores"] == engine.num_workers()
    assert said[jax.default_backend()].endswith(jax.devices()[0].device_kind)
    assert cli.main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("\nNothing is wrong.\n")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"numpy": None},
            "numpy: numpy is not installed. Run pip install 'numpy>=2.1'",
        ),
        (
            {"numpy": "1.26"},
            "numpy: numpy must be >=2.1, and is 1.26. Run pip install ",
        ),
        ({"altair": "6.3"}, "extra page: vl-convert-python is not installed. In a che"),
        (
            {"altair": "5.0", "vl-convert-python": "1.9"},
            "extra page: altair must be >=6.3, and is 5.0. In a checkout: pip insta",
        ),
    ],
)
def test_what_is_wrong_with_packages_is_one_line(capsys, machine, changes, fault):
    machine.update(changes)
    for name in [name for name, version in changes.items() if version is None]:
        del machine[name]
    code, _, [only] = asked(capsys)
    assert code == 1
    assert only.startswith(fault)
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == only


def test_a_package_that_is_only_on_the_path_is_one_line(capsys, machine):
    del machine["simgeo"]
    code, said, [fault] = asked(capsys)
    assert code == 1
    assert "numpy" not in said
    assert fault.startswith("simgeo: It is on the path, and not installed. In the ch")


def test_an_extra_of_jax_is_there_with_all_its_parts(capsys, machine):
    machine["jax-cuda13-plugin"] = "0.9"
    assert asked(capsys)[1]["gpu"] == "jaxlib 0.9, jax-cuda13-plugin 0.9"


def test_devices_that_cannot_be_had_are_one_line(capsys, monkeypatch):
    def devices():
        raise RuntimeError("No driver was found.\nA trace of it.")

    monkeypatch.setattr(jax, "devices", devices)
    code, _, [fault] = asked(capsys)
    assert code == 1
    assert fault.startswith("jax: It finds no device: No driver was found. JAX_PLAT")


def test_a_cache_that_cannot_be_written_is_one_line(capsys, monkeypatch):
    def refused(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    code, _, [fault] = asked(capsys)
    assert code == 1
    assert "cannot be written: Permission denied. Set XDG_CACHE_HOME to" in fault


def test_the_folders_are_those_that_are_kept_in(monkeypatch):
    monkeypatch.setattr(_kept, "_FOLDER", [])
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")  # as in a command
    settings = "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs"
    before = {name: getattr(jax.config, name) for name in settings}
    try:
        engine.keep_programs()
        names = [row["name"] for row in doctor._caches()]
        assert jax.config.jax_compilation_cache_dir == names[0]
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def test_it_waits_for_nothing_but_jax():
    code = (
        "import sys; from simgeo.cli import doctor; doctor.show([]);"
        "sys.exit(bool({'equinox', 'pandas', 'xarray', 'scipy'} & {*sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert run.returncode == 0, run.stderr
