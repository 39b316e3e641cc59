"""The scripts of docs/how_to/training run, are short, and stand on a page."""

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


def run(name, folder, devices=1):
    flags = os.environ.get("XLA_FLAGS", "")
    own = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={devices}",
        "HF_HUB_OFFLINE": "1",
    }
    found = subprocess.run(
        [sys.executable, "-c", FALLS, str(FOLDER / f"{name}.py")],
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
    run(name, tmp_path)


@pytest.mark.slow
def test_rows_on_four_devices_have_the_loss_of_all_rows(tmp_path):
    one, four = (run("jax_data_parallel", tmp_path, devices) for devices in (1, 4))
    assert four == pytest.approx(one, rel=1e-4)
