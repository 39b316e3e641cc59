"""Does any measure of kept geometry predict what a reader of the features gets?

The teacher's vectors t_i are the directions of sparse features: it represents a draw of
activations a as sum_i a_i t_i, its student as sum_i a_i s_i. A reader tells which
features are on, scored by the area under the ROC curve, 1/2 by chance, averaged over
features with importance 1 / i. Four readers, each blind to more than the one before:
"rotated" turns the student onto the teacher (Procrustes) and "mapped" maps it there
(least squares), and both then use the readout fitted to the teacher; "fitted" is
ridge regression on the student's own samples; "own" takes the product with s_i itself.

Prediction: what predicts depends on the reader, and the count on none the best. The
fitted reader sees a linear map of the student as it sees the student: its R2 sums to
the rank over features, so that the width predicts nearly all, and given the width no
measure has a partial rank correlation above 0.5. Mapped: R2 of the teacher from the
student. Rotated: uncentred Procrustes distance, then uncentred CKA. Own: the effective
rank, which for unit rows is one over the mean squared cosine, hence the interference;
here the count comes second. Less sparse features make all readers worse and change no
ranking.

Outcome, partial rank correlations given width and teacher, with 95 % intervals: held
but for the rotated reader. Fitted: at one width all teachers and objectives lie within
0.04 (0.72 to 0.76, 0.80 to 0.83, 0.88 to 0.90), no measure exceeds 0.17 in size, and
none has skill for a teacher left out. Mapped: R2 of the teacher, 0.77 (0.29 to 0.90).
Rotated: the same, 0.78, and Procrustes similarity, 0.77; uncentred CKA 0.68, and the
Procrustes distance only -0.52, since it sees the scale, which no reader does. Own: the
effective rank, 0.96 (0.73 to 0.99), far before the count, 0.64 (0.20 to 0.91), which
for the three others is -0.36, -0.42 and -0.05, with zero in every interval. Matthews
correlation of the patterns, by which other studies say what is kept, predicts none of
the four (0.17, 0.01, 0.12, -0.20). Not foreseen: being like the teacher tells against
the own reader (CKA -0.50), for students that spread out beat teachers that do not: on
the power law the teacher itself gets 0.68, the hinge's student of half its width 0.81.
At other sparsities the same measures lead, and the order hardly moves, but for the
fitted reader, where there is none.
"""

import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.optimize
import scipy.stats
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments import cells
from experiments.cells import OBJECTIVES, TEACHERS, Cell, preset
from experiments.gallery import Shown
from simgeo import measures, objectives, plots, readouts, teachers
from simgeo.objectives import AbstractObjective

CHOSEN: tuple[AbstractObjective, ...] = (
    *OBJECTIVES,
    objectives.CCA(),
    objectives.RelationalDistance(),
    objectives.NeighbourKL(),
    objectives.PatternHinge(),
    objectives.Hybrid((objectives.CKA(), objectives.Procrustes()), (0.9, 0.001)),
    objectives.Hybrid(
        (objectives.LinearProjection(), objectives.PatternHinge()), (0.7, 6.0)
    ),
)
DRAWN = TEACHERS | {
    "Gaussian": teachers.Gaussian(),
    "power law": teachers.PowerLawSpectrum(exponent=1.0),
    "hierarchy": teachers.Hierarchy(),
}


def grid(quick: bool) -> list[Cell]:
    """Every teacher and objective, at the teacher's width, its half and its quarter."""
    size = {"num_vectors": 96, "teacher_dim": 48, "num_steps": 400, "num_seeds": 8}
    if quick:
        size = {"num_vectors": 48, "teacher_dim": 24, "num_steps": 100, "num_seeds": 3}
    ends = {"num_records": 2, "record_spacing": "even"}
    ratios, chosen, drawn = (1, 2, 4), CHOSEN, DRAWN
    if quick:
        ratios, chosen = (2,), (OBJECTIVES[0], OBJECTIVES[3])
        drawn = {name: DRAWN[name] for name in ("blocks", "common mean", "Gaussian")}
    return [
        Cell(
            "readers",
            name,
            preset(
                quick,
                teacher=teacher,
                objective=objective,
                student_dim=size["teacher_dim"] // ratio,
                **size,
                **ends,
            ),
        )
        for objective in chosen
        for ratio in ratios
        for name, teacher in drawn.items()
    ]


