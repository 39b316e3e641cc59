"""The charts, by name: Vega-Lite, made with Altair, whose data are named, not held.

What a reader drags is an element of the page; a chart's parameters are bound to it.
"""

from typing import Any

import altair as alt
from matplotlib.colors import to_hex

from simgeo import plots
from simgeo.page import counts, grams, runs, zero_loss

# Stops of diverging `vlag`, which seaborn's figures use for cosines too.
COSINES = ("#2369bd", "#a9b8d7", "#faf7f7", "#dba9a7", "#a9373b")
# Of Okabe and Ito's set, so that they differ for every kind of sight.
PAIRS = {
    "kept": "#0072b2",
    "lost": "#e69f00",
    "gained": "#cc79a7",
    "in neither": "#ececec",
}
INK = "currentColor"  # the page's, light or dark
_SHAPES = {
    "o": "circle",
    "s": "square",
    "v": "triangle-down",
    "^": "triangle-up",
    "P": "cross",
    "D": "diamond",
    "X": "M-1,-.6L-.6,-1L0,-.4L.6,-1L1,-.6L.4,0L1,.6L.6,1L0,.4L-.6,1L-1,.6L-.4,0Z",
}
LABELS = [each.label for each in runs.OBJECTIVES]
COLOURS = {name: to_hex(plots.STYLES[name][0]) for name in LABELS}
_DASHES = [[5, 3] if plots.STYLES[name][1] == "--" else [1, 0] for name in LABELS]
_MARKS = [_SHAPES[plots.STYLES[name][2]] for name in LABELS]

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "domainColor": INK,
        "tickColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.15,
        "labelFontSize": 13,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "labelOverlap": True,
    },
    "legend": {"labelColor": INK, "titleColor": INK, "labelFontSize": 13},
    "text": {"color": INK, "fontSize": 13},
}


def charts() -> dict[str, dict]:
    """Every chart of the page as Vega-Lite, by name."""
    made = {
        "random": random_cosines(),
        "fits": how_many_fit(),
        "teacher": teacher_map("teacher2", "show"),
        "teacher_cosines": teacher_cosines(),
        "target": teacher_map("teacher3"),
        "student": student_map(),
        "pairs": pairs_map(),
        "loss": over_steps(
            "excess", "Loss above least possible", alt.Scale(type="log")
        ),
        "kept": kept_over_steps(),
        "plane": loss_against_geometry(),
        "before": family_map(bound("family"), "0"),
        "after": family_map(bound("family"), bound("far")),
        "distances": distances(),
    }
    return {name: chart.to_dict() for name, chart in made.items()}


def random_cosines() -> alt.LayerChart:
    """Histogram of the cosine of two random vectors, the orthogonal ones set off."""
    bars = (
        _named("histogram")
        .transform_filter("datum.place_d == d")
        .transform_calculate(low=f"sequence(-1, 1 - {counts.BIN / 2}, {counts.BIN})")
        .transform_flatten(["share", "low"])
        .transform_calculate(
            high=f"datum.low + {counts.BIN}",
            within=f"abs(datum.low + {counts.BIN / 2}) < {_list(counts.EPSILONS)}"
            "[epsilon] ? 'within epsilon' : 'not'",
        )
        .mark_bar()
        .encode(
            x=alt.X("low:Q", title="cosine of two random vectors", bin="binned")
            .scale(domain=[-1, 1])
            .axis(values=[-1, -0.5, 0, 0.5, 1]),
            x2="high:Q",
            y=alt.Y("share:Q", title="share of pairs").axis(format="%", tickCount=4),
            color=alt.Color("within:N", title=None)
            .scale(
                domain=["within epsilon", "not"], range=[PAIRS["kept"], PAIRS["lost"]]
            )
            .legend(orient="top"),
        )
    )
    return _finish(
        alt.layer(bars),
        "Histogram of the cosine of two random vectors in d dimensions; the bars "
        "within epsilon of zero are set off. It narrows as d grows.",
        ["d", "epsilon"],
    )


