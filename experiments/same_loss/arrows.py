"""Three orthogonal groups as arrows, before and after one common vector is added."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simgeo import plots

HIGH = 4.75  # of the picture, in inches
SMALL = plots.SMALLEST


def axes_at(
    figure: Figure, left: float, bottom: float, width: float, high: float
) -> Axes:
    """Axes at a place in inches."""
    return figure.add_axes(
        (left / plots.PAGE, bottom / HIGH, width / plots.PAGE, high / HIGH)
    )


# The eye: towards it, to the right and up.
_EYE = np.array([0.84, 0.5, -0.2])


def _seen(points: Float[np.ndarray, "p 3"]) -> Float[np.ndarray, "p 2"]:
    forth = _EYE / np.linalg.norm(_EYE)
    right = np.cross([0, 0, 1.0], forth)
    right /= np.linalg.norm(right)
    return np.stack([points @ right, points @ np.cross(forth, right)], axis=1)


def draw_arrows(figure: Figure) -> None:
    """Three orthogonal groups, and the same moved by one vector."""
    rng = np.random.default_rng(3)
    groups = np.eye(3)[:, None] + 0.1 * rng.standard_normal((3, 4, 3))
    groups /= np.linalg.norm(groups, axis=2, keepdims=True)
    common = np.ones(3) / np.sqrt(3)
    for bottom, high, moved, title in (
        (2.62, 0.87, np.zeros(3), "three orthogonal groups"),
        (0.9, 1.2, common, "all moved by\none common vector"),
    ):
        ax = axes_at(figure, 0.02, bottom, 1.5, high)
        for group, grey in zip(groups, ("0.1", "0.4", "0.6"), strict=True):
            for tip in _seen(group + moved):
                _arrow(ax, tip, arrowstyle="-|>,head_width=0.13", lw=0.9, color=grey)
        ways = (np.eye(3) + moved) / np.linalg.norm(np.eye(3) + moved, axis=1)[:, None]
        for one, other, place in ((0, 1, 7), (1, 2, 15), (0, 2, 15)):
            _arc(ax, ways[one], ways[other], 1.2 if moved.any() else 0.5, place)
        if moved.any():
            (tip,) = _seen(common[None])
            _arrow(ax, tip, arrowstyle="simple,head_width=0.5", fc="white", lw=0.7)
        ax.set(xlim=(-1.2, 1.3), ylim=(-0.2, high / 0.6 - 0.2), aspect="equal")
        ax.set_axis_off()
        ax.set_title(title, fontsize=7, pad=1)
    place = 0.77 / plots.PAGE, 4.05 / HIGH
    options = {"ha": "center", "va": "center", "fontsize": 7, "style": "italic"}
    figure.text(*place, "For a centred loss\nthese two are the same:", **options)


def _arrow(ax: Axes, tip: np.ndarray, **style) -> None:
    ax.annotate("", tip, (0, 0), arrowprops={"shrinkA": 0, "shrinkB": 0, **style})


def _arc(
    ax: Axes, one: np.ndarray, other: np.ndarray, radius: float, place: int
) -> None:
    """The arc between two directions, and its angle."""
    angle = np.arccos(one @ other)
    side = other - (one @ other) * one
    side /= np.linalg.norm(side)
    turn = np.linspace(0, angle, 31)[:, None]
    path = radius * _seen(np.cos(turn) * one + np.sin(turn) * side)
    ax.plot(*path.T, color="0.2", lw=0.6)
    box = {"fc": "white", "ec": "none", "pad": 0.3, "alpha": 0.9}
    options = {"ha": "center", "va": "center", "fontsize": SMALL, "bbox": box}
    # Left of the middle where the third group, or the vector, stands.
    ax.text(*path[place], f"{np.degrees(angle):.0f}°", **options)
