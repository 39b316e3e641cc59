"""What a grid is made of, where its base is impossible, and how large it may be."""

import time

import numpy as np
import pytest

from simgeo import sweep, teachers
from simgeo.problems import Experiment

pytestmark = pytest.mark.once

FEW = "num_vectors = 64\nteacher_dim = 4\n"  # in which a fraction of 0.95 is impossible


@pytest.fixture
def load(tmp_path):
    """The cells of a TOML text."""

    def load(text: str, encoding: str = "utf-8") -> list[Experiment]:
        path = tmp_path / "grid.toml"
        path.write_text(text, encoding=encoding)
        return sweep.load(path)

    return load


def test_only_the_cells_themselves_must_be_possible(load):
    cells = load(f"{FEW}[sweep]\nteacher.fraction = [0.1, 0.2]")
    assert [cell.teacher.fraction for cell in cells] == [0.1, 0.2]
    cells = load(f'{FEW}[sweep]\nteacher = ["gaussian", "low-coherence"]')
    kinds = [type(cell.teacher) for cell in cells]
    assert kinds == [teachers.Gaussian, teachers.LowCoherence]
    cells = load(f"{FEW}[sweep]\nteacher_dim = [64, 128]")
    assert [cell.teacher_dim for cell in cells] == [64, 128]
    message = r"^`teacher\.fraction` must not exceed .* or raise `teacher\.epsilon` or"
    with pytest.raises(ValueError, match=message):
        load(f"{FEW}[sweep]\nteacher.fraction = [0.1, 0.9]")


def test_a_setting_without_default_can_come_from_the_grid(load, tmp_path):
    paths = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for path in paths:
        np.save(path, np.eye(8))
    names = [str(path) for path in paths]
    sizes = "num_vectors = 8\nteacher_dim = 8"
    cells = load(f'{sizes}\nteacher = "from-file"\n[sweep]\nteacher.path = {names}')
    assert [cell.teacher.path for cell in cells] == names
    base = Experiment(teacher=teachers.Gaussian(), num_vectors=8, teacher_dim=8)
    cells = sweep.grid(base, teacher=["file"], teacher__path=paths)
    assert [cell.teacher.path for cell in cells] == names


def test_kinds_are_shortened_and_a_byte_order_mark_is_read(load):
    cells = load('[sweep]\nobjective = ["gram", "pattern"]', "utf-8-sig")
    assert [cell.objective.label for cell in cells] == ["Gram", "Pattern hinge"]
    with pytest.raises(ValueError, match=r"^`teacher\.kind` must name one kind; got"):
        load('[sweep]\nteacher = ["orthogonal"]')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "epsilon = { range = [0.1, 0.2], num = 100000000 }",
            "`epsilon` cannot be a range: `num` must be from 1 to 1,000,000; got 1000",
        ),
        ("epsilon = { log = [0.1, 0.2], num = 0 }", "must be from 1 to 1,000,000; got"),
        (
            "epsilon = { range = [0.1, 0.2], num = 10000 }\n"
            "first_seed = { range = [1, 10000], num = 10000 }",
            "`sweep` must have at most 10,000,000 cells; got 100,000,000.",
        ),
    ],
)
def test_grids_that_would_never_end_are_refused_at_once(load, text, message):
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=message) as caught:
        load(f"[sweep]\n{text}")
    assert time.perf_counter() - begin < 5
    assert "\n" not in str(caught.value)


def test_a_setting_of_something_else_is_named(load):
    message = r"^`fraction` is no setting of Experiment\. Did you mean `teacher.fract"
    with pytest.raises(ValueError, match=message):
        load("[sweep]\nfraction = [0.1]")
