"""What `benchmarks.waits` measures: a process of this checkout or of an older one."""

import dataclasses
import json
import time

begin = time.perf_counter()
told, last = {}, begin


def tell(name):
    global last
    now = time.perf_counter()
    told[name], last = now - last, now


import jax  # noqa: E402

tell("jax")
import simgeo  # noqa: E402
from simgeo import objectives, teachers  # noqa: E402

try:
    from simgeo import engine, problems

    Experiment, run = problems.Experiment, engine.run
    engine.keep_programs()
except ImportError:
    from simgeo import experiment

    Experiment, run = experiment.Experiment, experiment.run
small = Experiment(
    teacher=teachers.OrthogonalFraction(fraction=0.8),
    objective=objectives.CKA(),
    num_vectors=64,
    teacher_dim=32,
    student_dim=16,
    num_steps=300,
    num_seeds=4,
)
run(small)
tell("small")
told["small"] += told["jax"]
run(dataclasses.replace(small, objective=objectives.Procrustes()))
tell("second")
compiled = []
jax.monitoring.register_event_duration_secs_listener(
    lambda name, seconds, **_: compiled.append(name)
)
cell = dataclasses.replace(
    small,
    num_vectors=256,
    teacher_dim=128,
    student_dim=64,
    num_steps=1000,
    num_records=30,
    num_seeds=16,
)
run(cell)
tell("first")
told["programs"] = sum("backend_compile" in name for name in compiled)

told |= {"steps": 0.0, "records": 0.0, "levels": 0.0}
within = []
try:
    from simgeo.engine._compiled import Compiled
    from simgeo.engine._given import Given
except ImportError:
    pass
else:
    call, levels = Compiled.call, Given.levels

    def timed(self, name, *given, **named):
        start = time.perf_counter()
        found = jax.block_until_ready(call(self, name, *given, **named))
        part = {"advance": "steps", "observe": "records"}.get(name)
        if part and not within:
            told[part] += time.perf_counter() - start
        return found

    def of_levels(self, *given, **named):
        start = time.perf_counter()
        within.append(0)
        try:
            return levels(self, *given, **named)
        finally:
            within.pop()
            told["levels"] += time.perf_counter() - start

    Compiled.call, Given.levels = timed, of_levels
last = time.perf_counter()
run(dataclasses.replace(cell, first_seed=16))
tell("warm")
told["rest"] = told["warm"] - told["steps"] - told["records"] - told["levels"]
print(json.dumps(told | {"home": simgeo.__file__}))
