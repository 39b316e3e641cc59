# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of `simgeo explore`: controls, runs, pictures, and the code to take away."""

import marimo

app = marimo.App(width="full", app_title="simgeo explorer", css_file="explorer.css")


@app.cell
def imports():
    import marimo as mo

    from simgeo_apps.explorer import ahead, controls, jobs, pictures, snippets

    jobs.prepare()
    return ahead, controls, jobs, mo, pictures, snippets


@app.cell
def states(mo):
    get_outcome, set_outcome = mo.state(None)
    get_progress, set_progress = mo.state(None)
    return get_outcome, get_progress, set_outcome, set_progress


@app.cell
def choices(controls, mo):
    def slider(range_):
        place = {"start": range_.least, "stop": range_.most, "step": range_.step}
        return mo.ui.slider(
            **({"steps": range_.values} if range_.values else place),
            value=range_.start,
            label=range_.label,
            debounce=True,
            show_value=True,
            full_width=True,
        )

    teacher = mo.ui.dropdown(
        list(controls.TEACHERS), "orthogonal fraction", label="teacher", full_width=True
    )
    objective = mo.ui.dropdown(
        list(controls.OBJECTIVES), "CKA", label="objective", full_width=True
    )
    added = mo.ui.dropdown(
        [controls.NOTHING, *controls.OBJECTIVES],
        controls.NOTHING,
        label="add to it, as a hybrid",
        full_width=True,
    )
    # Not a dictionary of marimo's, which forgets one of two that are moved at once.
    num_vectors = slider(controls.RANGES["num_vectors"])
    teacher_dim = slider(controls.RANGES["teacher_dim"])
    student_dim = slider(controls.RANGES["student_dim"])
    epsilon = slider(controls.RANGES["epsilon"])
    weight = slider(controls.RANGES["weight"])
    log_rate = slider(controls.RANGES["log_rate"])
    num_steps = slider(controls.RANGES["num_steps"])
    num_seeds = slider(controls.RANGES["num_seeds"])
    # A cell that names a control runs whenever that is moved. The panel need not, and
    # would take the keyboard's focus away.
    laid_out = {
        "teacher": teacher,
        "objective": objective,
        "added": added,
        "num_vectors": num_vectors,
        "teacher_dim": teacher_dim,
        "student_dim": student_dim,
        "epsilon": epsilon,
        "weight": weight,
        "log_rate": log_rate,
        "num_steps": num_steps,
        "num_seeds": num_seeds,
    }
    return (
        added,
        epsilon,
        laid_out,
        log_rate,
        num_seeds,
        num_steps,
        num_vectors,
        objective,
        slider,
        student_dim,
        teacher,
        teacher_dim,
        weight,
    )


@app.cell
def teacher_knob(controls, slider, teacher):
    _range = controls.TEACHERS[teacher.value].knob if teacher.value else None
    knob = None if _range is None else slider(_range)
    knobs = [] if knob is None else [knob]
    return knob, knobs


@app.cell
def panel(knobs, laid_out, mo):
    def _group(title, *controls):
        return mo.vstack([mo.md(f"**{title}**"), *controls], gap=0.25)

    _about = """
        # simgeo explorer

        Students are distilled anew whenever a control is moved. Sizes and objectives
        near the present ones are compiled ahead.
        """
    # In a place of its own, filled or not: were the sliders below it to move up, the
    # browser would give each the state of another, whose places it has not.
    _knob = mo.Html(f"<div>{''.join(_each.text for _each in knobs)}</div>")
    _of = laid_out
    _groups = [
        mo.md(_about),
        _group("Teacher", _of["teacher"], _knob, _of["num_vectors"],
               _of["teacher_dim"], _of["epsilon"]),
        _group("Student and objective", _of["student_dim"], _of["objective"],
               _of["added"], _of["weight"]),
        _group("Run", _of["log_rate"], _of["num_steps"], _of["num_seeds"]),
    ]  # fmt: skip
    # A stack of marimo's own would squeeze its columns onto a phone.
    _inside = "".join(_laid.text for _laid in _groups)
    mo.Html(f'<div class="simgeo-panel">{_inside}</div>')
    return


@app.cell
def wanted(
    added,
    controls,
    epsilon,
    knob,
    log_rate,
    num_seeds,
    num_steps,
    num_vectors,
    objective,
    student_dim,
    teacher,
    teacher_dim,
    weight,
):
    wish = controls.Wish(
        teacher=teacher.value,
        knob=None if knob is None else knob.value,
        objective=objective.value,
        added=added.value,
        num_vectors=num_vectors.value,
        teacher_dim=teacher_dim.value,
        student_dim=student_dim.value,
        epsilon=epsilon.value,
        weight=weight.value,
        log_rate=log_rate.value,
        num_steps=num_steps.value,
        num_seeds=num_seeds.value,
    )
    try:
        cell, refusal = controls.experiment_of(wish), ""
    except ValueError as _error:
        cell, refusal = None, str(_error)
    return cell, refusal, wish


@app.cell
def compile_ahead(ahead, mo, refusal, wish):
    if not refusal and "no-ahead" not in mo.cli_args():
        ahead.shared().follow(wish)
    return


