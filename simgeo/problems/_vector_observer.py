"""What is recorded of vectors, and the levels that it is read against."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from simgeo import limits, linalg, measures, objectives
from simgeo.problems._parts import AbstractObserver, Data, Scalars

_KNOWN_OPTIMA = {
    name: standard
    for name, standard in objectives.STANDARD.items()
    if name != "gram_unit_rows"  # its bound takes seconds for every seed
}
# Distances that a measure decides, and their largest values: d = most (1 - measure).
# Each takes a polar factor or products that are then found once.
_DECIDED = {
    "cka": ("cka", 1.0),
    "cka_uncentred": ("cka_uncentred", 1.0),
    "procrustes_normalised": ("procrustes_similarity", 2.0),
}
_LEVELS = {
    "chance": "chance level of",
    "svd": "SVD baseline of",
    "zero_student": "zero student's",
    "optimum": "optimum of",
    "ceiling": "ceiling of",
}
_DISTANCE_LABELS = {
    f"distance_{name}": standard.label for name, standard in objectives.STANDARD.items()
}
_LONG_NAMES = {
    "relative_loss": "loss over that of the zero student",
    "excess_loss": "loss above its optimum, over that of the zero student",
    "relative_optimum": "optimum of the loss over the zero student's loss",
}


class VectorObserver(AbstractObserver):
    """Measures and standard distances of a student's vectors and its teacher's.

    Levels: `chance_*`, of random unit vectors of the student's width; `svd_*`, of the
    teacher's truncated SVD, the optimum of Procrustes and Gram; `zero_student_*`, of
    zero rows; `optimum_*`, the least value of any student of that width;
    `ceiling_fraction_student`, which no vectors of that width exceed.
    """

    epsilon: float
    measures: tuple[str, ...] = eqx.field(static=True)
    student_dim: int = eqx.field(static=True)

    def observe(self, subject: Float[Array, "n m"], data: Data) -> Scalars:
        root = data[3] if len(data) > 3 else None
        needed = [name for name, _ in _DECIDED.values() if name not in self.measures]
        seen = measures.battery(
            subject, data[0], self.epsilon, names=[*self.measures, *needed], root=root
        )
        distances = self.distances(subject, data[0], seen)
        return {**{name: seen[name] for name in self.measures}, **distances}

    def distances(
        self, student: Float[Array, "n m"], teacher: Float[Array, "n d"], seen: Scalars
    ) -> Scalars:
        """The standard distances; `seen` has the measures that decide some of them."""
        is_finite = linalg.all_finite(student, teacher)
        found = {}
        for name, objective in objectives.STANDARD.items():
            if name in _DECIDED:
                measure, most = _DECIDED[name]
                value = most * (1.0 - seen[measure])
                # Vectors without spread have a distance, and no measure.
                value = jnp.where(jnp.isnan(value) & is_finite, most, value)
            else:
                value = objective(student, teacher)
            found[f"distance_{name}"] = value
        return found

    def baselines(self, data: Data) -> Mapping[str, np.ndarray]:
        teacher = np.asarray(data[0], np.float64)
        best = limits.optimal_student(teacher, self.student_dim)
        return {
            "chance": data[2],
            "svd": best.astype(data[2].dtype),
            "zero_student": np.zeros_like(data[2]),
        }

    def has_level(self, baseline: str, name: str) -> bool:
        return baseline != "zero_student" or name.startswith("distance_")

    def levels(self, data: Data) -> Mapping[str, float]:
        teacher, width = np.asarray(data[0], np.float64), self.student_dim
        n = len(teacher)
        most = limits.max_orthogonal_pairs(float(self.epsilon), n, width)
        return {
            "ceiling_fraction_student": most / (n * (n - 1) / 2),
            **{
                f"optimum_distance_{name}": standard.optimum(teacher, width)
                for name, standard in _KNOWN_OPTIMA.items()
            },
        }

    def attributes(self, name: str) -> Mapping[str, str]:
        return attributes_of(name)

    def vectors(
        self, subject: np.ndarray, data: Data
    ) -> Mapping[str, tuple[tuple[str, ...], np.ndarray]]:
        return {
            "student": (("vector", "student_axis"), subject),
            "teacher": (("vector", "teacher_axis"), data[0]),
        }


def attributes_of(name: str) -> dict[str, str]:
    """What a variable of vectors says of itself: a measure, a distance or a level."""
    for level, words in _LEVELS.items():
        if name.startswith(f"{level}_"):
            said = attributes_of(name.removeprefix(f"{level}_"))
            if "long_name" in said:
                return {**said, "long_name": f"{words} {said['long_name']}"}
    if name in _DISTANCE_LABELS:
        return {"long_name": _DISTANCE_LABELS[name], "better": "lower"}
    if name in measures.MEASURES:
        one = measures.MEASURES[name]
        said = {"long_name": one.label, "units": one.units}
        said |= {"range": one.bounds, "chance": one.chance}
        return said | ({"better": one.better} if one.better else {})
    return {"long_name": _LONG_NAMES[name]} if name in _LONG_NAMES else {}
