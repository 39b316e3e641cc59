"""The scripts of docs/how_to/training run, are short, and stand on a page."""

import functools
import importlib
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "how_to" / "training"
NEEDS = {
    "torch_loop": ["torch"],
    "torch_trainer": ["torch", "transformers", "accelerate"],
    "torch_sentences": ["torch", "sentence_transformers", "datasets", "accelerate"],
    "torch_lightning": ["torch", "lightning"],
    "torch_accumulation": ["torch"],
    "torch_distributed": ["torch"],
    "jax_equinox": [],
    "jax_flax": ["flax"],
    "jax_optax": [],
    "jax_data_parallel": [],
}
ENDS = """
import runpy, sys
losses = runpy.run_path(sys.argv[1])["losses"]
print(len(losses), losses[0], losses[-1])
"""


def test_every_script_is_tried_and_stands_on_a_page():
    assert {path.stem for path in FOLDER.glob("*.py")} == NEEDS.keys()
    pages = "".join(path.read_text("utf-8") for path in FOLDER.parent.glob("*.md"))
    for name in NEEDS:
        assert f"{{literalinclude}} training/{name}.py" in pages, name


@pytest.mark.parametrize("name", NEEDS)
def test_a_script_has_at_most_thirty_lines(name):
    text = FOLDER.joinpath(f"{name}.py").read_text("utf-8")
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 30


def fallen(number, first, last):
    """The first and the last loss of so many, which fell."""
    assert number >= 10
    assert last < 0.9 * first
    return first, last


@functools.cache
def here(name):
    """The first and last loss of a script of JAX, run in this process."""
    losses = runpy.run_path(str(FOLDER / f"{name}.py"))["losses"]
    return fallen(len(losses), losses[0], losses[-1])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a script in another process, the same but once."""

    @functools.cache
    def run(script, devices=1, processes=0):
        """Its first and last loss, as its first process prints them.

        `torchrun` starts as many processes as are named, and tells each of the others.
        """
        folder = tmp_path_factory.mktemp("run")
        flags = os.environ.get("XLA_FLAGS", "")
        own = {
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
            "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={devices}",
            "HF_HUB_OFFLINE": "1",
        }
        command = [sys.executable, "-c", ENDS, str(script)]
        if processes:
            torchrun = ["-m", "torch.distributed.run", "--standalone", "--no-python"]
            alone = ["--log-dir", str(folder), "--local-ranks-filter", "0"]
            number = ["--nproc-per-node", str(processes)]
            command = [sys.executable, *torchrun, *alone, *number, *command]
            own["OMP_NUM_THREADS"] = "1"
        found = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | own,
            capture_output=True,
            text=True,
        )
        assert found.returncode == 0, found.stderr
        return fallen(*map(float, found.stdout.split()[-3:]))

    return run


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDS)
def test_a_script_lowers_its_loss(name, run):
    for package in NEEDS[name]:
        pytest.importorskip(package)
    if "torch" in NEEDS[name]:
        processes = 1 if name == "torch_distributed" else 0
        run(FOLDER / f"{name}.py", processes=processes)
    else:
        here(name)


@pytest.mark.slow
def test_rows_on_four_devices_have_the_loss_of_all_rows(run):
    four = run(FOLDER / "jax_data_parallel.py", devices=4)
    assert four == pytest.approx(here("jax_data_parallel"), rel=1e-4)


@pytest.mark.slow
def test_rows_of_two_processes_have_the_loss_and_the_steps_of_all_rows(run):
    """Forty steps end where those of one process do: the gradients are the same."""
    pytest.importorskip("torch")
    script = FOLDER / "torch_distributed.py"
    one, two = (run(script, processes=number) for number in (1, 2))
    assert two == pytest.approx(one, rel=1e-4)


@pytest.mark.slow
def test_a_batch_in_parts_takes_the_steps_of_the_whole(run, tmp_path):
    pytest.importorskip("torch")
    script, whole = FOLDER / "torch_accumulation.py", tmp_path / "whole.py"
    text = script.read_text("utf-8")
    assert text.count("split(64") == 2
    whole.write_text(text.replace("split(64", "split(256"), "utf-8")
    expected = run(whole)
    assert run(script) == pytest.approx(expected, rel=1e-4)


def test_the_mean_of_parts_is_another_loss():
    """What the page says of accumulated gradients, and of several processes."""
    torch = pytest.importorskip("torch")
    losses = importlib.import_module("simgeo.torch")
    torch.manual_seed(0)
    student, teacher = torch.randn(24, 3), torch.randn(24, 4)
    for loss in (losses.cka, losses.procrustes):
        parts = zip(student.split(6), teacher.split(6), strict=True)
        mean = torch.stack([loss(*sides) for sides in parts]).mean()
        assert abs(loss(student, teacher) / mean - 1.0) > 0.1
