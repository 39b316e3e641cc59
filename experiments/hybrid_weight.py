"""What does the weight w of a geometry term do in (1 - w) L1 / s1 + w L2 / s2?

s is the loss of the student of zero rows, which knows nothing, so that w = 1/2 weighs
both parts alike; the pattern hinge is zero there, and its s is the loss of random rows.
Medians over the seeds, to three digits, for every teacher and width.

Prediction: CKA and Procrustes or Gram share a minimiser at m = d, and hardly compete at
half of it, so w = 0.001 buys nine tenths of what any weight buys, and CKA does not
rise. The task reads 32 directions of 128, keeps little by itself and needs w near 0.1.
The hinge helps the projection, but alone it makes every pair orthogonal: best inside.

Outcome, medians of Matthews: right in kind, wrong in size. At m = d Procrustes at
w = 0.003 to 0.01 takes CKA from 0.91 and -0.01 to 1 at no price; 0.001 buys a quarter
of it on the common mean. At half of d it takes 0.003 on blocks and 0.3 on the common
mean (Gram 0.01 and 0.03); CKA rises by less than 0.001. On the high fraction nothing is
to be bought: all keep the 0.32 of the truncated SVD. The task keeps 0.03 to 0.19 and
needs w = 0.1 to 0.3; by then its loss has grown 3- to 26-fold, while w = 0.01 lowers
it. The hinge takes the projection from 0.19 to 0.83 and from 0.41 to 0.99 at w = 0.3,
its loss almost unmoved, but is best alone where the teacher's fraction is high: 0.90,
far above the truncated SVD, for a projection loss that more than doubles. It asks for
just what is measured here, at the same epsilon.
"""

import itertools
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from experiments import cells
from experiments.cells import TEACHERS, Cell, preset
from experiments.gallery import Shown
from simgeo import experiment, objectives, plots, stats, students
from simgeo.experiment import Experiment
from simgeo.objectives import AbstractObjective

WEIGHTS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.7, 1.0)
MOST = 0.9  # of the largest gain, that we call most of it
LEAST = 0.02  # gain in Matthews correlation below which there is nothing to buy
CELL = ["hybrid", "teacher", "student_dim"]


class Pair(NamedTuple):
    """Both parts, and which of them is recorded as which distance."""

    first: AbstractObjective
    second: AbstractObjective
    record: str  # the first's; or the second's, and the first is what is left
    is_first: bool = True
    ratios: tuple[int, ...] = (2,)  # the teacher's width over the student's


PAIRS = {
    "CKA + Procrustes": Pair(
        objectives.CKA(), objectives.Procrustes(), "cka", ratios=(1, 2)
    ),
    "CKA + Gram, unit rows": Pair(
        objectives.CKA(), objectives.FeatureGram(unit_rows=True), "cka"
    ),
    "Logit KL + Procrustes": Pair(
        objectives.LogitKL(), objectives.Procrustes(), "procrustes", is_first=False
    ),
    "Projection + pattern hinge": Pair(
        objectives.LinearProjection(), objectives.PatternHinge(), "projection"
    ),
}


def common(quick: bool, **changes) -> Experiment:
    """What the runs share."""
    size = {"num_steps": 200 if quick else 500, "num_seeds": 4 if quick else 8}
    ends = {"num_records": 2, "record_spacing": "even"}
    return preset(quick, **size, **ends, **changes)