READERS = ("rotated", "mapped", "fitted", "own")
SPARSITIES = (0.9, 0.8, 0.97)  # the first is the one that is drawn
RUN = ["teacher", "objective", "student_dim", "seed"]


def importance(num_features: int) -> np.ndarray:
    """1 / i, of sum one."""
    weights = 1 / np.arange(1, num_features + 1)
    return weights / weights.sum()


def read(
    chosen: tuple[Cell, ...], sparsities: tuple[float, ...], num_samples: int
) -> pd.DataFrame:
    """What every reader gets from every student: one row per run, sparsity and reader.

    `area` is weighted by importance, `area_plain` is not; `teacher_area` is what the
    same reader gets from the teacher itself. Students of one seed read one draw.
    """
    samples: dict = {}
    rows = []
    for cell, kept in zip(chosen, cells.datasets(chosen, vectors=True), strict=True):
        keys = cell.teacher, cell.experiment.objective.label
        for seed, student, teacher in zip(
            kept["seed"].values.tolist(),
            kept["student"].values,
            kept["teacher"].values,
            strict=True,
        ):
            for sparsity in sparsities:
                drawn = cell.teacher, seed, sparsity
                if drawn not in samples:
                    samples[drawn] = Samples(teacher, seed, sparsity, num_samples)
                found = samples[drawn].areas(student)
                for reader, limit in samples[drawn].limits.items():
                    weighted, plain = found[reader]
                    row = (*keys, student.shape[1], seed, sparsity, reader)
                    rows.append((*row, weighted, plain, limit))
    names = [*RUN, "sparsity", "reader", "area", "area_plain", "teacher_area"]
    return pd.DataFrame(rows, columns=names)


class Samples:
    """Activations of a seed, half to learn from and half to be scored on."""

    def __init__(
        self, teacher: np.ndarray, seed: int, sparsity: float, num_samples: int
    ):
        rng = np.random.default_rng([seed, round(1000 * sparsity)])
        drawn = readouts.activations(rng, 2 * num_samples, len(teacher), sparsity)
        self.learned, self.scored = drawn[:num_samples], drawn[num_samples:]
        self.teacher = teacher
        self.readout = readouts.fit(self.learned @ teacher, self.learned > 0)
        limits = self._areas(teacher, self.readout, self.readout)
        self.limits = {reader: area for reader, (area, _) in limits.items()}

    def areas(self, student: np.ndarray) -> dict[str, tuple[float, float]]:
        """Of every reader, averaged over features with and without importance."""
        rotated, mapped = (
            readouts.carried(student, self.teacher, self.readout, how)
            for how in ("rotated", "mapped")
        )
        return self._areas(student, rotated, mapped)

    def _areas(self, vectors, rotated, mapped) -> dict[str, tuple[float, float]]:
        readers = {
            "rotated": rotated,
            "mapped": mapped,
            "fitted": readouts.fit(self.learned @ vectors, self.learned > 0),
            "own": readouts.matched(vectors),
        }
        seen, is_on = self.scored @ vectors, self.scored > 0
        found = {}
        for name, reader in readers.items():
            area = readouts.roc_area(reader(seen), is_on)
            known = ~np.isnan(area)  # of features that are on in some sample
            weights = importance(len(area))[known]
            weighted = np.average(area[known], weights=weights)
            found[name] = float(weighted), float(area[known].mean())
        return found


MEASURES = tuple(
    name
    for name in measures.MEASURES
    # Counts are fractions times a constant; the teacher's are no measure of a student.
    if not name.startswith("pairs_")
    and not name.endswith("_teacher")
    or name == "r2_of_teacher"
)
DISTANCES = tuple(
    f"distance_{name}"
    for name in objectives.STANDARD
    # Which are one minus, or twice one minus, a measure.
    if name not in ("cka", "cka_uncentred", "procrustes_normalised")
)
CANDIDATES = ("student_dim", *MEASURES, *DISTANCES)
CELL = ["teacher", "objective", "student_dim"]


