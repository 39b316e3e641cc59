"""The charts, by name: Vega-Lite, made with Altair, whose data are named, not held.

What a reader drags is an element of the page; a chart's parameters are bound to it.
"""

import altair as alt

from simgeo_apps.page import counts, marks, rounding, zero_loss

AXIS_END = 2.6  # of relative losses: beyond the longest bar and its number


def charts() -> dict[str, dict]:
    """Every chart of the page as Vega-Lite, by name."""
    made = {
        "random": random_cosines(),
        "fits": how_many_fit(),
        "teacher_cosines": teacher_cosines(),
        "loss": over_steps(
            "excess", "above optimum", alt.Scale(type="log"), has_legend=False
        ),
        "agreement": agreement_over_steps(),
        "plane": loss_against_geometry(),
        "distances": distances(),
    }
    return {name: chart.to_dict() for name, chart in made.items()}


def random_cosines() -> alt.LayerChart:
    """Histogram of the cosine of two random vectors, the orthogonal ones set off."""
    bars = (
        marks.named("histogram")
        .transform_filter("datum.place_d == d")
        .transform_calculate(low=f"sequence(-1, 1 - {counts.BIN / 2}, {counts.BIN})")
        .transform_flatten(["share", "low"])
        .transform_calculate(
            high=f"datum.low + {counts.BIN}",
            within=f"abs(datum.low + {counts.BIN / 2}) < "
            f"{marks.as_list(counts.EPSILONS)}[epsilon] ? {marks.WITHIN}",
        )
        .mark_bar()
        .encode(
            x=alt.X("low:Q", title="cosine of two random vectors", bin="binned")
            .scale(domain=[-1, 1])
            .axis(values=[-1, -0.5, 0, 0.5, 1]),
            x2="high:Q",
            # As wide for every d, or the chart would jump.
            y=alt.Y("share:Q", title="share of pairs").axis(
                format=".2~%", tickCount=4, minExtent=44
            ),
            color=marks.within(),
        )
    )
    return marks.finish(
        alt.layer(bars),
        "Histogram of the cosine of two random vectors in d dimensions; the bars "
        "within epsilon of zero are set off. It narrows as d grows.",
        ["d", "epsilon"],
    )


def how_many_fit() -> alt.LayerChart:
    """Known and most pairwise orthogonal vectors over d, at one epsilon."""
    y = {"scale": alt.Scale(type="log", domain=[1, 1e9], clamp=True)}
    base = (
        marks.named("counts")
        .transform_filter("datum.place_epsilon == epsilon")
        .transform_fold(["most", "known"], as_=["bound", "vectors"])
        .transform_calculate(
            bound="{most: 'proven ceiling', known: 'known to exist'}[datum.bound]"
        )
        .encode(
            x=alt.X("d:Q", title="dimensions d").scale(type="log", base=2, nice=False),
            y=alt.Y("vectors:Q", title="vectors, pairwise ε-orthogonal", **y).axis(
                **marks.powers(0, 9)
            ),
            strokeDash=alt.StrokeDash("bound:N", title=None)
            .scale(domain=["proven ceiling", "known to exist"], range=[[5, 3], [1, 0]])
            .legend(
                orient="top",
                symbolType="stroke",
                symbolStrokeColor=marks.INK,
                symbolSize=900,
            ),
            tooltip=[
                alt.Tooltip("d:Q"),
                alt.Tooltip("bound:N"),
                alt.Tooltip("vectors:Q", format=",.3~g"),
            ],
        )
    )
    here = base.transform_filter("datum.place_d == d")
    return marks.finish(
        alt.layer(
            base.mark_line(interpolate="linear", color=marks.INK),
            here.mark_rule(color=marks.INK, opacity=0.4).encode(
                y=alt.value(0), y2=alt.value("height"), strokeDash=alt.value([1, 0])
            ),
            here.mark_point(fill=marks.INK, stroke=None, size=90, opacity=1).encode(
                strokeDash=alt.value([1, 0])
            ),
        ),
        "How many vectors can be pairwise epsilon-orthogonal in d dimensions: a line "
        "for sets that are known and one for the proven ceiling, cut at a thousand "
        "million. A point on each marks the chosen d.",
        ["d", "epsilon"],
    )


def teacher_cosines() -> alt.LayerChart:
    """Shares of the teacher's pairs over |cos|, and of random ones."""
    base = marks.named("teacher_cosines").transform_filter("datum.teacher == teacher2")
    x = alt.X("low:Q", title="|cosine| of a pair", bin="binned").scale(domain=[0, 1])
    x = x.axis(format=".1f", values=[0, 0.2, 0.4, 0.6, 0.8, 1])
    line_x = alt.X("low:Q")  # a line has no other end to be binned by
    y = alt.Y("share:Q", title="share of pairs").axis(format="%", tickCount=5)
    level = (
        alt.Chart(alt.InlineData([{}]))
        .mark_rule(color=marks.INK, strokeDash=[5, 3])
        .encode(x=alt.datum(rounding.EPSILON))
    )
    return marks.finish(
        alt.layer(
            base.transform_calculate(
                within=f"datum.low < {rounding.EPSILON - 0.001} ? {marks.WITHIN}"
            )
            .mark_bar()
            .encode(x=x, x2="high:Q", y=y, color=marks.within()),
            base.mark_line(
                interpolate="step-after", strokeWidth=2, stroke=marks.INK
            ).encode(x=line_x, y="random:Q"),
            level,
        ),
        "Histogram of the absolute cosines of the teacher's pairs, and a line for "
        "random directions of the same dimension. A dashed rule stands at epsilon.",
        ["teacher2"],
    )