def scales(**teachers: Experiment) -> pd.DataFrame:
    """The loss of a student that knows nothing, for every part, teacher and width."""
    parts = {part.label: part for pair in PAIRS.values() for part in pair[:2]}
    rows = []
    for name, one in teachers.items():
        drawn = jnp.asarray(np.asarray(experiment.draw_teachers(one)))  # one device
        for width in (one.teacher_dim, one.teacher_dim // 2):
            random = students.GaussianStart()(jax.random.key(0), drawn[0], width)
            for label, part in parts.items():
                learned = part.init(jax.random.key(0), width, one.teacher_dim)
                for student in (jnp.zeros_like(random), random):
                    losses = [part(student, each, learned) for each in drawn]
                    if np.median(losses) > 0:
                        break
                rows.append((name, width, label, float(f"{np.median(losses):.3g}")))
    return pd.DataFrame(rows, columns=["teacher", "student_dim", "part", "scale"])


def compute(quick: bool) -> pd.DataFrame:
    """The end of every run: beside the records `hybrid`, `weight`, `first_loss`."""
    asked = {name: common(quick, teacher=each) for name, each in TEACHERS.items()}
    table = cells.cached(scales, asked).set_index(["teacher", "student_dim", "part"])
    grid, names = [], []
    for hybrid, pair in PAIRS.items():
        for ratio, teacher in itertools.product(pair.ratios, TEACHERS):
            width = asked[teacher].teacher_dim // ratio
            s1, s2 = (table.scale[teacher, width, each.label] for each in pair[:2])
            for weight in WEIGHTS:
                weights = (float((1 - weight) / s1), float(weight / s2))
                objective = objectives.Hybrid(pair[:2], weights)
                one = common(
                    quick,
                    teacher=TEACHERS[teacher],
                    objective=objective,
                    student_dim=width,
                )
                grid.append(Cell("hybrid_weight", teacher, one))
                found = (hybrid, weight, *weights, s1, s2)
                names.append((teacher, width, objective.label, *found))
    keys = ["teacher", "student_dim", "objective"]
    columns = [*keys, "hybrid", "weight", "own", "other", "first_scale", "second_scale"]
    frame = cells.compute(grid).merge(pd.DataFrame(names, columns=columns), on=keys)
    last = frame[frame["step"] == frame["step"].max()].copy()
    last["first_loss"] = _first(last) / last["first_scale"]
    return last


def _first(last: pd.DataFrame) -> pd.Series:
    """The first part, as recorded or as what the second leaves of the whole loss."""
    found = []
    for hybrid, runs in last.groupby("hybrid", sort=False):
        pair = PAIRS[str(hybrid)]
        recorded = runs[f"distance_{pair.record}"]
        if not pair.is_first:
            own = runs["own"].where(runs["own"] > 0)  # nobody trains its map at w = 1
            recorded = (runs["loss"] - runs["other"] * recorded) / own
        found.append(recorded)
    return pd.concat(found)


def compare(last: pd.DataFrame) -> pd.DataFrame:
    """Kept geometry and first loss of every weight against weight zero, by seed."""
    long = last.melt(
        [*CELL, "weight", "seed"], ["matthews", "first_loss"], "measure", "amount"
    )
    found = stats.paired_comparisons(
        long, "amount", "weight", within=["measure", *CELL], baseline=0.0
    )
    return found.drop(columns="value").rename(columns={"condition": "weight"})


def bought(last: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """The largest gain, the least weight with most of it, and the price in first loss.

    The price is the median rise of the first loss, in units of the zero student's. No
    weight where the largest gain is below `LEAST`, or not sure.
    """
    rows = []
    for place, group in others.groupby(CELL, sort=False):
        gains = group[group["measure"] == "matthews"].sort_values("weight")
        prices = group[group["measure"] == "first_loss"].set_index("weight")
        top = gains.loc[gains["difference"].idxmax()]
        sure = top["difference"] >= LEAST and top["p_adjusted"] < 0.05
        enough = min(MOST * top["difference"], top["difference"])
        most = gains[gains["difference"] >= enough].iloc[0]
        keys = dict(zip(CELL, place, strict=True))
        alone = last[
            (last[CELL] == pd.Series(keys)).all(axis=1) & (last["weight"] == 0)
        ]
        price = prices["difference"][most["weight"]]
        rows.append(
            {
                **keys,
                "matthews_alone": alone["matthews"].median(),
                "first_loss_alone": alone["first_loss"].median(),
                "largest_gain": top["difference"],
                "at_weight": top["weight"],
                "gain_of_second_alone": gains["difference"].iloc[-1],
                "most_from_weight": most["weight"] if sure else np.nan,
                "gain_there": most["difference"] if sure else np.nan,
                "price_there": price if sure else np.nan,
            }
        )
    return pd.DataFrame(rows)


FIGURES = {
    "hybrid_weight": Shown(
        "First loss against kept pattern in hybrids (1 - w) L1 / s1 + w L2 / s2, one "
        "colour for every weight w. Dots: seeds; bars: 95 % of the medians.",
        "A weight of .003 to .01 on Procrustes gives CKA the whole pattern at the "
        "teacher's width, at no price in CKA.",
        ("chance", "svd"),
    ),
    "hybrid_weight_geometry": Shown(
        "Kept pattern over the weight of the second term, for four hybrids.",
        "Most of what a geometry term can buy is bought with a weight far below one "
        "half; a hinge takes the projection from .41 to .99 on blocks.",
        ("chance", "svd"),
    ),
}


def note(quick: bool) -> str:
    """The settings that the runs share."""
    return cells.describe(common(quick))


def main(quick: bool, folder: Path) -> None:
    """Computes and draws."""
    draw(compute(quick), folder, note(quick))


def draw(last: pd.DataFrame, folder: Path, note: str) -> None:
    """The front, kept geometry over the weight, and both tables."""
    others = compare(last)
    others.to_csv(
        folder / "hybrid_weight_comparisons.csv", index=False, float_format="%.6g"
    )
    bought(last, others).to_csv(
        folder / "hybrid_weight_bought.csv", index=False, float_format="%.6g"
    )
    middle = stats.summarise(last, [*CELL, "weight"], ["matthews", "first_loss"])
    columns = [*CELL, "weight", "seed", "first_loss", "matthews"]
    columns += ["chance_matthews", "svd_matthews", "first_scale", "second_scale"]
    note += f" Bars and bands: 95 % of the medians.\nValues below {FLOOR:g} are drawn "
    note += "there. At w = 1 nothing trains the task's map, and it has no loss."
    for name, panel, label in (
        ("hybrid_weight", _front, "first loss / zero student's"),
        ("hybrid_weight_geometry", _over_weight, "weight w of the second"),
    ):
        _draw(last, middle, name, panel, label, folder, note, columns)
        few = last["hybrid"].isin(["CKA + Procrustes", "Projection + pattern hinge"])
        few &= last["student_dim"] == last["student_dim"].min()
        _draw(last[few], middle, name, panel, label, folder, note, columns, narrow=True)


FLOOR = 1e-6  # of relative first losses: what float32 leaves of a difference


def _draw(
    last, middle, name, panel, label, folder, note, columns, narrow=False
) -> None:
    rows = list(dict.fromkeys(zip(last["hybrid"], last["student_dim"], strict=True)))
    names, weights = last["teacher"].unique(), sorted(last["weight"].unique())
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.95, len(weights)))
    colours = dict(zip(weights, shades, strict=True))
    with plots.style(narrow):
        figure, axes = plots.panels(len(rows), len(names), 1.5, narrow, sharey=True)
        for line, (hybrid, width) in zip(axes, rows, strict=True):
            for ax, teacher in zip(line, names, strict=True):
                chosen = "hybrid == @hybrid and student_dim == @width"
                chosen += " and teacher == @teacher"
                part, mid = last.query(chosen), middle.query(chosen)
                panel(part, mid.set_index(["value", "weight"]), colours, ax)
                for kind, (_, dashes) in plots.LEVELS.items():
                    if f"{kind}_matthews" in part:
                        level = part[f"{kind}_matthews"].median()
                        ax.axhline(level, color="0.3", ls=dashes, lw=0.8, zorder=0)
                ax.set(ylim=(-0.12, 1.08))
                title = f"{hybrid}\n{teacher}, m = {width}"
                ax.set_title(title, fontsize=6 if narrow else 7)
        plots.label(axes, label, "Matthews correlation")
        others = [
            Line2D(
                [], [], color=colour, marker="o", ls="", ms=4, label=f"w = {weight:g}"
            )
            for weight, colour in colours.items()
        ]
        plots.legend(figure, note=note, ncols=3 if narrow else 6, others=others)
        plots.save(figure, folder, name, last[columns], narrow)
        plt.close(figure)


