"""Small runs made of arrays, as the engine labels them."""

import json

import numpy as np
import xarray as xr

from simgeo import results
from simgeo.settings import SCHEMA, digest

SETTINGS = {
    "kind": "Experiment",
    "teacher": {"kind": "OrthogonalFraction", "fraction": 0.5},
    "objective": {"kind": "CKA", "centred": True},
    "student_dim": 3,
    "measures": ["cka", "num_close"],
    "optimiser": {"kind": "Adam", "learning_rate": 0.01},
    "limit": None,
}
LABELS = {"teacher": "orthogonal half", "objective": "CKA", "optimiser": "Adam"}
HYBRID = {
    "kind": "Hybrid",
    "parts": [{"kind": "CKA", "centred": False}, {"kind": "Gram"}],
    "weights": [1.0, 0.5],
}


def another(**changes):
    """The settings with some changed."""
    return SETTINGS | changes


def make(
    number=0,
    *,
    settings=SETTINGS,
    labels=LABELS,
    seeds=(10, 11, 12, 13),
    steps=(0, 1, 3, 9, 27),
    records=None,
    vectors=True,
    complete=True,
    precision="float32",
):
    """A run whose numbers depend on `number` and on each seed alone."""
    n, d, m, r = 6, 7, 3, len(steps)
    drawn = [np.random.default_rng([number, seed]) for seed in seeds]

    def each(draw):
        return np.stack([draw(rng) for rng in drawn])

    if records is None:
        records = {
            "loss": each(lambda rng: rng.random(r)).astype(np.float32),
            "cka": each(lambda rng: rng.random(r)),
            "num_close": each(lambda rng: rng.integers(0, 9, r)),
        }
    variables = {name: (("seed", "step"), values) for name, values in records.items()}
    variables["chance_cka"] = ("seed", each(lambda rng: rng.random()))
    if vectors:
        for name, width in (("student", m), ("teacher", d)):
            values = each(lambda rng, width=width: rng.normal(size=(n, width)))
            dims = ("seed", "vector", f"{name}_axis")
            variables[name] = (dims, values.astype(np.float32))
    about = {name: {"long_name": f"the {name}", "units": "1"} for name in variables}
    if "cka" in about:
        about["cka"]["range"] = "[0, 1]"
    return xr.Dataset(
        {name: (*given, about[name]) for name, given in variables.items()},
        coords={
            "seed": ("seed", np.asarray(seeds), {"long_name": "seed", "units": "1"}),
            "step": ("step", np.asarray(steps), {"long_name": "steps", "units": "1"}),
        },
        attrs={
            "title": "Students of three dimensions.",
            "fingerprint": digest(settings, {"precision": precision}),
            "schema": SCHEMA,
            "settings": json.dumps(settings),
            "labels": json.dumps(labels),
            "precision": precision,
            "complete": int(complete),
            "stopped": "" if complete else "interrupted",
            "seconds": 0.5 * len(seeds),
            "versions": json.dumps({"simgeo": "0.1.0"}),
            "commit": "unknown",
        },
    )


def save_on(folder, start):
    """Saves runs of other settings until it is ended; here, as imports are few."""
    for index in range(start, 10**6):
        results.save(make(index, settings=another(student_dim=index)), folder)