def how_many_fit() -> alt.LayerChart:
    """Known and most pairwise orthogonal vectors over d, at one epsilon."""
    y = {"scale": alt.Scale(type="log", domain=[1, 1e9], clamp=True)}
    base = (
        _named("counts")
        .transform_filter("datum.place_epsilon == epsilon")
        .transform_fold(["most", "known"], as_=["bound", "vectors"])
        .transform_calculate(
            bound="{most: 'none can be more', known: 'known to exist'}[datum.bound]"
        )
        .encode(
            x=alt.X("d:Q", title="dimensions d").scale(type="log", base=2, nice=False),
            y=alt.Y("vectors:Q", title="vectors, pairwise within epsilon", **y).axis(
                **_powers(0, 9)
            ),
            color=alt.Color("bound:N", title=None)
            .scale(
                domain=["none can be more", "known to exist"],
                range=[PAIRS["lost"], PAIRS["kept"]],
            )
            .legend(orient="top"),
            tooltip=[
                alt.Tooltip("d:Q"),
                alt.Tooltip("bound:N"),
                alt.Tooltip("vectors:Q", format=",.3~g"),
            ],
        )
    )
    here = base.transform_filter("datum.place_d == d")
    return _finish(
        alt.layer(
            base.mark_line(interpolate="linear"),
            here.mark_rule(color=INK, opacity=0.4).encode(
                y=alt.value(0), y2=alt.value("height"), color=alt.value(INK)
            ),
            here.mark_point(filled=True, size=90, opacity=1),
        ),
        "How many vectors can be pairwise epsilon-orthogonal in d dimensions: a line "
        "for sets that are known and one for the proven ceiling, cut at a thousand "
        "million. A point on each marks the chosen d.",
        ["d", "epsilon"],
    )


def teacher_map(control: str, show: str | None = None) -> alt.LayerChart:
    """Heat map of a teacher's cosines, or of its pattern."""
    cells = (
        _named("teacher_grams")
        .transform_filter(f"datum.teacher == {control}")
        .transform_calculate(cells="datum.teacher_cells")
    )
    return _heat_map(
        cells,
        runs.NUM_VECTORS,
        "Heat map of the cosines of all pairs of the teacher's vectors.",
        [control, *([show] if show else [])],
        f"{show} == 'pattern'" if show else "false",
    )


def student_map() -> alt.LayerChart:
    """Heat map of the student's cosines at one record."""
    return _heat_map(
        _of_run(_named("student_grams")),
        runs.NUM_VECTORS,
        "Heat map of the cosines of all pairs of the student's vectors at the chosen "
        "step, in the order of its teacher.",
        ["teacher3", "objective3", "width3", "record"],
    )


def pairs_map() -> alt.LayerChart:
    """Which orthogonal pairs are kept, lost and gained at one record."""
    cells = _of_run(_named("student_grams")).transform_lookup(
        lookup="teacher",
        from_=alt.LookupData(
            data=alt.NamedData("teacher_grams"), key="teacher", fields=["teacher_cells"]
        ),
    )
    cells = _spread(cells, runs.NUM_VECTORS, ["cells", "teacher_cells"])
    cells = cells.transform_calculate(
        state="abs(datum.teacher_cells) <= 10 ? (abs(datum.cells) <= 10 ? 'kept' : "
        "'lost') : (abs(datum.cells) <= 10 ? 'gained' : 'in neither')"
    )
    colour = (
        alt.Color("state:N")
        .scale(domain=list(PAIRS), range=list(PAIRS.values()))
        .legend(None)
    )
    return _finish(
        _both_halves(cells, runs.NUM_VECTORS, colour, PAIRS["in neither"]),
        "Map of all pairs at the chosen step: epsilon-orthogonal in teacher and "
        "student (kept), in the teacher only (lost), in the student only (gained), or "
        "in neither.",
        ["teacher3", "objective3", "width3", "record"],
    )


