"""Heat maps of all pairs of vectors."""

import altair as alt

from simgeo_apps.page import marks, rounding, training, zero_loss


def teacher_map(control: str, show: str | None = None) -> alt.LayerChart:
    """Heat map of a teacher's cosines, or of its pattern."""
    cells = (
        marks.named("teacher_grams")
        .transform_filter(f"datum.teacher == {control}")
        .transform_calculate(cells="datum.teacher_cells")
    )
    return _heat_map(
        cells,
        training.NUM_VECTORS,
        "Heat map of the cosines of all pairs of the teacher's vectors.",
        [control, *([show] if show else [])],
        f"{show} == 'pattern'" if show else "false",
    )


def student_map() -> alt.LayerChart:
    """Heat map of the student's cosines at one record."""
    return _heat_map(
        marks.of_run(marks.named("student_grams")),
        training.NUM_VECTORS,
        "Heat map of the cosines of all pairs of the student's vectors at the chosen "
        "step, in the order of its teacher.",
        ["teacher3", "objective3", "width3", "record"],
    )


def pairs_map() -> alt.LayerChart:
    """Which orthogonal pairs are preserved, lost and gained at one record."""
    cells = marks.of_run(marks.named("student_grams")).transform_lookup(
        lookup="teacher",
        from_=alt.LookupData(
            data=alt.NamedData("teacher_grams"), key="teacher", fields=["teacher_cells"]
        ),
    )
    cells = _spread(cells, training.NUM_VECTORS, ["cells", "teacher_cells"])
    cells = cells.transform_calculate(
        state="abs(datum.teacher_cells) <= 10 ? (abs(datum.cells) <= 10 ? "
        "'preserved' : 'lost') : (abs(datum.cells) <= 10 ? 'gained' : 'in neither')"
    )
    colour = (
        alt.Color("state:N")
        .scale(domain=list(marks.PAIRS), range=list(marks.PAIRS.values()))
        .legend(None)
    )
    return marks.finish(
        _both_halves(cells, training.NUM_VECTORS, colour, marks.PAIRS["in neither"]),
        "Map of all pairs at the chosen step: epsilon-orthogonal in teacher and "
        "student (preserved), in the teacher only (lost), in the student only "
        "(gained), or in neither.",
        ["teacher3", "objective3", "width3", "record"],
    )


def family_map(far: str) -> alt.LayerChart:
    """Heat map of a constructed student, `far` from its teacher; or of that, at 0."""
    which = "the student that was built" if far == "far" else "the teacher"
    cells = marks.named("built").transform_filter(
        f"datum.family == family && datum.far == {far}"
    )
    return _heat_map(
        cells,
        zero_loss.NUM_VECTORS,
        f"Heat map of the cosines of all pairs of vectors of {which}.",
        ["family", *(["far"] if far == "far" else [])],
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
        .scale(domain=[-100, -50, 0, 50, 100], range=list(marks.COSINES))
        .legend(None)
    )
    both = _both_halves(cells, num_vectors, colour, marks.COSINES[-1])
    return marks.finish(both, says, controls)


def _spread(chart: alt.Chart, num_vectors: int, fields: list[str]) -> alt.Chart:
    """One row for each pair i < j, with its place."""
    rows, columns = rounding.places(num_vectors)
    return chart.transform_calculate(
        row=marks.as_list(rows), column=marks.as_list(columns)
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
                # Or gaps would shine through.
                stroke=alt.Stroke(**dict(colour.to_dict())),
            )
            for first, second in (("column", "row"), ("row", "column"))
        ),
        alt.Chart(alt.sequence(0, num_vectors, as_="at"))
        .mark_rect(fill=diagonal, stroke=diagonal, strokeWidth=0.6)
        .encode(x=alt.X("at:O", **options), y=alt.Y("at:O", **options)),
    )
