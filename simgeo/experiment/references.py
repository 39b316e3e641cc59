"""What every number of a run is read against."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float

from simgeo import limits, objectives
from simgeo.experiment import programs
from simgeo.experiment.description import Experiment

KNOWN_OPTIMA = {
    f"optimum_distance_{name}": standard
    for name, standard in objectives.STANDARD.items()
    if name != "gram_unit_rows"  # its bound takes seconds for every seed
}


def references(
    experiment: Experiment,
    teacher: Float[Array, "s n d"],
    root: Float[Array, "s d d"],
    mesh: Mesh,
) -> dict[str, np.ndarray]:
    """What every number is read against, per seed.

    `chance_*`: a student of random unit rows. `svd_*`: the truncated SVD of the
    teacher, which is the optimum of Procrustes and Gram. `scale_*`: a student of zero
    rows. `optimum_*`: the least value of each distance at that width. `ceiling_*`: no
    vectors of that width can have more epsilon-orthogonal pairs.
    """
    shape, width = teacher.shape[:2], experiment.student_dim
    # On one device: an objective may call LAPACK, which can deadlock on several.
    alone = np.asarray(teacher)
    hosted = alone.astype(np.float64)
    best = np.stack([limits.optimal_student(each, width) for each in hosted])
    candidates = {
        "chance": programs.chance(experiment.seeds, alone, width),
        "svd": jnp.asarray(best, teacher.dtype),
        "scale": jnp.zeros((*shape, width), teacher.dtype),
    }
    found = {
        f"{kind}_{name}": np.asarray(value)
        for kind, vectors in candidates.items()
        for name, value in programs.observe(
            (jnp.asarray(experiment.epsilon),), (vectors, teacher, root), mesh
        ).items()
        if kind != "scale" or name.startswith("distance_")
    }
    num_vectors = experiment.num_vectors
    most = limits.max_orthogonal_pairs(experiment.epsilon, num_vectors, width)
    most /= num_vectors * (num_vectors - 1) / 2
    found["ceiling_fraction_student"] = np.full(experiment.num_seeds, most)
    objective = jax.tree.map(jnp.asarray, experiment.objective)
    zero = programs.zero_loss((objective,), (alone,), width)
    found["scale_loss"] = np.asarray(zero)
    known = KNOWN_OPTIMA | {"optimum_loss": experiment.objective}
    for name, known_objective in known.items():
        found[name] = np.asarray([known_objective.optimum(t, width) for t in hosted])
    return found
