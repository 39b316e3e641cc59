"""Synthetic experiments on what distillation preserves of representation geometry.

A teacher is a set of vectors whose geometry is chosen. Students of fewer dimensions are
optimised to resemble it under an objective, and measures say what was preserved.

>>> import simgeo
>>> teacher = simgeo.teachers.OrthogonalFraction(fraction=0.6)
>>> sizes = {"num_vectors": 16, "teacher_dim": 12, "student_dim": 6}
>>> cell = simgeo.Experiment(
...     teacher=teacher, **sizes, num_steps=50, num_records=3, num_seeds=2
... )
>>> dict(simgeo.run(cell)["loss"].sizes)
{'seed': 2, 'step': 3}

`objectives`, `students` and `measures` are what else a cell is made of; `sweep` runs
many and `open` reads them; `limits` says what is possible. Or ask `simgeo --help`.
"""

import importlib
from typing import Any

# Where each name comes from, imported when it is first asked for: `import simgeo` waits
# for neither JAX nor NumPy. `__init__.pyi` says the same to editors and type checkers.
_MODULES = (
    "calibration datasets engine functional limits measures networks objectives "
    "optimisers plots problems results settings stats students sweep teachers theory"
).split()
_EXTRAS = ("torch",)  # it asks for what is not a dependency, and so is not in `dir`
_HOMES = {
    "Distillation": "simgeo.problems",
    "Experiment": "simgeo.problems",
    "run": "simgeo.engine",
    "run_many": "simgeo.engine",
    "open": "simgeo.results",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value = version("simgeo")
    elif name in (*_MODULES, *_EXTRAS):
        value = importlib.import_module(f"simgeo.{name}")
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'simgeo' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_HOMES, *_MODULES, "__version__"])
