"""What charts have in common: colours, scales, names of objectives, bound controls."""

from typing import Any

import altair as alt
from matplotlib.colors import to_hex

from simgeo import plots
from simgeo_apps.page import rounding, training

# Of pairs, everywhere on the page: orthogonal in both, or which side has it alone.
FATES = {fate: to_hex(colour) for fate, colour in reversed(plots.FATES.items())}
ORTHOGONAL, OTHER = FATES["preserved"], FATES["in neither"]

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

# One hue for a family, centred or not: dashes and fill tell that.
_STYLES = {
    name: plots.STYLES[objective.label]
    for name, objective in training.OBJECTIVES.items()
}

LABELS = list(training.OBJECTIVES)

# On a dark background Gram's green would have too little contrast.
_LIGHTER = {to_hex(plots.STYLES["Gram"].colour): "#57c9a0"}

_FAMILIES = {name: name.split()[-1].lower() for name in LABELS}

# Of every family, on a light background and on a dark one.
HUES = {
    _FAMILIES[name]: (hue := to_hex(style.colour), _LIGHTER.get(hue, hue))
    for name, style in _STYLES.items()
}

COLOURS = {name: f"var(--{family})" for name, family in _FAMILIES.items()}

MARKS = [_SHAPES[style.marker] for style in _STYLES.values()]

DASHES = [[5, 3] if name in training.CENTRED else [1, 0] for name in LABELS]

FILLS = [
    "transparent" if name in training.CENTRED else colour
    for name, colour in COLOURS.items()
]

# Centred ones first, as in Figure 1.
IN_ORDER = [*LABELS[:-1:2], *LABELS[1:-1:2], LABELS[-1]]


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


def level_marks(levels: alt.Chart) -> list[alt.Chart]:
    y, label = alt.Y("matthews:Q"), {"align": "right", "baseline": "bottom", "dy": -2}
    is_chance = "datum.level == 'chance level'"
    dash = alt.condition(is_chance, alt.value([2, 3]), alt.value([8, 3]))
    text = levels.encode(text="text:N", x=alt.value("width"))
    return [
        levels.mark_rule(color=INK).encode(y=y, strokeDash=dash),
        text.transform_filter(f"!({is_chance})").mark_text(**label).encode(y=y),
        # At the foot, where fewest curves pass.
        text.transform_filter(is_chance)
        .mark_text(**label)
        .encode(y=alt.value("height")),
    ]


def colour(legend: alt.Legend | None) -> alt.Color:
    return alt.Color("objective:N", legend=legend).scale(
        domain=LABELS, range=list(COLOURS.values())
    )


def stroke() -> alt.Stroke:
    return alt.Stroke("objective:N", legend=None).scale(
        domain=LABELS, range=list(COLOURS.values())
    )


def fill(legend: alt.Legend | None) -> alt.Fill:
    """Hollow where the objective centres."""
    return alt.Fill("objective:N", legend=legend).scale(domain=LABELS, range=FILLS)


def dash(legend: alt.Legend | None) -> alt.StrokeDash:
    return alt.StrokeDash("objective:N", legend=legend).scale(
        domain=LABELS, range=DASHES
    )


AGREEMENTS = [0, 0.5, 1]  # where an axis of it is labelled
WITHIN = "'ε-orthogonal' : 'not'"  # of an expression, after what decides


def within() -> alt.Color:
    return (
        alt.Color("within:N", title=None)
        .scale(domain=["ε-orthogonal", "not"], range=[ORTHOGONAL, OTHER])
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
