"""Figures say what the frame says, and come out the same twice."""

import itertools

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn
from matplotlib.colors import rgb_to_hsv, to_rgb
from matplotlib.text import Text

from simgeo import plots

pytestmark = pytest.mark.once

OBJECTIVES = ["CKA", "Procrustes"]


@pytest.fixture
def frame() -> pd.DataFrame:
    rows = [
        {
            "objective": objective,
            "seed": seed,
            "step": step,
            "relative_loss": 10.0**-step * (seed + 1),
            "relative_optimum": 1e-3,
            "matthews": step / 10 + seed / 100,
            "chance_matthews": 0.01,
            "svd_matthews": 0.9,
        }
        for objective, seed, step in itertools.product(OBJECTIVES, range(3), range(9))
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def ax():
    with plots.style():
        figure, ax = plt.subplots()
        yield ax
        plt.close(figure)


def heights(ax) -> set[float]:
    """The levels of all lines across the axes."""
    lines = (np.asarray(line.get_ydata(), float) for line in ax.lines)
    return {round(float(y[0]), 6) for y in lines if len(y) == 2 and y[0] == y[1]}


def test_the_palette_is_that_of_seaborn():
    assert plots.COLOURS == [*seaborn.color_palette("colorblind")]


@pytest.mark.parametrize("draw", [plots.loss_against_geometry, plots.over_steps])
def test_chance_and_limit_are_in_the_picture(draw, frame, ax):
    draw(frame, "matthews", ax)
    assert {0.01, 0.9} <= heights(ax)


def test_undefined_levels_are_left_out(frame, ax):
    plots.over_steps(frame.assign(svd_matthews=np.nan), "matthews", ax)
    assert heights(ax) == {0.01}


def test_every_seed_has_a_curve_and_an_end(frame, ax):
    plots.loss_against_geometry(frame, "matthews", ax)
    curves = [line for line in ax.lines if len(line.get_xdata()) == 9]
    ends = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert len(curves) == len(ends) == 6
    assert min(np.min(line.get_xdata()) for line in curves) >= plots.FLOOR


def test_ends_are_medians_over_seeds(frame, ax):
    plots.ends(frame[frame["step"] == 8], "matthews", ax)
    bars = [line.get_xdata()[0] for line in ax.lines if line.get_color() == plots.INK]
    assert bars == pytest.approx([0.81, 0.81])
    assert [text.get_text() for text in ax.get_yticklabels()] == OBJECTIVES


def test_hue_is_the_family_fill_is_the_mean_and_greys_differ():
    families: dict[str, list] = {}
    for style in plots.STYLES.values():
        if style.group:
            families.setdefault(style.name.split()[-1], []).append(style)
            assert ("mfc" in style.marks) == (style.group == "centred")
    main = {name: styles[0].colour for name, styles in families.items()}
    greys = sorted(np.dot(to_rgb(hue), (0.299, 0.587, 0.114)) for hue in main.values())
    assert set(main) == {"CKA", "Procrustes", "Gram"}
    assert np.diff(greys).min() > 0.09
    assert len({style[:3] for style in plots.STYLES.values()}) == len(plots.STYLES)


def test_fates_have_hues_of_no_family_and_differ_in_grey():
    def hue(colour) -> float:
        return 360 * rgb_to_hsv(to_rgb(colour))[0]

    coloured = [style.colour for style in plots.STYLES.values()]
    families = [hue(each) for each in coloured if len(set(to_rgb(each))) > 1]
    fates = [plots.FATES[fate] for fate in ("preserved", "lost", "gained")]
    for fate in fates:
        gaps = [abs((hue(fate) - other + 180) % 360 - 180) for other in families]
        assert min(gaps) > 20
    greys = [
        np.dot(to_rgb(each), (0.299, 0.587, 0.114)) for each in (*fates[:2], "0.87")
    ]
    assert np.diff(sorted(greys)).min() > 0.15


def test_curves_that_coincide_everywhere_have_one_name(frame, ax):
    same = [
        frame.assign(objective=name, matthews=frame["matthews"] + shift)
        for name, shift in (("Gram", 0.01), ("Gram, centred", 0.0), ("CKA", 0.5))
    ]
    frame = pd.concat([frame[frame["objective"] == "Procrustes"], *same])
    joined = plots.joined(frame, "matthews", ["step"])
    names = ["Procrustes = Gram", "Gram, centred", "CKA"]
    assert [*joined["objective"].unique()] == names
    assert joined["member"].equals(frame["objective"])
    plots.over_setting(joined, "step", "matthews", ax)
    plots.legend(ax.figure, frame["objective"].unique(), levels=())
    assert labels(ax.figure) == ["CKA", "centred Gram", "Procrustes = Gram"]
    apart = frame["matthews"].mask(frame["step"] == 3, frame["seed"])
    at_one_step = frame.assign(matthews=apart.where(frame["objective"] == "Gram", 0))
    joined = plots.joined(at_one_step, "matthews", ["step"])
    assert "Procrustes = Gram" not in set(joined["objective"])


def test_of_coinciding_curves_those_beneath_are_wider(frame, ax):
    first = frame[frame["objective"] == "Procrustes"]
    others = [first.assign(objective="Gram"), first.assign(objective="CKA", matthews=5)]
    frame = pd.concat([first, *others])
    plots.over_setting(frame, "step", "matthews", ax)
    width = {line.get_label(): line.get_linewidth() for line in ax.lines}
    assert width["Procrustes"] > width["Gram"] == width["CKA"]


def test_names_stand_at_the_ends_of_lines_and_apart(ax):
    ends = {"CKA": 0.5, "Gram": 0.51, "Procrustes": 0.9, "short": 0.2, "_no": 0.1}
    for name, height in ends.items():
        ax.plot([0, 0.3 if name == "short" else 1], [0, height], label=name)
    ax.plot([0, 1], [np.nan, np.nan], label="nowhere")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    plots.name_ends([ax])
    texts = {text.get_text(): text for text in ax.texts}
    assert texts.keys() == {"CKA", "Gram", "Procrustes", "short"}
    boxes = [Text.get_window_extent(texts[name]) for name in [*ends][:3]]
    panel = ax.get_window_extent()
    for lower, upper in itertools.pairwise(boxes):
        assert upper.y0 >= lower.y1 - 0.5  # pixels
    assert all(box.x0 > panel.x1 for box in boxes)
    assert Text.get_window_extent(texts["short"]).x1 < panel.x1
    colours = {line.get_label(): line.get_color() for line in ax.lines}
    assert all(text.get_color() == colours[name] for name, text in texts.items())


def test_what_float32_does_not_resolve_is_shaded(ax):
    ax.set(xscale="log", xlim=(1e-4, 1))
    plots.rounding(ax)
    assert not ax.patches
    ax.set(xlim=(1e-8, 1))
    plots.rounding(ax)
    assert [text.get_text() for text in ax.texts] == ["rounding, not judged"]
    assert ax.get_xlim() == (1e-8, 1)


def test_powers_are_plain_and_a_broken_axis_is_marked(frame, tmp_path):
    with plots.style():
        figure, axes = plots.panels(1, 1, 1.5)
        ax = axes[0, 0]
        plots.over_steps(frame, "matthews", ax)
        before = len(ax.lines)
        ax.set(yscale="log", ylim=(1e-5, 10))
        plots.save(figure, tmp_path, "one", frame)
    said = [text.get_text() for text in ax.get_yticklabels()]
    assert {"1e-4", "0.01", "1"} <= set(said)
    assert len(ax.lines) == before + 1
    plt.close(figure)


@pytest.mark.parametrize("said", ["plain", "$10^{-4}$"])
def test_letters_too_small_for_print_are_refused(said, frame, tmp_path):
    with plots.style():
        figure, axes = plots.panels(1, 1, 1.0)
        axes[0, 0].set_title(said, fontsize=5.9 if said == "plain" else 8)
        with pytest.raises(ValueError, match="letters of 6 points or more; got 5."):
            plots.save(figure, tmp_path, "one", frame)
    plt.close(figure)


def test_unknown_objectives_have_a_style_of_their_own(frame, ax):
    plots.over_steps(frame.replace({"CKA": "Hybrid of something"}), "matthews", ax)
    assert ax.lines


def test_distance_grid_shows_rounding_as_such(ax):
    table = pd.DataFrame(
        {
            "optimised": ["a", "a", "b", "b"],
            "recorded": ["a", "b", "a", "b"],
            "relative": [0.0, 1.0, 0.1, -1e-9],
        }
    )
    plots.distance_grid(table, ax, cbar=False)
    assert [text.get_text() for text in ax.texts] == ["-8", "0", "-1", "-8"]


def test_files_are_the_same_twice(frame, tmp_path):
    for name in ("one", "two"):
        with plots.style():
            figure, ax = plt.subplots()
            plots.over_steps(frame, "matthews", ax)
            plots.legend(figure, OBJECTIVES, note="a note")
            plots.save(figure, tmp_path / name, "figure", frame)
            plt.close(figure)
    for suffix in ("pdf", "png", "csv"):
        one, two = (tmp_path / name / f"figure.{suffix}" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    assert len(pd.read_csv(tmp_path / "one" / "figure.csv")) == len(frame)


def test_levels_may_depend_on_the_setting(frame, ax):
    last = frame[frame["step"] == 8]
    part = [last.assign(width=width, svd_matthews=width / 10) for width in (2, 4)]
    plots.over_setting(pd.concat(part), "width", "matthews", ax)
    curves = [[float(y) for y in line.get_ydata()] for line in ax.lines]
    assert [0.2, 0.4] in curves
    assert [0.01, 0.01] in curves


def test_fractions_are_cut_and_not_rounded(ax):
    plots.fractions(pd.DataFrame([[0.999, 1.0]]), ax)
    assert [text.get_text() for text in ax.texts] == ["0.99", "1.00"]


def test_coherences_show_bounds_beside_what_was_reached(ax):
    table = pd.DataFrame(
        {
            "num_vectors": [5, 8],
            "reached": [0.25, 0.42],
            "known": [0.25, 0.414],
            "bound": [0.25, 0.378],
            "welch": [0.25, 0.378],
            "random": [0.9, 0.95],
        }
    )
    plots.coherences(table, ax)
    labels = ax.get_legend_handles_labels()[1]
    assert {"largest lower bound", "known construction", "optimised"} <= set(labels)


def test_a_style_does_not_end_what_a_notebook_began():
    before = matplotlib.is_interactive()
    try:
        with plots.style():
            matplotlib.interactive(True)
        assert matplotlib.is_interactive()
    finally:
        matplotlib.interactive(before)


@pytest.mark.parametrize("narrow", [False, True])
def test_a_narrow_figure_turns_its_panels_and_labels_each_edge_once(narrow):
    with plots.style(narrow):
        figure, axes = plots.panels(2, 3, 1.0, narrow, sharey="row")
        plots.label(axes, "steps", ["loss", "kept"])
    assert axes.shape == (2, 3)
    assert figure.get_figwidth() == (plots.COLUMN if narrow else plots.PAGE)
    xlabels = [[ax.get_xlabel() for ax in row] for row in axes]
    ylabels = [[ax.get_ylabel() for ax in row] for row in axes]
    if narrow:  # three rows of two: below one another are a, b and c
        assert xlabels == [["", "", "steps"]] * 2
        assert ylabels == [["loss"] * 3, ["kept"] * 3]
    else:
        assert xlabels == [[""] * 3, ["steps"] * 3]
        assert ylabels == [["loss", "", ""], ["kept", "", ""]]
    axes[0, 0].set_ylim(0, 7)  # what is shared is shared by what is drawn
    assert axes[0, 2].get_ylim() == (0, 7)
    assert axes[1, 0].get_ylim() != (0, 7)
    plt.close(figure)


def test_a_narrow_figure_is_saved_beside_the_csv_of_the_wide_one(tmp_path, frame):
    with plots.style(narrow=True):
        figure, _ = plots.panels(1, 1, 1.0, narrow=True)
        plots.save(figure, tmp_path, "one", frame, narrow=True)
    plt.close(figure)
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {"one_column.pdf", "one_column.png"}


def test_a_figure_is_saved_at_its_resolution_outside_of_the_style_too(tmp_path, frame):
    with plots.style():
        figure, _ = plots.panels(1, 1, 1.0)
    shown = figure.dpi
    plots.save(figure, tmp_path, "one", frame)
    assert plt.imread(tmp_path / "one.png").shape[1] == 300 * plots.PAGE
    assert figure.dpi == shown
    plt.close(figure)


def cells(**settings) -> pd.DataFrame:
    """Five seeds of every combination of settings, with a measure of each."""
    rows = itertools.product(*settings.values(), range(5))
    frame = pd.DataFrame(rows, columns=[*settings, "seed"])
    return frame.assign(y=np.random.default_rng(0).random(len(frame)))


def labels(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_cells_without_a_setting_are_drawn_as_none():
    frame = cells(x=[1, 2], hue=[0.5, np.nan], col=["a", None])
    figure = plots.sweep(frame, "x", "y", "hue", "col")
    assert labels(figure) == ["0.5", "none"]
    assert [ax.get_title() for ax in figure.axes] == ["col: a", "col: none"]
    with pytest.raises(ValueError, match="`x` must .* hue, which 20 of 40 rows lack"):
        plots.sweep(frame, "hue", "y", "x")


def test_many_values_have_a_colour_bar_or_are_refused():
    frame = cells(x=[1, 2], hue=[*np.linspace(0, 1, 44), np.nan])
    figure = plots.sweep(frame, "x", "y", "hue")
    assert labels(figure) == ["none"]
    assert len(figure.axes) == 2
    named = frame.assign(hue=[f"name {value}" for value in frame["hue"]])
    with pytest.raises(ValueError, match="`hue` must tell apart at most 20 .*; got 45"):
        plots.sweep(named, "x", "y", "hue")


def test_a_band_does_not_depend_on_its_neighbours():
    frame = cells(x=[1, 2], hue=["a", "b"])

    def last_band(frame):
        return plots.sweep(frame, "x", "y", "hue").axes[0].collections[-1].get_paths()

    alone, beside = last_band(frame[frame["hue"] == "b"]), last_band(frame)
    assert np.array_equal(alone[0].vertices, beside[0].vertices)


LONG = "the share of all pairs that a student of this width preserves"


@pytest.mark.parametrize("named", [False, True], ids=["numbers", "names"])
@pytest.mark.parametrize("many", [False, True], ids=["legend", "colour bar"])
def test_long_names_stay_in_the_figure_and_panels_keep_their_room(named, many):
    x = [f"{LONG} {i}" for i in range(3)] if named else [1, 2]
    hue = list(range(30)) if many else [f"{LONG} {i}" for i in range(3)]
    frame = cells(**{LONG: x, f"hue {LONG}": hue, f"col {LONG}": [LONG, "b"]})
    with plots.style():
        columns = LONG, "y", f"hue {LONG}", f"col {LONG}"
        figure = plots.sweep(frame, *columns, label=LONG)
        figure.draw_without_rendering()
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert figure.bbox.x0 <= box.x0, text
            assert box.x1 <= figure.bbox.x1, text
            assert figure.bbox.y0 <= box.y0, text
            assert box.y1 <= figure.bbox.y1, text
    for ax in figure.axes[:2]:
        assert ax.bbox.height / figure.dpi > 0.7
        assert ax.bbox.width / figure.dpi > 0.7


@pytest.mark.parametrize(
    "values",
    [[1, 2, 3], [*range(1, 12)], [8, 16, 32, 64, 128], [8.0, 16.0, 32.0, 128.0]],
)
def test_a_setting_of_integers_has_integer_ticks(values):
    figure = plots.sweep(cells(x=values, hue=["a"]), "x", "y", "hue")
    figure.draw_without_rendering()
    (ax,) = figure.axes
    low, high = ax.get_xlim()
    ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
    assert len(ticks) > 2
    assert all(float(tick).is_integer() for tick in ticks)
    if len(values) < 9:
        assert ticks == values
        shown = [text.get_text() for text in ax.get_xticklabels()]
        assert shown == [f"{value:.0f}" for value in values]
        minor = [text.get_text() for text in ax.get_xticklabels(minor=True)]
        assert not any(minor)


def test_a_folder_may_be_named_as_text(frame, tmp_path):
    with plots.style():
        figure, ax = plt.subplots()
        plots.save(figure, str(tmp_path / "new" / "folder"), "name", frame)
        plt.close(figure)
    assert (tmp_path / "new" / "folder" / "name.csv").is_file()
