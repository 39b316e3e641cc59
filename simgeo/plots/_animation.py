"""Students finding their places: one panel per objective, one frame per record."""

import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.animation import (
    AbstractMovieWriter,
    FFMpegWriter,
    FuncAnimation,
    PillowWriter,
)
from matplotlib.figure import Figure

from simgeo.plots._grammar import style_of
from simgeo.plots._layout import style

MOVIES = (".gif", ".mp4")
_HOLD = 18  # frames for which the end stands still
_SIDE, _CAPTION, _NOTE, _DPI = 2.3, 0.54, 0.2, 100  # inches, and pixels to one
_CHARACTERS = 44  # of the note, below one panel
_SWING = -30  # degrees that the eye moves, without which 3D is flat
_TEACHER = "0.75"
_RIGHT = 0.1  # |cosine| of what is called a right angle


def vector_trajectories(
    objective: str,
    steps: Int[np.ndarray, " r"],
    students: Float[np.ndarray, "r n m"],
    teacher: Float[np.ndarray, "n d"],
    records: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """One row per step and vector: its place, its teacher's, and what was recorded.

    Columns: `objective`, `step`, `vector`, the coordinates `x`, `y` and, for m = 3,
    `z`, the teacher's as `teacher_x` ..., and the records. All steps are seen in one
    set of axes, that in which the last student is nearest to its teacher: one rotation,
    no shift and no scale. Where the teacher has more dimensions than the student its
    coordinates are NaN, and the axes those of the student.

    Args:
        objective: its name.
        steps: done at each record.
        students: the student's vectors at each record, m of 2 or 3.
        teacher: what they learn from.
        records: values by name, each (r,).

    Raises:
        ValueError: if m is neither 2 nor 3.
    """
    num_records, num_vectors, width = students.shape
    if width not in (2, 3):
        raise ValueError(
            f"`students` must have 2 or 3 dimensions to be drawn; got {width}."
        )
    placed = np.full((num_vectors, width), np.nan)
    if teacher.shape[1] <= width:
        placed[:] = np.pad(teacher, ((0, 0), (0, width - teacher.shape[1])))
        left, _, right = np.linalg.svd(students[-1].T @ placed)
        students = students @ (left @ right)
    columns: dict[str, np.ndarray] = {
        "step": np.repeat(steps, num_vectors),
        "vector": np.tile(np.arange(num_vectors), num_records),
    }
    for axis, name in enumerate("xyz"[:width]):
        columns[name] = students[:, :, axis].ravel()
        columns[f"teacher_{name}"] = np.tile(placed[:, axis], num_records)
    columns |= {
        name: np.repeat(values, num_vectors) for name, values in records.items()
    }
    return pd.DataFrame({"objective": objective, **columns})


def animate(frame: pd.DataFrame, columns: int = 3) -> FuncAnimation:
    """Every student's vectors, record by record, each objective in a panel of its own.

    `frame` is that of `vector_trajectories`, of several objectives one below the other,
    with equally many records each: `objective`, `step`, `vector`, `x`, `y`, perhaps
    `z`, the teacher's `teacher_x` ..., `loss`, `matthews`, `pairs_both`,
    `pairs_teacher`. The teacher is grey; it is left out where its coordinates are NaN.

    Args:
        columns: of panels in a row.

    Raises:
        ValueError: if objectives differ in their numbers of records.
    """
    panels = [run for _, run in frame.groupby("objective", sort=False)]
    counts = {run["step"].nunique() for run in panels}
    if len(counts) != 1:
        raise ValueError(
            f"`frame` must have as many records of every objective; got "
            f"{sorted(counts)}."
        )
    axes = [name for name in ("x", "y", "z") if name in frame]
    width = min(columns, len(panels))
    rows = -(-len(panels) // width)
    high = _SIDE + _CAPTION
    note = textwrap.fill(_note(frame), _CHARACTERS * width)
    total = high * rows + _NOTE * (note.count("\n") + 1)
    figure = Figure(figsize=(_SIDE * width, total), dpi=_DPI)
    drawn = []
    with style():
        for place, run in enumerate(panels):
            row, column = divmod(place, width)
            bottom = total - row * high - _SIDE
            box = (column / width, bottom / total, 1 / width, (_SIDE - 0.2) / total)
            drawn.append(_Panel(run, axes, figure, box))
        figure.text(0.5, 0.04 / total, note, ha="center", fontsize=7)
    num_records = counts.pop()

    def show(number: int) -> list:
        done = number / max(1, num_records - 1)
        return [artist for panel in drawn for artist in panel.show(number, done)]

    numbers = [*range(num_records), *[num_records - 1] * _HOLD]
    return FuncAnimation(figure, show, numbers, init_func=lambda: [], blit=False)


class _Panel:
    """One objective: the teacher, the student's vectors from the origin, a caption."""

    def __init__(
        self,
        run: pd.DataFrame,
        axes: list[str],
        figure: Figure,
        box: tuple[float, float, float, float],
    ) -> None:
        steps = run.groupby("step")
        self.steps = np.array([*steps.groups])
        self.rows = steps.first()
        num_vectors = run["vector"].nunique()
        self.ways = run[axes].to_numpy(float).reshape(-1, num_vectors, len(axes))
        objective = run["objective"].iloc[0]
        colour = style_of(objective).colour
        solid = len(axes) == 3
        ax = figure.add_axes(box, **({"projection": "3d"} if solid else {}))
        self.ax, self.solid = ax, solid
        teacher = run[[f"teacher_{name}" for name in axes]].to_numpy(float)
        teacher = teacher[:num_vectors]
        # A few vectors far out must not make dots of all others.
        lengths = np.linalg.norm(self.ways, axis=2)
        reach = 1.15 * max(1.0, np.quantile(lengths, 0.98))
        for name in axes:
            getattr(ax, f"set_{name}lim")(-reach, reach)
        if solid:
            _bare(ax, reach)
        else:
            ax.set(aspect="equal")
            ax.set_axis_off()
            ax.axhline(0, color="0.9", lw=0.6, zorder=0)
            ax.axvline(0, color="0.9", lw=0.6, zorder=0)
        self.right = np.triu(np.abs(_cosines(teacher)) <= _RIGHT, 1)
        if np.isfinite(teacher).all():
            for vector in teacher:
                ax.plot(*zip(0 * vector, vector, strict=True), color=_TEACHER, lw=2.6)
        nothing = [[]] * len(axes)
        self.lines = [
            ax.plot(*nothing, color=colour, lw=1.1)[0] for _ in range(num_vectors)
        ]
        self.tips = ax.plot(*nothing, "o", color=colour, ms=3.5)[0]
        middle = box[0] + box[2] / 2
        figure.text(middle, box[1] + box[3], objective, color=colour, ha="center")
        self.caption = figure.text(
            middle, box[1], "", ha="center", va="top", fontsize=7
        )

    def show(self, number: int, done: float) -> list:
        """Draws a record; `done` is the share of the film that is over."""
        if self.solid:
            self.ax.view_init(elev=22, azim=35 + _SWING * done)
        vectors = self.ways[number]
        for line, vector in zip(self.lines, vectors, strict=True):
            _put(line, np.stack([0 * vector, vector]))
        _put(self.tips, vectors)
        row = self.rows.iloc[number]
        agreement = row["matthews"]
        # Undefined where all pairs of the student are alike.
        told = f"{round(agreement, 2) + 0.0:.2f}"
        if np.isnan(agreement):
            told = "undefined"
        text = (
            f"step {self.steps[number]}, loss {round(row['loss'], 3) + 0.0:.3f}\n"
            f"{row['pairs_both']:.0f} of {row['pairs_teacher']:.0f} pairs preserved, "
            f"agreement {told}"
        )
        if self.right.any() and vectors.any(axis=1).all():
            cosines = np.clip(_cosines(vectors)[self.right], -1, 1)
            middle = np.degrees(np.median(np.arccos(cosines)))
            text += f"\nthe teacher's right angles: {middle:.0f}° here"
        self.caption.set_text(text)
        return [*self.lines, self.tips, self.caption]


def _cosines(vectors: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n n"]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(lengths > 0, lengths, 1)
    return units @ units.T


def _note(frame: pd.DataFrame) -> str:
    if frame["teacher_x"].isna().any():
        return "The teacher has more dimensions than its student, and is not drawn."
    return (
        "Grey: the teacher. One rotation for each panel; no shift, no scale. "
        "Agreement is pattern agreement; the angle is a median."
    )


def _put(line, points: np.ndarray) -> None:
    if points.shape[1] == 3:
        line.set_data_3d(*points.T)
    else:
        line.set_data(*points.T)


def _bare(ax, reach: float) -> None:
    """A cube seen from a corner, with its three axes through the origin alone."""
    ax.set_axis_off()
    ax.set_box_aspect((1, 1, 1), zoom=1.5)
    for axis in np.eye(3):
        ends = np.stack([-axis, axis]) * reach
        ax.plot(*ends.T, color="0.9", lw=0.6)


def check_movie(path: str | Path, flag: str = "path") -> Path:
    """The path, if a film can be written under that name.

    Raises:
        ValueError: if the name ends in neither .gif nor .mp4, or ffmpeg is missing.
    """
    path = Path(path)
    if path.suffix.lower() not in MOVIES:
        raise ValueError(f"`{flag}` must end in {' or '.join(MOVIES)}; got {path}.")
    if path.suffix.lower() == ".mp4" and shutil.which("ffmpeg") is None:
        raise ValueError(
            f"`{flag}` can end in .mp4 where ffmpeg is installed, and it is not; got "
            f"{path}. Write .gif."
        )
    return path


def save_movie(
    animation: FuncAnimation, path: str | Path, frames_per_second: int = 12
) -> Path:
    """Writes a GIF that starts over, or an MP4; byte-identical when repeated.

    Args:
        animation: of `animate`.
        path: ends in .gif or .mp4.
        frames_per_second: at least 1.

    Raises:
        ValueError: if the name ends in neither .gif nor .mp4, or ffmpeg is missing.
    """
    path = check_movie(path)
    writer: AbstractMovieWriter = PillowWriter(frames_per_second)
    if path.suffix.lower() == ".mp4":
        exact = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"]
        # Players want an even number of pixels and this form of colours.
        shape = ["-pix_fmt", "yuv420p", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"]
        writer = FFMpegWriter(
            frames_per_second, codec="libx264", extra_args=[*exact, *shape]
        )
    animation.save(path, writer, dpi=_DPI, savefig_kwargs={"facecolor": "white"})
    return path
