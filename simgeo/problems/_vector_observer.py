"""What is recorded of vectors, and the levels that it is read against."""

from collections.abc import Mapping

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from simgeo import limits, measures, objectives
from simgeo.problems._parts import AbstractObserver, Data, Scalars

_KNOWN_OPTIMA = {
    name: standard
    for name, standard in objectives.STANDARD.items()
    if name != "gram_unit_rows"  # its bound takes seconds for every seed
}
_LEVELS = {
    "chance": "chance level of",
    "svd": "SVD baseline of",
    "zero_student": "zero student's",
    "optimum": "optimum of",
    "ceiling": "ceiling of",
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
        seen = measures.battery(
            subject, data[0], self.epsilon, names=self.measures, root=root
        )
        distances = {
            f"distance_{name}": objective(subject, data[0])
            for name, objective in objectives.STANDARD.items()
        }
        return {**seen, **distances}

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
        for level, words in _LEVELS.items():
            if name.startswith(f"{level}_"):
                inner = self.attributes(name.removeprefix(f"{level}_"))
                if "long_name" in inner:
                    said = {"long_name": f"{words} {inner['long_name']}"}
                    return {**inner, **said}
        if name.startswith("distance_"):
            standard = objectives.STANDARD.get(name.removeprefix("distance_"))
            return {"long_name": standard.label, "better": "lower"} if standard else {}
        if name in measures.MEASURES:
            one = measures.MEASURES[name]
            said = {"long_name": one.label, "units": one.units}
            said |= {"range": one.bounds, "chance": one.chance}
            return said | ({"better": one.better} if one.better else {})
        return {"long_name": _LONG_NAMES[name]} if name in _LONG_NAMES else {}

    def vectors(
        self, subject: np.ndarray, data: Data
    ) -> Mapping[str, tuple[tuple[str, ...], np.ndarray]]:
        return {
            "student": (("vector", "student_axis"), subject),
            "teacher": (("vector", "teacher_axis"), data[0]),
        }
