"""The engine's own step, and the products that no implementation can avoid."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from simgeo import engine, objectives, problems, teachers
from simgeo.engine import _programs as programs
from simgeo.engine._lanes import Layout
from simgeo.engine._units import parts_of, stacked, units_of
from simgeo.objectives import AbstractObjective

NUM_SEEDS, NUM_VECTORS, TEACHER_DIM = 32, 256, 128
OBJECTIVES: dict[str, AbstractObjective] = {
    "CKA": objectives.CKA(),
    "Gram": objectives.FeatureGram(),
    "projection": objectives.LinearProjection(),
    "Procrustes": objectives.Procrustes(),
}


class WithValue(AbstractObjective):
    """An objective whose value every step needs, as well as its gradient.

    The value is the derivative for one more parameter, which starts at zero: the
    engine records losses between steps, and the compiler would drop it.
    """

    inner: AbstractObjective

    def init(self, key, student_dim, teacher_dim):
        return jnp.zeros(()), self.inner.init(key, student_dim, teacher_dim)

    def __call__(self, student, teacher, learned=None):
        switch, own = learned
        value = self.inner(student, teacher, own)
        return value + switch * jax.lax.stop_gradient(value)

    @property
    def label(self) -> str:
        return self.inner.label

    @property
    def invariant_to(self) -> frozenset[str]:
        return self.inner.invariant_to

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return self.inner.optimum(teacher, student_dim)


class Engine:
    """The program that the engine calls between records; a call does steps."""

    def __init__(
        self,
        objective: AbstractObjective,
        student_dim: int,
        num_steps: int,
        num_vectors: int = NUM_VECTORS,
        teacher_dim: int = TEACHER_DIM,
        num_seeds: int = NUM_SEEDS,
    ):
        cell = problems.Experiment(
            teacher=teachers.Gaussian(),
            objective=WithValue(objective),
            num_vectors=num_vectors,
            teacher_dim=teacher_dim,
            student_dim=student_dim,
            num_seeds=num_seeds,
        )
        parts = parts_of(cell)
        seeds = np.asarray(cell.seeds, np.int32)
        data = engine.Engine().data(units_of(cell, map(int, seeds)))
        self.teacher = np.stack([given[0] for given in data])
        self.layout = Layout(num_seeds, num_seeds)
        self.own = self.layout.put(
            (stacked([parts.knobs] * num_seeds), seeds, stacked(data))
        )
        mesh, none = self.layout.mesh, [()] * self.layout.num_lanes
        begin = jax.jit(programs.over_units(programs.alone(programs.begin), mesh))
        begun = self.layout.call(begin, (), none, self.own)[1]
        self.carried = [each.state for each in begun]
        self.common = (jnp.asarray(num_steps, jnp.int32),)
        advance = programs.over_units(programs.advance, mesh)
        self.program = jax.jit(advance, donate_argnums=(2,))

    def __call__(self) -> None:
        self.carried, _ = self.layout.call(
            self.program, self.common, self.carried, self.own
        )

    def compile(self) -> None:
        """Compile the program again, from nothing."""
        jax.clear_caches()
        counts = jnp.zeros(1, jnp.int32)
        given = counts, self.common, self.carried[0], *self.own[0]
        self.program.lower(*given).compile()


# Each takes (carried, teacher) to what is carried on, by the products of one value
# and gradient. Started from orthonormal columns, all keep the carried values near what
# they are: nothing overflows, and nothing can be dropped or moved out of the loop.


def _kernels(carried, teacher):
    """S'T and S'S forward, T(T'S) and S(S'S) backward; a Newton-Schulz step."""
    student, weights = carried
    cross, own = teacher.T @ student, student.T @ student
    return 1.5 * (teacher @ cross) - 0.5 * (student @ own), weights


def _kernels_joined(carried, teacher):
    """The same products, two at once."""
    student, weights = carried
    both = jnp.concatenate([teacher, student], axis=1)
    return 2.0 * student - 0.5 * (both @ (both.T @ student)), weights


def _projection(carried, teacher):
    """S W forward, S'R and R W' backward."""
    student, weights = carried
    residual = student @ weights
    return residual @ weights.T, weights + 1e-6 * (student.T @ residual)


def _overlap(carried, teacher):
    """S'T forward, T times a factor of its shape backward."""
    student, weights = carried
    return teacher @ (teacher.T @ student), weights


FORMS = {
    "kernels": _kernels,
    "joined": _kernels_joined,
    "projection": _projection,
    "overlap": _overlap,
}
PRODUCTS = {
    "CKA": ("kernels", "joined"),
    "Gram": ("kernels", "joined"),
    "projection": ("projection",),
    "Procrustes": ("overlap",),
}


def bare_products(student_dim: int, num_steps: int) -> dict[str, Callable[[], None]]:
    """Loops of the products alone: every form, all seeds together and in turn."""
    rng = np.random.default_rng(0)
    shape = (NUM_SEEDS, NUM_VECTORS, TEACHER_DIM)
    teacher = jnp.asarray(np.linalg.qr(rng.standard_normal(shape))[0], jnp.float32)
    student = teacher[..., :student_dim]
    weights = rng.standard_normal((NUM_SEEDS, TEACHER_DIM, student_dim))
    weights = np.swapaxes(np.linalg.qr(weights)[0], 1, 2)
    carried = (student, jnp.asarray(weights, jnp.float32))
    layout = Layout(NUM_SEEDS, NUM_SEEDS)
    lanes, own = layout.put(carried), layout.put((teacher,))

    def loop(form: Callable, together: bool) -> Callable[[], None]:
        def one(carried, teacher):
            return jax.lax.fori_loop(
                0, num_steps, lambda _, each: form(each, teacher), carried
            )

        @jax.jit
        def all_seeds(counts, common, carried, teacher):
            if together:
                return jax.vmap(one)(carried, teacher), ()
            return jax.lax.map(lambda each: one(*each), (carried, teacher)), ()

        for student, _ in layout.call(all_seeds, (), lanes, own)[0]:
            lengths = np.linalg.norm(student, axis=1)
            assert np.all((lengths > 0.5) & (lengths < 2.0))
        return lambda: layout.call(all_seeds, (), lanes, own)

    return {
        f"{name} {order}": loop(form, together=order == "together")
        for name, form in FORMS.items()
        for order in ("together", "in turn")
    }