@app.cell
def run(cell, jobs, mo, set_outcome, set_progress):
    # When this cell runs again its thread is told to exit, and gives way.
    job = None if cell is None else jobs.Job(cell)

    def _work():
        thread = mo.current_thread()
        set_progress((job, 0))
        outcome = job.run(
            lambda steps: set_progress((job, steps)), lambda: thread.should_exit
        )
        if outcome is not None:
            set_progress((job, None))
            set_outcome(outcome)

    if job is not None:
        mo.Thread(target=_work, daemon=True).start()
    return (job,)


@app.cell
def stop_button(job, mo):
    stop = mo.ui.button(
        label="Stop",
        kind="danger",
        disabled=job is None,
        on_click=lambda _: job.stop(),
        tooltip="Ends the run at its next record and shows what was done",
    )
    return (stop,)


@app.cell
def status(get_outcome, get_progress, job, jobs, mo, refusal, stop):
    _progress, _outcome = get_progress(), get_outcome()
    _steps = _progress[1] if _progress is not None and _progress[0] is job else 0
    if refusal:
        _said = mo.callout(mo.md(refusal), kind="danger")
    elif _steps is not None or _outcome is None or _outcome.experiment is not job.cell:
        _what = "starting" if jobs.is_known(job.cell) else "compiling"
        if _steps:
            _what = f"step {_steps} of {job.cell.num_steps}"
        _said = mo.hstack(
            [mo.md(f"Computing: {_what} ..."), stop], justify="start", align="center"
        )
    elif _outcome.message:
        _said = mo.callout(mo.md(_outcome.message), kind="warn")
    else:
        _said = mo.md(f"Done in {_outcome.seconds:.2f} s.")
    # What is shown of another experiment turns grey at once, until it is replaced.
    _old = ".simgeo-results"
    if not refusal:
        _old += f':not([data-of="{id(job.cell)}"])'
    _grey = f"{_old} {{ opacity: 0.35; filter: grayscale(1); }}"
    mo.Html(f"{_said.text}<style>{_grey}</style>")
    return


@app.cell
def curves(get_outcome, mo, pictures):
    _outcome = get_outcome()
    mo.stop(_outcome is None or _outcome.data is None)
    loss, agreement = pictures.curves(_outcome.data)
    shown_of = id(_outcome.experiment)
    return agreement, loss, shown_of


@app.cell
def maps(get_outcome, mo, pictures, shown):
    _outcome = get_outcome()
    mo.stop(_outcome is None or _outcome.data is None)
    teacher_map, student_map = pictures.maps(_outcome.data, shown.value)
    said = pictures.sentence(_outcome.data)
    return said, student_map, teacher_map


@app.cell
def results(agreement, loss, mo, said, shown, shown_of, student_map, teacher_map):
    _pictures = {
        "Loss over the steps": loss,
        "Pattern agreement over the steps, with chance and SVD baseline": agreement,
        f"Heat map of the {shown.value} of the teacher": teacher_map,
        f"Heat map of the {shown.value} of the student": student_map,
    }
    _images = "".join(
        f'<img alt="{_alt}" src="{_picture}">' for _alt, _picture in _pictures.items()
    )
    mo.Html(
        f'<div class="simgeo-results" data-of="{shown_of}">'
        f'<div class="simgeo-pictures">{_images}</div>{mo.md(said).text}</div>'
    )
    return


@app.cell
def which_pairs(mo, pictures):
    # Shown by the cell that makes it, so that it stays, and with it the focus. No group
    # of buttons: an arrow key goes three places on in marimo's, and so round this one.
    shown = mo.ui.dropdown(pictures.SHOWN, pictures.PAIRS, label="show")
    shown
    return (shown,)


@app.cell
def numbers(get_outcome, mo, pictures):
    _outcome = get_outcome()
    mo.stop(_outcome is None or _outcome.data is None)
    _rows = pictures.numbers(_outcome.data)
    _names = list(_rows[0])
    _lines = [f"| {' | '.join(_names)} |", "|:--" + "|--:" * (len(_names) - 1) + "|"]
    _lines += [f"| {' | '.join(_row.values())} |" for _row in _rows]
    _table = mo.md("\n".join(_lines) + "\n\nMedians over seeds.")
    _of = f'class="simgeo-results simgeo-numbers" data-of="{id(_outcome.experiment)}"'
    mo.Html(f"<div {_of}>{_table.text}</div>")
    return


@app.cell
def language(mo):
    # By itself, so that it stays where it is when a control is moved.
    spoken = mo.ui.radio(
        ["TOML", "Python"], "TOML", label="take away what is shown, as", inline=True
    )
    return (spoken,)


@app.cell
def take_away(cell, mo, snippets, spoken):
    mo.stop(cell is None, spoken)
    _is_toml = spoken.value == "TOML"
    _text = snippets.toml_of(cell) if _is_toml else snippets.python_of(cell)
    _name = "cell.toml" if _is_toml else "cell.py"
    _use = f"simgeo run {_name}" if _is_toml else f"python {_name}"
    mo.vstack(
        [
            mo.hstack(
                [
                    spoken,
                    mo.download(_text, _name, "text/plain", label=f"download {_name}"),
                    mo.md(f"then `{_use}`"),
                ],
                justify="start",
                align="center",
                wrap=True,
            ),
            mo.md(f"```{spoken.value.lower()}\n{_text}```"),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
