"""What charts have in common: colours, scales, names of objectives, bound controls."""

from typing import Any

import altair as alt
from matplotlib.colors import to_hex

from simgeo import plots
from simgeo_apps.page import rounding, training

# Stops of diverging `vlag`, which seaborn's figures use for cosines too.
COSINES = ("#2369bd", "#a9b8d7", "#faf7f7", "#dba9a7", "#a9373b")

# Of Okabe and Ito's set, so that they differ for every kind of sight.
PAIRS = {
    "preserved": "#0072b2",
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

LABELS = [objective.label for objective in training.OBJECTIVES]

COLOURS = {name: to_hex(plots.STYLES[name][0]) for name in LABELS}

DASHES = [[5, 3] if plots.STYLES[name][1] == "--" else [1, 0] for name in LABELS]

MARKS = [_SHAPES[plots.STYLES[name][2]] for name in LABELS]


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


def finish(chart: alt.LayerChart, says: str, controls: list[str]) -> alt.LayerChart:
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


def bound(name: str) -> alt.Parameter:
    """A parameter that follows the element of the page with that id."""
    return alt.param(name=name, value="", bind=alt.BindDirect(element=f"#{name}"))


def named(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name))


def of_run(chart: alt.Chart, record: bool = True) -> alt.Chart:
    chosen = (
        "datum.teacher == teacher3 && datum.objective == objective3 && "
        "datum.width == width3"
    )
    return chart.transform_filter(
        f"{chosen} && datum.record == record" if record else chosen
    )


def level_marks(levels: alt.Chart) -> dict[str, Any]:
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


def colour(legend: alt.Legend | None) -> alt.Color:
    return alt.Color("objective:N", legend=legend).scale(
        domain=LABELS, range=list(COLOURS.values())
    )


def two(first: str, second: str) -> alt.Color:
    return (
        alt.Color("of:N", title=None)
        .scale(domain=[first, second], range=[PAIRS["preserved"], PAIRS["lost"]])
        .legend(orient="top")
    )


def powers(low: int, high: int) -> dict[str, Any]:
    """An axis of powers of ten; Vega has no superscripts of its own."""
    powers = range(low, high + 1)
    labels = [rounding.power_of_ten(10.0**power) for power in powers]
    return {
        "values": [10.0**power for power in powers],
        "labelExpr": f"{labels}[round(log(datum.value) / LN10) - ({low})]",
    }


def as_list(values: Any) -> str:
    return f"[{', '.join(str(value) for value in values)}]"