def teacher_cosines() -> alt.LayerChart:
    """Shares of the teacher's pairs over |cos|, and of random ones."""
    base = _named("teacher_cosines").transform_filter("datum.teacher == teacher2")
    x = alt.X("low:Q", title="|cosine| of a pair", bin="binned").scale(domain=[0, 1])
    x = x.axis(format=".1f", values=[0, 0.2, 0.4, 0.6, 0.8, 1])
    line_x = alt.X("low:Q")  # a line has no other end to be binned by
    y = alt.Y("share:Q", title="share of pairs").axis(format="%", tickCount=5)
    level = (
        alt.Chart(alt.InlineData([{}]))
        .mark_rule(color=INK, strokeDash=[5, 3])
        .encode(x=alt.datum(grams.EPSILON))
    )
    return _finish(
        alt.layer(
            base.transform_calculate(of="'this teacher'")
            .mark_bar(opacity=0.85)
            .encode(x=x, x2="high:Q", y=y, color=_two("this teacher", "random")),
            base.transform_calculate(of="'random'")
            .mark_line(interpolate="step-after", strokeWidth=2)
            .encode(x=line_x, y="random:Q", color=_two("this teacher", "random")),
            level,
        ),
        "Histogram of the absolute cosines of the teacher's pairs, and a line for "
        "random directions of the same dimension. A dashed rule stands at epsilon.",
        ["teacher2"],
    )


def over_steps(field: str, title: str, scale: alt.Scale, **levels) -> alt.LayerChart:
    """Every seed thin and the median thick over the steps, a rule at the record."""
    base = _of_run(_named("curves"), record=False).encode(
        x=alt.X("step:Q", title="step")
        .scale(type="symlog", constant=1, nice=False)
        .axis(values=[0, 1, 10, 100, 600]),
        color=_colour(None),
    )
    y = alt.Y(f"{field}:Q", title=title, scale=scale).axis(**_powers(-6, 0))
    if field == "matthews":
        y = y.axis(format=".1f", tickCount=6)
    here = base.transform_filter("datum.record == record && datum.seed == 0")
    return _finish(
        alt.layer(
            base.mark_line(strokeWidth=1, opacity=0.45).encode(y=y, detail="seed:N"),
            base.mark_line(strokeWidth=3).encode(
                y=alt.Y(f"median({field}):Q", title=title)
            ),
            here.mark_rule(opacity=0.5).encode(color=alt.value(INK)),
            here.mark_point(filled=True, size=90, opacity=1).encode(y=y),
            *levels.values(),
        ),
        f"{title} over the steps of training, logarithmic: a thin line for each seed "
        "and a thick one for their median. A point marks seed 0 at the chosen step.",
        ["teacher3", "objective3", "width3", "record"],
    )


def kept_over_steps() -> alt.LayerChart:
    """Matthews correlation over the steps, with chance and limit."""
    levels = _named("levels").transform_filter(
        "datum.teacher == teacher3 && datum.width == width3"
    )
    return over_steps(
        "matthews",
        "Matthews correlation",
        alt.Scale(domain=[-0.2, 1]),
        **_level_marks(levels),
    )


