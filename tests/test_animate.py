"""Films of students: where the vectors are, what is written, what is refused."""

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from simgeo import cli, engine, plots
from simgeo.cli import animate

pytestmark = pytest.mark.once

SMALL = "--num-steps 6 --num-records 3"  # of sizes that share their programs


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder; the caches of the user are left alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine, "keep_programs", lambda: None)
    return tmp_path


def way(objective: str, width: int, teacher_dim: int, num_records: int = 4):
    """Arguments of `plots.vector_trajectories` that no run has made."""
    rng = np.random.default_rng(0)
    return (
        objective,
        np.arange(num_records),
        rng.standard_normal((num_records, 5, width)),
        rng.standard_normal((5, teacher_dim)),
        {
            "loss": np.linspace(1, 0, num_records),
            "matthews": np.array([np.nan, *np.linspace(0, 1, num_records - 1)]),
            "pairs_both": np.arange(num_records),
            "pairs_teacher": np.full(num_records, 7),
        },
    )


def places(frame: pd.DataFrame, axes: str) -> np.ndarray:
    return frame[list(axes)].to_numpy().reshape(-1, 5, len(axes))


@pytest.mark.parametrize("width", [2, 3])
def test_all_steps_are_turned_by_one_rotation(width):
    _, _, students, teacher, _ = arguments = way("CKA", width, 2)
    drawn = places(plots.vector_trajectories(*arguments), "xyz"[:width])
    flat = students.reshape(-1, width)
    turned = drawn.reshape(-1, width)
    np.testing.assert_allclose(turned @ turned.T, flat @ flat.T, atol=1e-9)
    # No further rotation brings the last student nearer to its teacher.
    padded = np.pad(teacher, ((0, 0), (0, width - 2)))
    cross = drawn[-1].T @ padded
    best = np.linalg.svd(cross, compute_uv=False).sum()
    assert np.trace(cross) == pytest.approx(best)


def test_a_teacher_of_more_dimensions_is_left_out():
    _, _, students, _, _ = arguments = way("CKA", 2, 3)
    frame = plots.vector_trajectories(*arguments)
    assert frame[["teacher_x", "teacher_y"]].isna().all(axis=None)
    np.testing.assert_array_equal(places(frame, "xy"), students)


def test_wide_students_cannot_be_drawn():
    with pytest.raises(ValueError, match="`students` must have 2 or 3 .* got 4"):
        plots.vector_trajectories(*way("CKA", 4, 4))


@pytest.mark.parametrize(("width", "teacher_dim"), [(2, 2), (2, 3), (3, 3)])
def test_a_film_is_the_same_when_made_again(folder, width, teacher_dim):
    frame = pd.concat(
        plots.vector_trajectories(*way(name, width, teacher_dim))
        for name in ("CKA", "mine")
    )
    for name in ("one.gif", "two.gif"):
        plots.save_movie(plots.animate(frame), name)
    one, two = (folder.joinpath(name).read_bytes() for name in ("one.gif", "two.gif"))
    assert one == two
    with Image.open("one.gif") as film:
        assert film.n_frames == 4  # the end stands still, which is one long frame
        film.seek(0)
        first = np.asarray(film.convert("RGB"))
        film.seek(3)
        assert np.any(np.asarray(film.convert("RGB")) != first)


def captions(film, record: int) -> list[str]:
    film._draw_was_started = True  # or it warns of never having been shown
    film._func(record)
    return [text.get_text() for text in film._fig.texts]


def test_captions_say_what_was_recorded():
    film = plots.animate(plots.vector_trajectories(*way("CKA", 2, 3)))
    told = "step 0, loss 1.000\n0 of 7 pairs preserved, agreement undefined"
    assert told in captions(film, 0)
    told = "step 3, loss 0.000\n3 of 7 pairs preserved, agreement 1.00"
    assert told in captions(film, 3)


def test_captions_say_what_became_of_right_angles():
    teacher = np.array([[1.0, 0, 0], [0, 2, 0], [0, 0.01, 1]])
    turned = np.array([[1.0, 0, 0], [0.5, 0.75**0.5, 0], [0.5, 0, 0.75**0.5]])
    students = np.stack([teacher, turned, np.zeros((3, 3))])
    records = {"loss": [1.0, 0, 0], "matthews": [1.0, 0, 0], "pairs_both": [3.0, 0, 0]}
    records = {name: np.array(values) for name, values in records.items()}
    records["pairs_teacher"] = np.full(3, 3.0)
    frame = plots.vector_trajectories("CKA", np.arange(3), students, teacher, records)
    film = plots.animate(frame)
    for record, angle in ((0, 90), (1, 60)):
        told = captions(film, record)
        assert sum(f"right angles: {angle}° here" in text for text in told) == 1
    assert not any("right angles" in text for text in captions(film, 2))


@pytest.mark.parametrize("teacher_dim", [2, 3])
@pytest.mark.parametrize("num_panels", [1, 2, 3])
def test_all_that_is_written_is_in_the_picture(num_panels, teacher_dim):
    film = plots.animate(
        pd.concat(
            plots.vector_trajectories(
                *way(f"Procrustes, centred, normalised{place}", 2, teacher_dim)
            )
            for place in range(num_panels)
        )
    )
    film._draw_frame(0)
    film._draw_was_started = True  # or it complains that nobody has looked
    figure = film._fig
    figure.draw_without_rendering()
    written = [text for text in figure.texts if text.get_text()]
    assert len(written) == 2 * num_panels + 1
    for text in written:
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1


