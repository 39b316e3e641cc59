"""The page: small, whole in itself, and every number on it the package's own."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from simgeo import engine, limits, linalg, objectives, problems, theory
from simgeo_apps.page import command, counts, document, rounding, training, zero_loss

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]


def small(teacher: str, objective: objectives.AbstractObjective) -> training.Cell:
    """A cell like the page's, done in a moment."""
    return training.Cell(
        teacher,
        objective.label,
        3,
        problems.Experiment(
            teacher=training.TEACHERS[teacher],
            objective=objective,
            num_vectors=12,
            teacher_dim=12,
            student_dim=3,
            epsilon=rounding.EPSILON,
            num_steps=8,
            num_records=4,
            num_seeds=2,
        ),
    )


@pytest.fixture(scope="module")
def done():
    cells = [small(name, objectives.CKA()) for name in ("blocks", "common mean")]
    return training.run_all(tuple(cells), lambda cell: None)


@pytest.fixture(scope="module")
def built():
    return zero_loss.students()


@pytest.fixture(scope="module")
def shown(done):
    return document.contents(done)


@pytest.fixture(scope="module")
def html(shown):
    return document.render(shown)


def test_every_cell_of_the_page_is_of_the_same_grid():
    names = {(cell.teacher, cell.objective, cell.width) for cell in training.CELLS}
    assert len(names) == len(training.CELLS) == 4 * 7 * 2
    assert len({tuple(cell.experiment.record_steps) for cell in training.CELLS}) == 1
    assert all(cell.experiment.epsilon == rounding.EPSILON for cell in training.CELLS)
    assert all(cell.experiment.num_vectors == 48 for cell in training.CELLS)


def test_counts_are_the_limits():
    rows = counts.counts()
    assert len(rows) == len(counts.DIMS) * len(counts.EPSILONS)
    for row in rows:
        d, epsilon = row["d"], row["epsilon"]
        assert row["random"] == limits.random_fraction(epsilon, d)
        assert row["most"] == limits.max_orthogonal_vectors(epsilon, d)[0]
        assert row["known"] == limits.known_orthogonal_vectors(epsilon, d)[0]
        assert row["known"] <= row["most"]
        assert row["pairs"] == limits.max_orthogonal_fraction(epsilon, 48, d)
        assert counts.DIMS[row["place_d"]] == d
        assert counts.EPSILONS[row["place_epsilon"]] == epsilon


@pytest.mark.parametrize("epsilon", counts.EPSILONS)
def test_the_bars_within_epsilon_are_the_level_of_chance(epsilon):
    for row in counts.histogram():
        share = np.asarray(row["share"])
        middle = np.linspace(-1 + counts.BIN / 2, 1 - counts.BIN / 2, len(share))
        level = limits.random_fraction(epsilon, counts.DIMS[row["place_d"]])
        within = share[np.abs(middle) < epsilon].sum()
        # Shares are rounded to seven digits.
        assert within == pytest.approx(level, abs=1e-5)
        assert share.sum() == pytest.approx(1, abs=1e-5)


def test_what_is_said_of_a_count():
    rows = counts.counts()
    said = counts.readings(rows)
    here = said[f"{counts.DIMS.index(64)}|{counts.EPSILONS.index(0.1)}"]
    assert "In 64 dimensions 57.2 % of random pairs are." in here
    assert "At least 125 vectors" in here
    assert "no more than 176 (Welch's bound)" in here
    assert len(said) == len(rows)


def test_quantised_cosines_keep_the_pattern(key):
    vectors = engine.draw(training.CELLS[0].experiment)[0]
    cells = np.asarray(rounding.quantised(vectors))
    rows, columns = rounding.places(len(vectors))
    cosines = np.asarray(linalg.cosines(jnp.asarray(vectors)))[rows, columns]
    assert np.array_equal(np.abs(cells) <= 10, np.abs(cosines) <= rounding.EPSILON)
    assert np.abs(cells / 100 - cosines).max() <= 0.01 + 1e-6


def test_like_stands_beside_like():
    axes = jnp.eye(3)[jnp.asarray([0, 1, 2, 0, 1, 2, 0])]
    kept = np.argmax(np.asarray(axes)[rounding.order(axes)], axis=1)
    assert np.count_nonzero(np.diff(kept)) == 2


def test_curves_are_the_records_of_the_same_run(done, shown):
    for run in done:
        again = engine.run(run.cell.experiment)
        for row in shown["data"]["curves"]:
            if row["teacher"] == run.cell.teacher:
                seed, record = row["seed"], row["record"]
                assert row["step"] == again["step"][record]
                for name in ("loss", "matthews"):
                    value = float(again[name][seed, record])
                    assert row[name] == pytest.approx(value, rel=1e-3, nan_ok=True)
        assert np.array_equal(again["student"][0], run.students[-1])


def test_maps_are_the_cosines_of_the_same_run(done, shown):
    for run in done:
        teacher = run.data["teacher"].values[0]
        order = rounding.order(jnp.asarray(teacher))
        found = [
            row["cells"]
            for row in shown["data"]["student_grams"]
            if row["teacher"] == run.cell.teacher
        ]
        assert found == [rounding.quantised(student[order]) for student in run.students]
        [own] = [
            row["teacher_cells"]
            for row in shown["data"]["teacher_grams"]
            if row["teacher"] == run.cell.teacher
        ]
        preserved = [
            np.sum((np.abs(own) <= 10) & (np.abs(student) <= 10)) for student in found
        ]
        assert preserved == run.data["pairs_both"][0].values.tolist()


def test_levels_are_the_references_of_the_run(done, shown):
    for row in shown["data"]["levels"]:
        [run] = [run for run in done if run.cell.teacher == row["teacher"]]
        kind = {"chance": "chance", "SVD baseline": "svd"}[row["level"]]
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
        fraction = float(run.data["fraction_teacher"][0, 0])
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
    for family in zero_loss.families():
        for place in range(zero_loss.PLACES):
            assert f"{family}|{place}" in said["built"]


@pytest.mark.parametrize("far", [0, 5, 10])
def test_built_students_are_those_of_the_theory(built, far):
    teacher = zero_loss.families()["shift"].teacher
    student = theory.translated_student(teacher, 0.045 * far)
    [row] = [row for row in built if (row["family"], row["far"]) == ("shift", far)]
    for name, distance, scale in (
        ("gram", theory.gram_distance, np.linalg.norm(teacher @ teacher.T)),
        ("procrustes", theory.procrustes_distance, np.linalg.norm(teacher)),
    ):
        relative = (distance(student, teacher) / scale) ** 2
        assert row[name] == pytest.approx(relative, rel=1e-3, abs=zero_loss.ZERO)
    assert row["recall"] == 1 - theory.lost_share(student, teacher, rounding.EPSILON)
    assert (row["matthews"] is None) == (far > 0)


@pytest.mark.parametrize(
    ("family", "blind"),
    [
        ("shift", {"cka", "procrustes_centred", "projection"}),
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
    assert len(elements.controls) == 13


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