def loss_against_geometry() -> alt.LayerChart:
    """One curve per run in the (loss, kept geometry) plane."""
    chosen = "datum.teacher == teacher4 && datum.width == width4"
    lit = (
        "highlight == 'all' || datum.objective == highlight || "
        "(highlight == 'centred' && indexof(centred, datum.objective) >= 0) || "
        "(highlight == 'uncentred' && indexof(uncentred, datum.objective) >= 0)"
    )
    run = alt.selection_point(
        name="run", on="pointerover", clear="pointerout", nearest=True,
        fields=["objective", "seed"], empty=True,
    )  # fmt: skip
    legend = alt.Legend(
        orient="bottom", columns=1, symbolSize=110, labelLimit=0, title=None
    )
    base = (
        _named("curves")
        .transform_filter(chosen)
        .transform_joinaggregate(final="max(record)")
        .encode(
            x=alt.X("excess:Q", title="loss above least possible / zero student's loss")
            .scale(type="log", domain=[runs.FLOOR, 10], clamp=True)
            .axis(**_powers(-6, 1)),
            y=alt.Y("matthews:Q", title="Matthews correlation")
            .scale(domain=[-0.2, 1.02], nice=False)
            .axis(format=".1f", tickCount=6),
            color=_colour(legend),
            detail="seed:N",
            opacity=alt.condition(
                f"({lit}) && (!length(data('run_store')) || "
                "vlSelectionTest('run_store', datum))",
                alt.value(0.95),
                alt.value(0.08),
            ),
        )
    )
    points = (
        base.transform_filter("datum.record == datum.final")
        .mark_point(filled=True, size=110)
        .encode(
            shape=alt.Shape("objective:N", legend=legend).scale(
                domain=LABELS, range=_MARKS
            ),
        )
    )
    hover = (
        base.mark_point(filled=True, size=14)
        .encode(
            tooltip=[
                alt.Tooltip("objective:N"),
                alt.Tooltip("seed:Q"),
                alt.Tooltip("step:Q"),
                alt.Tooltip("loss:Q", format=".3~g"),
                alt.Tooltip("excess:Q", format=".2~g", title="above least possible"),
                alt.Tooltip("matthews:Q", format=".2f", title="Matthews"),
            ]
        )
        .add_params(run)
    )
    levels = _named("levels").transform_filter(chosen)
    centred = [
        each.label for each in runs.OBJECTIVES if "translation" in each.invariant_to
    ]
    groups = [
        alt.param(name="centred", value=centred),
        alt.param(
            name="uncentred", value=[name for name in LABELS if name not in centred]
        ),
    ]
    lines = base.mark_line(strokeWidth=1.2).encode(
        order="record:Q",
        strokeDash=alt.StrokeDash("objective:N", legend=legend).scale(
            domain=LABELS, range=_DASHES
        ),
    )
    return _finish(
        alt.layer(lines, hover, points, *_level_marks(levels).values()),
        "Loss above the least possible, against Matthews correlation: a line for each "
        "run, from its start on the right to a large symbol at its end. Dashed: "
        "objectives that centre. Rules at chance and at the limit.",
        ["teacher4", "width4", "highlight"],
    ).add_params(*groups)


def family_map(family: alt.Parameter, far: Any) -> alt.LayerChart:
    """Heat map of a constructed student, or of its teacher."""
    place = "far" if isinstance(far, alt.Parameter) else far
    which = "the student that was built" if place == "far" else "the teacher"
    cells = _named("built").transform_filter(
        f"datum.family == family && datum.far == {place}"
    )
    return _heat_map(
        cells,
        zero_loss.NUM_VECTORS,
        f"Heat map of the cosines of all pairs of vectors of {which}.",
        ["family", *(["far"] if place == "far" else [])],
    )


def distances() -> alt.LayerChart:
    """Every distance of the constructed student, as a bar with its number."""
    label = alt.Axis(
        labelExpr="split(replace(datum.label, ', ', '\\n'), '\\n')",
        labelOverlap=False,
        labelLimit=0,
        title=None,
        ticks=False,
    )
    base = (
        _named("distances")
        .transform_filter("datum.family == family && datum.far == far")
        .transform_calculate(
            text="datum.distance == 0 ? 'zero' : format(datum.distance, '.2~g')"
        )
        .encode(
            x=alt.X("distance:Q", title="loss / zero student's loss")
            .scale(domain=[0, 1.15], clamp=True)
            .axis(tickCount=4),
            y=alt.Y("objective:N", sort=list(zero_loss.SHOWN.values()), axis=label),
        )
    )
    return _finish(
        alt.layer(
            base.mark_bar().encode(color=_colour(None)),
            base.mark_text(align="left", dx=4).encode(text="text:N"),
        ),
        "Bars: the loss of the student that was built under six objectives, relative "
        "to that of a student of zeros; the axis ends at 1.15.",
        ["family", "far"],
    )  # fmt: skip


def bound(name: str) -> alt.Parameter:
    """A parameter that follows the element of the page with that id."""
    return alt.param(name=name, value="", bind=alt.BindDirect(element=f"#{name}"))