def test_panels_need_equally_many_records():
    frame = pd.concat(
        plots.vector_trajectories(*way(name, 2, 2, number))
        for name, number in (("a", 3), ("b", 4))
    )
    with pytest.raises(ValueError, match=r"as many records .* got \[3, 4\]"):
        plots.animate(frame)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_an_mp4_is_the_same_when_made_again(folder):
    frame = plots.vector_trajectories(*way("CKA", 2, 2))
    for name in ("one.mp4", "two.mp4"):
        plots.save_movie(plots.animate(frame), name)
    one, two = (folder.joinpath(name).read_bytes() for name in ("one.mp4", "two.mp4"))
    assert one == two
    assert one[4:8] == b"ftyp"


def test_without_ffmpeg_an_mp4_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert cli.main(["animate", "out.mp4"]) == 2
    assert capsys.readouterr().err == (
        "simgeo: `OUT` can end in .mp4 where ffmpeg is installed, and it is not; got "
        "out.mp4. Write .gif.\n"
    )


@pytest.mark.slow
def test_the_command_films_what_it_is_asked_for(folder, capsys):
    line = f"animate out.gif objective:cka objective:procrustes {SMALL}"
    assert cli.main(line.split()) == 0
    assert capsys.readouterr().out.startswith("Wrote out.gif, 2 panels, ")
    with Image.open("out.gif") as film:
        assert film.n_frames == 3


@pytest.mark.slow
def test_the_example_shows_what_centring_loses():
    cells = animate.parse(["out.gif"]).cells
    chosen = [cell for cell in cells if cell.objective.label.startswith("CKA")]
    film = animate.film(chosen)
    ends = film[film["step"] == 400].groupby("objective")["matthews"].max()
    assert ends["CKA, uncentred"] == pytest.approx(1)
    assert not ends["CKA"] > 0.5  # undefined: no pair of the student is left


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted; nothing is written."),
        (OSError(28, "No space left on device"), 1, ".*No space left on device"),
        (
            subprocess.CalledProcessError(1, "ffmpeg", "", "a\nno such encoder\n"),
            1,
            "ffmpeg could not write out.gif: no such encoder.",
        ),
    ],
)
def test_what_was_there_stays_when_a_film_fails(
    folder, monkeypatch, capsys, error, code, message
):
    def save_movie(animation, path, rate):
        path.write_text("half")
        raise error

    monkeypatch.setattr(animate, "film", lambda cells: None)
    monkeypatch.setattr(plots, "animate", lambda frame: None)
    monkeypatch.setattr(plots, "save_movie", save_movie)
    folder.joinpath("out.gif").write_text("old")
    assert cli.main(["animate", "out.gif"]) == code
    assert re.fullmatch(f"simgeo: {message}\n", capsys.readouterr().err)
    assert [each.name for each in folder.iterdir()] == ["out.gif"]
    assert folder.joinpath("out.gif").read_text() == "old"


def test_every_named_objective_is_a_panel():
    line = "out.gif objective:cka objective:procrustes --objective.centred"
    cells = animate.parse(line.split()).cells
    assert [cell.objective.label for cell in cells] == ["CKA", "Procrustes, centred"]
    assert {cell.num_seeds for cell in cells} == {1}


def test_files_are_panels(folder):
    for name, objective in (("one", "cka"), ("two", "cka")):
        folder.joinpath(f"{name}.toml").write_text(
            f'objective = "{objective}"\nteacher = "gaussian"\nnum_vectors = 6\n'
            "teacher_dim = 4\nstudent_dim = 2\nnum_steps = 4\nnum_records = 2\n"
        )
    cells = animate.parse(["one.toml", "out.gif", "two.toml"]).cells
    assert animate._names(cells) == ["CKA (1)", "CKA (2)"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "one file to write must be named, OUT.gif or OUT.mp4; got none."),
        ("a.gif b.gif", "one file to write must be named, .* got a.gif, b.gif."),
        ("a.png", "`OUT` must end in .gif or .mp4; got a.png."),
        ("nowhere/a.gif", "`OUT` must be where files can be written; .*"),
        ("a.gif --student-dim 4", "`student_dim` must be 2 or 3 to be drawn; got 4."),
        ("folder.gif", "`OUT` must name a file; got the folder folder.gif."),
        ("a.gif --frames-per-second 0", "`--frames-per-second` must be .*; got 0."),
        ("a.gif --frames-per-second x", "`--frames-per-second` must be .*; got x."),
        ("a.gif --frames-per-seconds 9", ".* is no flag. Did you mean .*"),
        ("a.gif --num-steps x", "`num_steps` must be a whole number; got 'x'."),
        ("a.gif objective:ckaa", "`objective` must name a known kind; .*"),
        ("a.gif student:free-rows student:unit-rows", "a kind can be chosen once; .*"),
        ("a.gif no.toml", "`path` must be a file that can be read; .*"),
    ],
)
def test_a_mistake_is_one_line(folder, capsys, line, message):
    folder.joinpath("folder.gif").mkdir()
    assert cli.main(["animate", *line.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    [told] = err.splitlines()
    assert re.fullmatch(f"simgeo: {message}", told)
