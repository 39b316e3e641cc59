"""The scripts of docs/how_to/training run, are short, and stand on a page."""

import importlib
import os
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
FALLS = """
import runpy, sys
losses = runpy.run_path(sys.argv[1])["losses"]
assert len(losses) >= 10, losses
assert losses[-1] < 0.9 * losses[0], losses
print(losses[0], losses[-1])
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


def run(script, folder, devices=1, processes=0):
    """Its first and last loss, as its first process prints them.

    `torchrun` starts as many processes as are named, and tells each of the others.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    own = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={devices}",
        "HF_HUB_OFFLINE": "1",
    }
    command = [sys.executable, "-c", FALLS, str(script)]
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
    return [float(number) for number in found.stdout.split()[-2:]]


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDS)
def test_a_script_lowers_its_loss(name, tmp_path):
    for package in NEEDS[name]:
        pytest.importorskip(package)
    processes = 1 if name == "torch_distributed" else 0
    run(FOLDER / f"{name}.py", tmp_path, processes=processes)


@pytest.mark.slow
def test_rows_on_four_devices_have_the_loss_of_all_rows(tmp_path):
    script = FOLDER / "jax_data_parallel.py"
    one, four = (run(script, tmp_path, devices) for devices in (1, 4))
    assert four == pytest.approx(one, rel=1e-4)


@pytest.mark.slow
def test_rows_of_two_processes_have_the_loss_and_the_steps_of_all_rows(tmp_path):
    """Forty steps end where those of one process do: the gradients are the same."""
    pytest.importorskip("torch")
    script = FOLDER / "torch_distributed.py"
    one, two = (run(script, tmp_path, processes=number) for number in (1, 2))
    assert two == pytest.approx(one, rel=1e-4)


@pytest.mark.slow
def test_a_batch_in_parts_takes_the_steps_of_the_whole(tmp_path):
    pytest.importorskip("torch")
    script, whole = FOLDER / "torch_accumulation.py", tmp_path / "whole.py"
    text = script.read_text("utf-8")
    assert text.count("split(64") == 2
    whole.write_text(text.replace("split(64", "split(256"), "utf-8")
    expected = run(whole, tmp_path)
    assert run(script, tmp_path) == pytest.approx(expected, rel=1e-4)


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