def _finish(chart: alt.LayerChart, says: str, controls: list[str]) -> alt.LayerChart:
    return (
        chart.properties(
            width="container",
            height="container",
            description=says,
            autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        )
        .add_params(*map(bound, controls))
        .configure(**CONFIG)
    )


def _named(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name))


def _of_run(chart: alt.Chart, record: bool = True) -> alt.Chart:
    chosen = (
        "datum.teacher == teacher3 && datum.objective == objective3 && "
        "datum.width == width3"
    )
    return chart.transform_filter(
        f"{chosen} && datum.record == record" if record else chosen
    )


def _heat_map(
    cells: alt.Chart,
    num_vectors: int,
    says: str,
    controls: list[str],
    pattern: str = "false",
) -> alt.LayerChart:
    cells = _spread(cells, num_vectors, ["cells"]).transform_calculate(
        # The ends of the scale stand for the pattern: orthogonal blue, the rest pale.
        cosine=f"{pattern} ? (abs(datum.cells) <= 10 ? -100 : 0) : datum.cells"
    )
    colour = (
        alt.Color("cosine:Q")
        .scale(domain=[-100, -50, 0, 50, 100], range=list(COSINES))
        .legend(None)
    )
    both = _both_halves(cells, num_vectors, colour, COSINES[-1])
    return _finish(both, says, controls)


def _spread(chart: alt.Chart, num_vectors: int, fields: list[str]) -> alt.Chart:
    """One row for each pair i < j, with its place."""
    rows, columns = grams.places(num_vectors)
    return chart.transform_calculate(
        row=_list(rows), column=_list(columns)
    ).transform_flatten([*fields, "row", "column"])


def _both_halves(
    cells: alt.Chart, num_vectors: int, colour: alt.Color, diagonal: str
) -> alt.LayerChart:
    """The pairs on both sides of the diagonal, and it in a colour of its own."""
    places = alt.Scale(domain=list(range(num_vectors)), padding=0)
    options = {"axis": None, "scale": places}
    return alt.layer(
        *(
            cells.mark_rect(strokeWidth=0.6).encode(
                x=alt.X(f"{first}:O", **options),
                y=alt.Y(f"{second}:O", **options),
                color=colour,
                stroke=alt.Stroke(
                    **dict(colour.to_dict())
                ),  # or gaps would shine through
            )
            for first, second in (("column", "row"), ("row", "column"))
        ),
        alt.Chart(alt.sequence(0, num_vectors, as_="at"))
        .mark_rect(fill=diagonal, stroke=diagonal, strokeWidth=0.6)
        .encode(x=alt.X("at:O", **options), y=alt.Y("at:O", **options)),
    )


def _level_marks(levels: alt.Chart) -> dict[str, Any]:
    dash = alt.condition(
        "datum.level == 'chance'", alt.value([2, 3]), alt.value([8, 3])
    )
    y = alt.Y("matthews:Q")
    return {
        "rule": levels.mark_rule(color=INK).encode(y=y, strokeDash=dash),
        "text": levels.mark_text(
            align="right",
            baseline="middle",
            dy={"expr": "datum.level == 'chance' ? 20 : -9"},
        ).encode(y=y, x=alt.value("width"), text="level:N"),
    }


def _colour(legend: alt.Legend | None) -> alt.Color:
    return alt.Color("objective:N", legend=legend).scale(
        domain=LABELS, range=list(COLOURS.values())
    )


def _two(first: str, second: str) -> alt.Color:
    return (
        alt.Color("of:N", title=None)
        .scale(domain=[first, second], range=[PAIRS["kept"], PAIRS["lost"]])
        .legend(orient="top")
    )


def _powers(low: int, high: int) -> dict[str, Any]:
    """An axis of powers of ten; Vega has no superscripts of its own."""
    powers = range(low, high + 1)
    labels = [grams.power_of_ten(10.0**power) for power in powers]
    return {
        "values": [10.0**power for power in powers],
        "labelExpr": f"{labels}[round(log(datum.value) / LN10) - ({low})]",
    }


def _list(values: Any) -> str:
    return f"[{', '.join(str(value) for value in values)}]"