def over_steps(
    field: str, title: str, scale: alt.Scale, *levels, has_legend: bool = True
) -> alt.LayerChart:
    """Two objectives: each seed thin, the median thick, a rule at the chosen record."""
    legend = None
    if has_legend:
        legend = alt.Legend(
            orient="top",
            columns=1,
            title=None,
            labelLimit=0,
            values={"expr": "[objective3, beside3]"},
            symbolType="stroke",
            symbolSize=900,
            symbolStrokeWidth=3,
            symbolOpacity=1,
        )
    base = (
        marks.named("curves")
        .transform_filter(
            "datum.teacher == teacher3 && datum.width == width3 && "
            "(datum.objective == objective3 || datum.objective == beside3)"
        )
        .encode(
            x=alt.X("step:Q", title="step")
            .scale(type="symlog", constant=1, nice=False)
            .axis(values=[0, 1, 10, 100, 600]),
            color=marks.colour(legend),
            strokeDash=marks.dash(legend),
        )
    )
    y = alt.Y(f"{field}:Q", title=title, scale=scale).axis(**marks.powers(-5, 0))
    if field == "matthews":
        y = y.axis(format=".1f", values=marks.AGREEMENTS)
    here = base.transform_filter("datum.record == record && datum.seed == 0")
    return marks.finish(
        alt.layer(
            base.mark_line(strokeWidth=1, opacity=0.5).encode(y=y, detail="seed:N"),
            base.mark_line(strokeWidth=3).encode(
                y=alt.Y(f"median({field}):Q", title=title)
            ),
            here.mark_rule(opacity=0.5).encode(
                color=alt.value(marks.INK), strokeDash=alt.value([1, 0])
            ),
            here.mark_point(size=90, opacity=1, strokeWidth=2).encode(
                y=y, fill=marks.fill(legend), strokeDash=alt.value([1, 0])
            ),
            *levels,
        ),
        f"{title} over the steps of training, logarithmic: a thin line for each seed "
        "and a thick one for their median. A point marks seed 0 at the chosen step.",
        ["teacher3", "objective3", "beside3", "width3", "record"],
    )


def agreement_over_steps() -> alt.LayerChart:
    """Pattern agreement over the steps, with its chance level and SVD baseline."""
    levels = marks.named("levels").transform_filter(
        "datum.teacher == teacher3 && datum.width == width3"
    )
    return over_steps(
        "matthews",
        "pattern agreement",
        alt.Scale(domain=[-0.3, 1.15], nice=False),
        *marks.level_marks(levels),
    )


def loss_against_geometry() -> alt.LayerChart:
    """One curve per run in the plane of loss and pattern agreement."""
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
        marks.named("curves")
        .transform_filter(chosen)
        .transform_joinaggregate(final="max(record)")
        .encode(
            x=alt.X("excess:Q", title="loss above its optimum / zero student's loss")
            .scale(type="log", domain=[rounding.FLOOR, 10], clamp=True)
            .axis(**marks.powers(-5, 1)),
            y=alt.Y("matthews:Q", title="pattern agreement")
            .scale(domain=[-0.3, 1.12], nice=False)
            .axis(format=".1f", values=marks.AGREEMENTS),
            color=marks.colour(legend),
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
        .mark_point(size=110, strokeWidth=2)
        .encode(
            fill=marks.fill(legend),
            shape=alt.Shape("objective:N", legend=legend).scale(
                domain=marks.LABELS, range=marks.MARKS
            ),
        )
    )
    hover = (
        base.mark_point(size=12, strokeWidth=1)
        .encode(
            tooltip=[
                alt.Tooltip("objective:N"),
                alt.Tooltip("seed:Q"),
                alt.Tooltip("step:Q"),
                alt.Tooltip("excess:Q", format=".2~g", title="loss above optimum"),
                alt.Tooltip("matthews:Q", format=".2f", title="agreement"),
            ]
        )
        .add_params(run)
    )
    levels = marks.named("levels").transform_filter(chosen)
    groups = [
        alt.param(name="centred", value=marks.IN_ORDER[:3]),
        alt.param(name="uncentred", value=marks.IN_ORDER[3:]),
    ]
    lines = base.mark_line(strokeWidth=1.2).encode(
        order="record:Q", strokeDash=marks.dash(legend)
    )
    return marks.finish(
        alt.layer(lines, hover, points, *marks.level_marks(levels)),
        "Loss above its optimum, against pattern agreement: a line for each run, from "
        "its start on the right to a large symbol at its end. Dashed: objectives that "
        "centre. Rules at the chance level and the SVD baseline.",
        ["teacher4", "width4", "highlight"],
    ).add_params(*groups)


def distances() -> alt.LayerChart:
    """Every distance of the constructed student, as a bar with its number."""
    label = alt.Axis(labelOverlap=False, labelLimit=0, title=None, ticks=False)
    base = (
        marks.named("distances")
        .transform_filter("datum.family == family && datum.far == far")
        .transform_calculate(
            text="datum.distance == 0 ? 'zero' : format(datum.distance, '.2~g')"
        )
        .encode(
            x=alt.X("distance:Q", title="loss / zero student's loss")
            .scale(domain=[0, AXIS_END], nice=False)
            .axis(tickCount=4),
            y=alt.Y("objective:N", sort=list(zero_loss.LABELS.values()), axis=label),
        )
    )
    return marks.finish(
        alt.layer(
            base.mark_bar(strokeWidth=2, strokeJoin="round").encode(
                stroke=marks.stroke(), fill=marks.fill(None)
            ),
            base.mark_text(align="left", dx=4).encode(text="text:N"),
        ),
        "Bars: the loss of the student that was built under seven objectives, relative "
        "to that of a student of zeros; hollow for those that centre.",
        ["family", "far"],
    )  # fmt: skip