def _front(part: pd.DataFrame, middle: pd.DataFrame, colours: dict, ax: Axes) -> None:
    """First loss against kept geometry, one colour per weight."""
    loss, kept = middle.loc["first_loss"], middle.loc["matthews"]
    lift = {name: np.maximum(loss[name], FLOOR) for name in ("estimate", "low", "high")}
    ax.plot(lift["estimate"], kept["estimate"], color="0.6", lw=0.8, zorder=1)
    for weight, colour in colours.items():
        runs = part[part["weight"] == weight]
        seeds = np.maximum(runs["first_loss"], FLOOR)
        ax.plot(seeds, runs["matthews"], "o", color=colour, ms=2, alpha=0.5, mew=0)
        x, y = lift["estimate"][weight], kept["estimate"][weight]
        ax.plot([lift["low"][weight], lift["high"][weight]], [y, y], color=colour, lw=1)
        ax.plot([x, x], kept.loc[weight, ["low", "high"]], color=colour, lw=1)
        ax.plot(x, y, "o", color=colour, ms=4.5, mec="black", mew=0.4)
    found = lift["estimate"].max() / lift["estimate"].min()
    if found > 10 or lift["estimate"].min() <= FLOOR:
        ax.set(xscale="log", xlim=(FLOOR / 2, 3e-2))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4))


def _over_weight(
    part: pd.DataFrame, middle: pd.DataFrame, colours: dict, ax: Axes
) -> None:
    """Kept geometry over the weight: seeds, their median and its interval."""
    kept = middle.loc["matthews"]
    ax.fill_between(kept.index, kept["low"], kept["high"], color="0.8", lw=0)
    ax.plot(kept.index, kept["estimate"], color="0.4", lw=0.9)
    for weight, colour in colours.items():
        runs = part[part["weight"] == weight]
        ax.plot(runs["weight"], runs["matthews"], "o", color=colour, ms=2.5, mew=0)
    ax.set_xscale("symlog", linthresh=1e-3)
    ax.set_xlim(-2e-4, 1.5)
