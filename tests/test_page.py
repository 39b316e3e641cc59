"""The page: small, whole in itself, and every number on it the package's own."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pages
import pytest
from matplotlib.colors import to_rgb

from experiments import same_loss
from simgeo import engine, limits, plots, theory
from simgeo_apps.page import (
    arrows,
    charts,
    command,
    counts,
    document,
    guess,
    marks,
    rounding,
    training,
    zero_loss,
)

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def done():
    """Two of the runs of the grid, of two teachers."""
    return pages.runs()[1][:2]


@pytest.fixture(scope="module")
def shown():
    return pages.shown()


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    return pages.file(tmp_path_factory).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def built():
    return zero_loss.students()


def test_every_cell_of_the_page_is_of_the_same_grid():
    names = {cell.key for cell in training.CELLS}
    assert len(names) == len(training.CELLS) == 4 * 7 * 2
    assert len({tuple(cell.experiment.record_steps) for cell in training.CELLS}) == 1
    assert all(cell.experiment.epsilon == rounding.EPSILON for cell in training.CELLS)
    assert all(cell.experiment.num_vectors == 24 for cell in training.CELLS)


def test_the_page_begins_with_the_teachers_of_figure_1():
    for name, teacher in same_loss.TEACHERS.items():
        assert training.TEACHERS[name] == teacher
    assert set(training.TEACHERS) - set(same_loss.TEACHERS) == {training.RANDOM}
    assert training.NUM_VECTORS == training.TEACHER_DIM == same_loss.DIM


def test_a_name_says_whether_an_objective_centres():
    for name, objective in training.OBJECTIVES.items():
        assert (name in training.CENTRED) == ("translation" in objective.invariant_to)
    labels = {name: objective.label for name, objective in training.OBJECTIVES.items()}
    assert labels[training.A] == "CKA"
    assert labels[training.B] == "CKA, uncentred"
    assert sorted(marks.IN_ORDER) == sorted(training.OBJECTIVES)


def test_one_colour_has_one_meaning():
    hues = {marks.COLOURS[name] for name in marks.LABELS}
    assert len(hues) == 4  # of families
    drawn = {hue for pair in marks.HUES.values() for hue in pair}
    assert not drawn & set(marks.FATES.values())
    assert len(set(marks.FATES.values())) == 4
    for fate in ("preserved", "lost", "gained"):
        assert marks.FATES[fate] == plots.FATES[fate]


def contrast(one: str, other: str) -> float:
    """Of two colours, as the Web Content Accessibility Guidelines define it."""
    light = []
    for colour in (one, other):
        values = np.array(to_rgb(colour))
        linear = np.where(
            values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4
        )
        light.append(0.05 + linear @ (0.2126, 0.7152, 0.0722))
    return max(light) / min(light)


def test_colours_are_seen_on_the_dark_page_and_fates_on_both():
    template = Path(document.__file__).with_name("page.html").read_text()
    paper, dark = re.findall(r"--paper: (#\w+)", template)
    for _, hue in marks.HUES.values():
        assert contrast(hue, dark) >= 4.5
    for fate in ("preserved", "lost"):
        assert min(contrast(marks.FATES[fate], each) for each in (paper, dark)) >= 3


def test_counts_are_the_limits(shown):
    rows = shown["data"]["counts"]
    assert len(rows) == len(counts.DIMS) * len(counts.EPSILONS)
    for row in rows:
        d, epsilon = row["d"], row["epsilon"]
        assert row["random"] == limits.random_fraction(epsilon, d)
        assert row["most"] == limits.max_orthogonal_vectors(epsilon, d)[0]
        assert row["known"] == limits.known_orthogonal_vectors(epsilon, d)[0]
        assert row["known"] <= row["most"]
        assert row["pairs"] == limits.max_orthogonal_fraction(epsilon, 24, d)
        assert counts.DIMS[row["place_d"]] == d
        assert counts.EPSILONS[row["place_epsilon"]] == epsilon


@pytest.mark.parametrize("epsilon", counts.EPSILONS)
def test_the_bars_within_epsilon_are_the_chance_level(shown, epsilon):
    for row in shown["data"]["histogram"]:
        share = np.asarray(row["share"])
        middle = np.linspace(-1 + counts.BIN / 2, 1 - counts.BIN / 2, len(share))
        level = limits.random_fraction(epsilon, counts.DIMS[row["place_d"]])
        within = share[np.abs(middle) < epsilon].sum()
        # Shares are rounded to seven digits.
        assert within == pytest.approx(level, abs=1e-5)
        assert share.sum() == pytest.approx(1, abs=1e-5)


def test_what_is_said_of_a_count(shown):
    said = shown["readings"]["fit"]
    here = said[f"{counts.DIMS.index(64)}|{counts.EPSILONS.index(0.1)}"]
    assert "In 64 dimensions 57.2 % of random pairs are." in here
    assert "At least 125 vectors" in here
    assert "no more than 176 (Welch's bound)" in here
    assert len(said) == len(shown["data"]["counts"])


def test_quantised_cosines_keep_the_pattern(done):
    for run in done:
        for vectors in run.data["teacher"].values:
            cells = np.asarray(rounding.quantised(vectors))
            sizes = np.abs(training.pair_cosines(vectors))
            assert np.array_equal(cells <= 10, sizes <= rounding.EPSILON)
            assert np.abs(cells / 100 - sizes).max() <= 0.01 + 1e-6


def test_like_stands_beside_like():
    axes = np.eye(3, dtype=np.float32)[[0, 1, 2] * 4]
    kept = np.argmax(axes[rounding.order(axes)], axis=1)
    assert np.count_nonzero(np.diff(kept)) == 2


def test_curves_are_the_records_of_the_same_run(done, shown):
    for run in done:
        again = engine.run(run.cell.experiment)
        for row in shown["data"]["curves"]:
            if {name: row[name] for name in run.cell.names} == run.cell.names:
                place = row["seed"] - again["seed"].values[0], row["record"]
                assert row["step"] == again["step"][row["record"]]
                excess = max(float(again["excess_loss"][place]), rounding.FLOOR)
                assert row["excess"] == pytest.approx(excess, rel=1e-3)
                matthews = float(again["matthews"][place])
                assert row["matthews"] == pytest.approx(matthews, rel=1e-3)
        assert np.array_equal(again["student"][0], run.students[-1])


def test_maps_are_the_cosines_of_the_same_run(done, shown):
    for run in done:
        teacher = run.data["teacher"].values[0]
        order = rounding.order(jnp.asarray(teacher))
        found = [
            shown["drawings"]["students"][f"{run.cell.key}|{record}"]
            for record in range(len(run.students))
        ]
        assert found == [rounding.quantised(student[order]) for student in run.students]
        own = shown["drawings"]["teachers"][run.cell.teacher]
        preserved = [
            np.sum((np.asarray(own) <= 10) & (np.asarray(student) <= 10))
            for student in found
        ]
        assert preserved == run.data["pairs_both"][0].values.tolist()


def test_levels_are_the_references_of_the_run(done, shown):
    for row in shown["data"]["levels"]:
        run = next(run for run in done if run.cell.teacher == row["teacher"])
        kind = {"chance level": "chance", "SVD baseline": "svd"}[row["level"]]
        values = run.data[f"{kind}_matthews"]
        if row["matthews"] is None:  # a row of the SVD's is zero, and has no cosine
            assert np.isnan(np.median(values))
        else:
            assert row["matthews"] == pytest.approx(np.median(values), rel=1e-3)


def test_the_histogram_of_a_teacher_is_of_its_pairs(done, shown):
    for run in done:
        rows = [
            row
            for row in shown["data"]["teacher_cosines"]
            if row["teacher"] == run.cell.teacher
        ]
        assert sum(row["share"] for row in rows) == pytest.approx(1, abs=1e-3)
        assert sum(row["random"] for row in rows) == pytest.approx(1, abs=1e-3)
        within = sum(row["share"] for row in rows if row["high"] <= rounding.EPSILON)
        fraction = float(run.data["pairs_teacher"][0, 0]) / 66
        assert within == pytest.approx(fraction, abs=1e-3)


def test_every_setting_has_a_reading(shown):
    choices, said = shown["choices"], shown["readings"]
    widths = [width for width, _ in choices["widths"]]
    for teacher in choices["teachers"]:
        assert teacher in said["teacher"]
        for width in widths:
            assert f"{teacher}|{width}" in said["plane"]
            for objective in choices["objectives"]:
                for record in range(len(choices["steps"])):
                    name = f"{teacher}|{objective}|{width}|{record}"
                    assert name in said["training"]
                    assert name in shown["drawings"]["students"]
    for family in zero_loss.families():
        for place in range(zero_loss.PLACES):
            name = f"{family}|{place}"
            assert name in said["built"]
            assert name in shown["drawings"]["built"]
            assert name in shown["drawings"]["sketches"]
    for moment in range(len(shown["moments"])):
        assert {f"A|{moment}", f"B|{moment}"} <= set(shown["drawings"]["start"])
        assert str(moment) in said["start"]


def test_a_loss_is_at_its_optimum_where_it_is_said_to_be(shown):
    said = shown["readings"]["training"]
    for run in pages.runs()[1]:
        for record, excess in enumerate(run.data["excess_loss"].values[0]):
            sentence = said[f"{run.cell.key}|{record}"]
            assert ("at its optimum" in sentence) == (excess < rounding.FLOOR)
    for excess in (-1.2e-7, 0.0, 0.99e-5):
        assert rounding.loss_said(excess) == "loss at its optimum"
    assert rounding.loss_said(1.1e-5) == "loss 1.1 × 10⁻⁵ above its optimum"


def test_written_angles_are_those_between_the_groups(shown):
    for run, name in zip(pages.runs()[0], "AB", strict=True):
        for record, student in enumerate(run.students):
            means = student.reshape(-1, 3, 3).mean(0).astype(float)
            drawn = shown["drawings"]["start"][f"{name}|{record}"]["arcs"]
            for arc, (one, other) in zip(drawn, ((0, 1), (1, 2), (0, 2)), strict=True):
                lengths = np.linalg.norm(means[one]) * np.linalg.norm(means[other])
                angle = np.degrees(np.arccos(means[one] @ means[other] / lengths))
                assert arc["degrees"] == pytest.approx(angle, abs=0.51)
    axes = guess.groups().reshape(-1, 3, 3).mean(0)
    assert np.allclose(axes / np.linalg.norm(axes, axis=1), np.eye(3), atol=1e-6)


@pytest.mark.parametrize(
    ("family", "most"), [("shift", zero_loss.MOST), ("tilt", 0.18), ("rotate", 0.0)]
)
def test_a_sketch_moves_as_far_as_its_students(shown, family, most):
    for place in range(zero_loss.PLACES):
        cosine = most * place / (zero_loss.PLACES - 1)
        for arc in shown["drawings"]["sketches"][f"{family}|{place}"]["arcs"]:
            degrees = np.degrees(np.arccos(cosine))
            assert arc["degrees"] == pytest.approx(degrees, abs=0.51)
            wanted = "preserved" if cosine <= rounding.EPSILON else "lost"
            assert arc["fate"] == wanted


def test_an_arrow_is_as_long_as_it_is_seen(shown):
    drawings = [*shown["drawings"]["start"].values()]
    drawings += shown["drawings"]["sketches"].values()
    for picture in drawings:
        tips = np.asarray(picture["tips"])
        left, top, unit = picture["frame"]
        assert np.linalg.norm(tips, axis=1).max() <= 1.001
        places = np.stack([left + unit * tips[:, 0], top - unit * tips[:, 1]])
        assert places.min() > 0
    low, high = np.asarray(arrows.slack(0.5)["tips"][1:])
    assert low @ [1, 0] == pytest.approx(0.5, abs=1e-3)
    assert high @ [1, 0] == pytest.approx(-0.5, abs=1e-3)


def test_the_first_screen_shows_the_ends_of_its_runs(shown):
    for row in shown["rows"]:
        for line in row["strip"]:
            [run] = [
                run
                for run in pages.runs()[1]
                if run.cell.key == f"{row['teacher']}|{line['objective']}|24"
            ]
            ends = run.data["matthews"].values[:, -1]
            places = guess.LEAST + np.asarray(line["values"]) * 0.01 * 1.5
            assert places == pytest.approx(ends, abs=0.001)
        labels = [student["title"] for student in row["students"]]
        assert labels == ["A: centred CKA", "B: uncentred CKA"]


def test_no_bar_is_longer_than_its_axis(shown):
    longest = max(row["distance"] for row in shown["data"]["distances"])
    assert 1.2 * longest < charts.AXIS_END


@pytest.mark.parametrize("far", [0, 5, 10])
def test_built_students_are_those_of_the_theory(built, far):
    teacher = zero_loss.families()["shift"].teacher
    student = theory.translated_student(teacher, 0.03 * far)
    [row] = [row for row in built if (row["family"], row["far"]) == ("shift", far)]
    for name, distance, scale in (
        ("gram", theory.gram_distance, np.linalg.norm(teacher @ teacher.T)),
        ("procrustes", theory.procrustes_distance, np.linalg.norm(teacher)),
    ):
        relative = (distance(student, teacher) / scale) ** 2
        assert row[name] == pytest.approx(relative, rel=1e-3, abs=rounding.FLOOR)
    assert row["recall"] == 1 - theory.lost_share(student, teacher, rounding.EPSILON)
    assert (row["matthews"] is None) == (0.03 * far > rounding.EPSILON)


@pytest.mark.parametrize(
    ("family", "blind"),
    [
        ("shift", {"cka", "procrustes_normalised", "gram_centred", "projection"}),
        ("map", {"projection"}),
        ("rotate", set(zero_loss.SHOWN)),
    ],
)
def test_an_objective_that_is_blind_to_a_move_stays_at_zero(built, family, blind):
    path = [row for row in built if row["family"] == family]
    assert len(path) == zero_loss.PLACES
    for row in path[1:]:
        assert {name for name in zero_loss.SHOWN if row[name] == 0} == blind
    assert path[0]["matthews"] == 1


def test_the_geometry_of_built_students_is_ruined(built):
    last = {row["family"]: row for row in built if row["far"] == 10}
    assert last["shift"]["recall"] == last["tilt"]["recall"] == 0
    assert last["map"]["matthews"] == pytest.approx(-1)
    assert last["rotate"]["matthews"] == 1
    assert 0 < last["tilt"]["cka"] < 0.05


def test_numbers_read_well():
    assert rounding.said(0.0) == "0"
    assert rounding.said(-0.123) == "−0.12"
    assert rounding.said(1e-6) == "10⁻⁶"
    assert rounding.said(3.45e-6) == "3.5 × 10⁻⁶"
    assert rounding.said(np.nan) == rounding.said(None) == "undefined"


def test_the_larger_study_says_what_the_page_quotes(html):
    claims = ROOT.joinpath("figures/claims.md").read_text(encoding="utf-8")
    first = claims.split("## C1")[1].split("| CKA, uncentred")[0]
    assert "| blocks | 128 | 0.999 " in first
    assert "| common mean | 128 | -0.00981 " in first
    assert "(pattern agreement 0.999) and lost that of a common mean (−0.01)" in html


class Elements(HTMLParser):
    """Ids, the controls that labels are for, and all addresses in attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.ids, self.labelled, self.controls, self.addresses = [], set(), [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "label":
            self.labelled.add(given["for"])
        if tag in ("input", "select"):
            self.controls.append(given["id"])
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            if name in given:
                self.addresses.append(given[name])


def test_the_page_is_small_and_asks_nobody(html):
    assert len(html.encode()) < 6e6
    elements = Elements()
    elements.feed(html)
    outside = [each for each in elements.addresses if not each.startswith("#")]
    assert outside == ["data:,"]
    head = html[: html.index("<script")]
    assert "default-src 'none'" in head
    assert not re.search(r"url\(|@import|https?://", head)
    assert html.count("<script") == html.count("</script>")


def test_every_control_has_a_label_and_an_id_of_its_own(html):
    elements = Elements()
    elements.feed(html)
    assert len(elements.ids) == len(set(elements.ids))
    assert set(elements.controls) == elements.labelled
    assert len(elements.controls) == 14


def test_every_chart_is_described_and_finds_its_data(html, shown):
    [text] = re.findall(r'id="charts">(.*?)</script>', html)
    for name, chart in json.loads(text).items():
        assert len(chart["description"]) > 40, name
        assert f'data-chart="{name}"' in html
        controls = [
            each["bind"]["element"] for each in chart["params"] if "bind" in each
        ]
        for control in controls:
            assert f'id="{control[1:]}"' in html
        named = set(re.findall(r"'data': {'name': '(\w+)'}", str(chart)))
        named -= set(chart.get("datasets", {}))
        assert named <= set(shown["data"])
        assert named


def test_training_begins_at_its_start_with_both_kinds_of_cka(html):
    [slider] = re.findall(r'<input type="range" id="record"[^>]*>', html)
    assert 'value="0"' in slider
    assert 'data-steps="step 0|' in slider
    for control, name in (("objective3", training.A), ("beside3", training.B)):
        [select] = re.findall(rf'<select id="{control}">.*?</select>', html, re.DOTALL)
        assert f'<option value="{name}" selected>' in select
    assert re.search(r'<div id="answer" hidden>', html)


def test_the_same_contents_give_the_same_page(html, shown):
    assert document.render(shown) == html


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("absent/page.html", "`OUT` must be where files can be written; got .*absent"),
        ("file/page.html", "`OUT` must be where files can be written; got .*file"),
        ("folder.html", "`OUT` must name a file; got the folder folder.html."),
        ("file", "`OUT` must end in .html; got file."),
        ("page.htlm", "`OUT` must end in .html; got page.htlm."),
        ("", "one file to write must be named, OUT.html; got none."),
        ("a.html b.html", "one file to write must be named, .*; got a.html, b.html."),
        ("--hlep", "'--hlep' is no flag. Did you mean '--help'?"),
        ("--out a.html", "'--out' is no flag."),
        ("a.html --quick", "'--quick' is no flag."),
    ],
)
def test_a_mistake_is_one_line(tmp_path, monkeypatch, capsys, line, message):
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("file").write_text("kept")
    tmp_path.joinpath("folder.html").mkdir()
    monkeypatch.setattr(
        document, "make", lambda on_run: pytest.fail("runs were started")
    )
    assert command.write(line.split()) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(rf"simgeo: {message}.*\n", told.err)
    assert tmp_path.joinpath("file").read_text() == "kept"


def test_the_command_writes_the_file_and_nothing_beside_it(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(engine, "keep_programs", lambda: None)
    monkeypatch.setattr(
        document, "make", lambda on_run: on_run(training.CELLS[0]) or "whole"
    )
    out = tmp_path / "page.html"
    out.write_text("old")
    assert command.write([str(out)]) == 0
    assert out.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [out]
    assert f"Wrote {out}" in capsys.readouterr().out


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch, capsys):
    for name in ("document", "charts"):
        monkeypatch.delitem(sys.modules, f"simgeo_apps.page.{name}")
        monkeypatch.delattr(f"simgeo_apps.page.{name}")
    monkeypatch.setitem(sys.modules, "altair", None)
    assert command.write([str(tmp_path / "page.html")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("simgeo: `simgeo page` needs altair")
    assert told.count("\n") == 1