def ends(frame: pd.DataFrame) -> pd.DataFrame:
    """The measures of every run at its end.

    A pattern that is constant, as of a student whose pairs are all orthogonal, has no
    Matthews correlation and no precision; it keeps nothing of the teacher's: 0.
    """
    last = frame[frame["step"] == frame["step"].max()]
    undefined = ["matthews", "pattern_precision", "pattern_recall"]
    names = [*RUN, *(name for name in CANDIDATES if name != "student_dim")]
    return last[names].fillna(dict.fromkeys(undefined, 0.0))


def cube(runs: pd.DataFrame, names: list[str]) -> xr.DataArray:
    """Medians over seeds, by measure, teacher, objective and width."""
    middle = runs.assign(width=runs["student_dim"]).groupby(CELL, sort=False)
    table = middle[["width" if name == "student_dim" else name for name in names]]
    cells_of = table.median().rename(columns={"width": "student_dim"})
    cells_of.index = cells_of.index.rename({"student_dim": "width"})
    found = cells_of[names].to_xarray().to_array("measure")
    return found.transpose("measure", "teacher", "objective", "width")


def rank_correlations(
    values: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spearman's, the partial one given the width, and given teacher and width.

    Given a factor is, for ranks as for values, after the means of its levels are taken
    off. NaN where nothing varies.

    Args:
        values: measure, teacher, objective, width.
        area: teacher, objective, width.
    """
    both = np.concatenate([values, area[None]])
    ranks = scipy.stats.rankdata(both.reshape(len(both), -1), axis=1)
    ranks = ranks.reshape(both.shape)
    found = []
    for given in ((1, 2, 3), (1, 2), (2,)):
        left = ranks - ranks.mean(axis=given, keepdims=True)
        left = left.reshape(len(left), -1)
        sizes = np.sqrt(np.sum(left**2, axis=1))
        sizes[sizes < 1e-9 * len(left.T)] = np.nan
        found.append(left[:-1] @ left[-1] / (sizes[:-1] * sizes[-1]))
    return found[0], found[1], found[2]


def left_out_errors(values: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Absolute errors of a monotone function of one measure at the teacher left out.

    At every width by itself, isotonic regression, rising or falling as the rank
    correlation of the other teachers' cells says, constant beyond what was seen.

    Args:
        values, area: teacher, objective, width.
    """
    errors = np.empty_like(area)
    for out in range(len(area)):
        for at in range(area.shape[2]):
            known = np.delete(np.arange(len(area)), out)
            x, y = values[known, :, at].ravel(), area[known, :, at].ravel()
            guess = _monotone(x, y, values[out, :, at])
            errors[out, :, at] = np.abs(guess - area[out, :, at])
    return errors


def _monotone(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    levels, group = np.unique(x, return_inverse=True)
    sizes = np.bincount(group)
    means = np.bincount(group, y) / sizes
    if len(levels) == 1:
        return np.full(at.shape, means[0])
    rising = scipy.stats.spearmanr(x, y).statistic >= 0
    fitted = scipy.optimize.isotonic_regression(means, weights=sizes, increasing=rising)
    return np.interp(at, levels, fitted.x)


def ranking(runs: pd.DataFrame, resamples: int) -> pd.DataFrame:
    """How well every measure predicts the area, for every reader and sparsity.

    `pooled`, `given_width` and `given_both` are the rank correlations; `error` is the
    mean error at a teacher left out, `skill` one minus its ratio to that of knowing
    the width alone. Intervals, 95 %, resample teachers and objectives, each as a whole
    (Owen, 2007): cells that share either are not independent.
    """
    tables = []
    for (reader, sparsity), part in runs.groupby(["reader", "sparsity"], sort=False):
        whole = cube(part, [*CANDIDATES, "area"])
        values, area = whole.values[:-1], whole.values[-1]
        correlations = np.stack(rank_correlations(values, area))
        errors = np.stack([left_out_errors(each, area) for each in values])
        table = pd.DataFrame({"reader": reader, "sparsity": sparsity}, index=CANDIDATES)
        names = ("pooled", "given_width", "given_both")
        table = table.assign(**dict(zip(names, correlations, strict=True)))
        means = errors.mean(axis=(1, 2, 3))
        table["error"] = means
        table["skill"] = 1 - means / means[0]  # the first candidate is the width
        if sparsity == SPARSITIES[0]:
            table = table.assign(**_intervals(values, area, errors, resamples))
        tables.append(table.rename_axis("measure").reset_index())
    return pd.concat(tables, ignore_index=True)


def _intervals(
    values: np.ndarray, area: np.ndarray, errors: np.ndarray, resamples: int
) -> dict[str, np.ndarray]:
    def statistics(t: np.ndarray, o: np.ndarray) -> np.ndarray:
        at = t.astype(int)[:, None], o.astype(int)[None]
        means = errors[:, *at].mean(axis=(1, 2, 3))
        correlations = rank_correlations(values[:, *at], area[at])
        return np.stack([*correlations, 1 - means / means[0]])

    with warnings.catch_warnings():
        # Of the width, which explains nothing once it is given.
        warnings.simplefilter("ignore")
        drawn = scipy.stats.bootstrap(
            tuple(map(np.arange, area.shape[:2])),
            statistics,
            vectorized=False,
            method="percentile",
            n_resamples=resamples,
            rng=np.random.default_rng(0),
        ).bootstrap_distribution
        low, high = np.nanquantile(drawn, [0.025, 0.975], axis=-1)
    names = ("pooled", "given_width", "given_both", "skill")
    found = {f"{name}_low": each for name, each in zip(names, low, strict=True)}
    return found | {
        f"{name}_high": each for name, each in zip(names, high, strict=True)
    }


LABELS = {"student_dim": "width m"} | {
    name: measures.MEASURES[name].label for name in MEASURES
}
LABELS["fraction_student"] = "fraction of pairs (count)"
LABELS |= {
    f"distance_{name}": f"distance: {each.label}"
    for name, each in objectives.STANDARD.items()
}
SAYS = {
    "rotated": "teacher's readout,\nstudent rotated",
    "mapped": "teacher's readout,\nstudent mapped",
    "fitted": "readout fitted\nto the student",
    "own": "student's own\ndirections",
}
ALWAYS = ("fraction_student", "matthews", "cka")  # shown whatever leads
MARKERS = "o^s"
# For objectives without a colour of their own elsewhere.
MORE = ("#8c2d04", "#d4b106", "#7cb342", "#ff1493", "#1a237e")

FIGURES = {
    "does_geometry_matter": Shown(
        "Area under the ROC curve of four readers of sparse features, every run, "
        "against four measures of its geometry. Dotted: chance; dashed: the teachers "
        "themselves.",
        "A readout that is fitted sees the width and nothing else; one that is carried "
        "over from the teacher needs the teacher's span; only products with the "
        "student's own directions need few overlaps, and the effective rank says how "
        "few better than the count of epsilon-orthogonal pairs.",
    ),
    "does_geometry_matter_ranking": Shown(
        "How well each measure predicts each reader: rank correlation given width and "
        "teacher, and skill at a teacher left out, over that of the width.",
        "No measure predicts all four readers, and the Matthews correlation of the "
        "patterns predicts none.",
    ),
}


def settings(quick: bool) -> dict:
    """What is read, and how."""
    return {
        "chosen": tuple(grid(quick)),
        "sparsities": SPARSITIES[:1] if quick else SPARSITIES,
        "num_samples": 256 if quick else 1024,
    }


def compute(quick: bool) -> pd.DataFrame:
    """Every run with its measures, one row per sparsity and reader."""
    frame = cells.compute(grid(quick), vectors=True)
    return cells.cached(read, settings(quick)).merge(ends(frame), on=RUN)


def note(quick: bool) -> str:
    """The settings that the runs share."""
    asked = settings(quick)
    return (
        f"{cells.describe(grid(quick)[0].experiment)}\nFeatures on with probability "
        f"{1 - asked['sparsities'][0]:.2g}, uniform in size; {asked['num_samples']:,} "
        f"samples to fit and as many to score; area weighted by importance 1 / i."
    )


def main(quick: bool, folder: Path) -> None:
    """Computes and draws."""
    runs = compute(quick)
    table = ranking(runs, 100 if quick else 500)
    for narrow in (False, True):
        draw(runs, table, folder, note(quick), narrow)
        draw_ranking(table, folder, note(quick), narrow)


def leader(table: pd.DataFrame, reader: str) -> str:
    """The measure with the largest rank correlation given teacher and width."""
    part = table[(table["reader"] == reader) & (table["sparsity"] == SPARSITIES[0])]
    rest = part[~part["measure"].isin(ALWAYS)].set_index("measure")
    return str(rest["given_both"].abs().idxmax())


def colours(names: list[str]) -> dict[str, object]:
    """Those that objectives have everywhere, and more for the others."""
    others = [name for name in names if name not in plots.STYLES]
    more = dict(zip(others, MORE, strict=False))
    return {name: more.get(name) or plots.STYLES[name][0] for name in names}


def draw(
    runs: pd.DataFrame,
    table: pd.DataFrame,
    folder: Path,
    note: str,
    narrow: bool = False,
) -> None:
    """Every run: the area of every reader against the measures.

    A narrow figure has the first and the last reader, the count and the leader.
    """
    readers = (READERS[0], READERS[-1]) if narrow else READERS
    always = ALWAYS[:1] if narrow else ALWAYS
    drawn = runs[runs["sparsity"] == SPARSITIES[0]]
    colour = colours(list(drawn["objective"].unique()))
    widths = sorted(drawn["student_dim"].unique(), reverse=True)
    marker = dict(zip(widths, MARKERS, strict=False))
    with plots.style(narrow):
        figure, axes = plots.panels(
            len(readers), len(always) + 1, 2.1 if narrow else 1.6, narrow, sharey=True
        )
        for row, reader in zip(axes, readers, strict=True):
            part = drawn[drawn["reader"] == reader].sample(frac=1, random_state=0)
            ranks = table[
                (table["reader"] == reader) & (table["sparsity"] == SPARSITIES[0])
            ].set_index("measure")
            for ax, name in zip(row, (*always, leader(table, reader)), strict=True):
                for width, shape in marker.items():
                    one = part[part["student_dim"] == width]
                    ax.scatter(
                        one[name],
                        one["area"],
                        s=4,
                        marker=shape,
                        c=list(one["objective"].map(colour)),
                        alpha=0.6,
                        lw=0,
                        rasterized=True,
                    )
                _limits(part, ax)
                if name not in always or reader == READERS[-1]:
                    ax.set_xlabel(LABELS[name], fontsize=7)
                pooled, given = ranks.loc[name, ["pooled", "given_both"]]
                ax.set_title(f"{pooled:.2f}; given m, T {given:.2f}", fontsize=7)
            row[0].set_ylabel(f"{SAYS[reader]}\narea under ROC")
        others = [
            Line2D([], [], color=each, marker="o", ls="", ms=4, label=name)
            for name, each in colour.items()
        ]
        others += [
            Line2D([], [], color="0.4", marker=shape, ls="", ms=4, label=f"m = {width}")
            for width, shape in marker.items()
        ]
        others += [
            Line2D([], [], color="0.3", ls=dashes, lw=0.8, label=text)
            for text, dashes in (
                ("chance", plots.LEVELS["chance"][1]),
                ("a teacher itself", plots.LEVELS["ceiling"][1]),
            )
        ]
        plots.legend(figure, levels=(), note=f"{note}\n{_READING}", others=others)
        names = [*RUN, "reader", "area", "area_plain", "teacher_area", *CANDIDATES[1:]]
        plots.save(figure, folder, "does_geometry_matter", drawn[names], narrow)
        plt.close(figure)


_READING = (
    "Above the panels: Spearman's correlation over cells, pooled; and given the width "
    "m and the teacher T.\nLast column: the best of the other measures, given both."
)


def _limits(part: pd.DataFrame, ax: Axes) -> None:
    ax.axhline(0.5, color="0.3", ls=plots.LEVELS["chance"][1], lw=0.8, zorder=0)
    for level in part.groupby("teacher")["teacher_area"].median():
        ax.axhline(level, color="0.3", ls=plots.LEVELS["ceiling"][1], lw=0.5, zorder=0)


def draw_ranking(
    table: pd.DataFrame, folder: Path, note: str, narrow: bool = False
) -> None:
    """The measures in order, for every reader: rank correlation, and skill.

    A narrow figure has the rank correlation of the first and the last reader.
    """
    readers = (READERS[0], READERS[-1]) if narrow else READERS
    values = ("given_both",) if narrow else ("given_both", "skill")
    drawn = table[table["sparsity"] == SPARSITIES[0]]
    sizes = drawn.groupby("measure")["given_both"].apply(lambda x: x.abs().mean())
    # But the width, and what is the same for all students.
    order = ["student_dim", *sizes.dropna().sort_values().index]
    with plots.style(narrow):
        figure, axes = plots.panels(
            len(values),
            len(readers),
            2.8 if narrow else 3.6,
            narrow,
            sharex="row",
            sharey=True,
        )
        for column, reader in zip(axes.T, readers, strict=True):
            part = table[table["reader"] == reader]
            main = part[part["sparsity"] == SPARSITIES[0]].set_index("measure")
            for ax, name in zip(column, values, strict=True):
                _interval(main.loc[order], name, ax)
                ax.set_xlim(-1.05, 1.05)
            for sparsity, (shape, shift) in _OTHERS.items():
                other = part[part["sparsity"] == sparsity].set_index("measure")
                for ax, name in zip(column, values, strict=True):
                    if len(other):
                        places = np.arange(len(order)) + shift
                        ax.plot(other.loc[order, name], places, shape, **_SMALL)
            column[0].plot(
                main.loc[order, "pooled"], range(len(order)), "x", color="0.6", ms=3
            )
            column[0].set_title(SAYS[reader])
        for row, text in zip(axes, ("rank correlation", "skill"), strict=False):
            for ax in row:
                ax.set_xlabel(text)
        others = [
            Line2D([], [], ls="", label=text, **options)
            for text, options in (
                (
                    f"given width and teacher; skill (sparsity {SPARSITIES[0]:g})",
                    {"marker": "o", "color": "black", "ms": 3},
                ),
                ("pooled", {"marker": "x", "color": "0.6", "ms": 3}),
                *(
                    (f"sparsity {sparsity:g}", {"marker": shape} | _SMALL)
                    for sparsity, (shape, _) in _OTHERS.items()
                ),
            )
        ]
        ncols, told = 2 if narrow else 4, f"{note}\n{_RANKING}"
        plots.legend(figure, levels=(), note=told, ncols=ncols, others=others)
        plots.save(figure, folder, "does_geometry_matter_ranking", table, narrow)
        plt.close(figure)


_RANKING = (
    "Cells are medians over seeds. Skill: one minus the mean error at a teacher left "
    "out, of a monotone function of the measure at every width,\nover that of the mean "
    "at every width; cut at -1. Bars: 95 %, resampling teachers and objectives. In "
    "order of the mean size over readers. Not shown: vectors\northogonal to all "
    "others, of which no student has any."
)
_OTHERS = dict(zip(SPARSITIES[1:], (("v", 0.3), ("^", -0.3)), strict=True))
_SMALL = {"color": "0.45", "ms": 3, "mew": 0}


def _interval(part: pd.DataFrame, name: str, ax: Axes) -> None:
    places = range(len(part))
    ax.hlines(places, part[f"{name}_low"], part[f"{name}_high"], color="0.2", lw=0.9)
    ax.plot(part[name], places, "o", color="black", ms=3)
    ax.axvline(0, color="0.3", ls=plots.LEVELS["chance"][1], lw=0.8, zorder=0)
    ax.set_yticks(places, [LABELS[str(each)] for each in part.index])
