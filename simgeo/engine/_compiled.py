"""Programs of units, compiled once for every shape."""

import gc
import threading
from collections.abc import Callable, Hashable, Sequence
from functools import partial

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jaxtyping import PyTree

from simgeo.engine import _programs as programs
from simgeo.engine._lanes import Layout
from simgeo.engine._programs import Common
from simgeo.engine._units import signature
from simgeo.problems import Data

# Kept in memory. With what belongs to it one takes some 440 memory maps and 20 MiB, and
# Linux kills a process that has 65,530 maps.
_MOST_PROGRAMS = 64
Leaf = jax.Array | np.ndarray | jax.ShapeDtypeStruct


class Compiled:
    """Programs by name, devices and shapes. Threads may compile beside each other."""

    def __init__(self) -> None:
        self.programs: dict[Hashable, jax.stages.Compiled] = {}
        self._lock = threading.Lock()
        self._begun = 0  # compilations, each of which will be a program

    def forget(self) -> None:
        """Frees them all."""
        self.programs.clear()
        jax.clear_caches()
        gc.collect()  # they are in cycles

    def call(
        self,
        name: Hashable,
        one: Callable,
        layout: Layout,
        own: Sequence[Data],
        carried: Sequence[PyTree] | None = None,
        common: Common = (),
    ) -> tuple[list[PyTree], list[PyTree]]:
        """Runs a program of one unit for many, lane by lane."""
        before = carried or [()] * layout.num_lanes
        program = self.find(name, one, layout.mesh, common, before[0], own[0])
        return layout.call(program, common, before, own)

    def find(
        self,
        name: Hashable,
        one: Callable,
        mesh: Mesh,
        common: Common,
        carried: PyTree,
        own: Data,
    ) -> jax.stages.Compiled:
        """The program of one unit for units of these shapes, compiled if it is new."""
        key = name, mesh, signature((common, carried, own))
        program = self.programs.get(key)
        if program is None:  # it is at hand though another thread may forget them all
            with self._lock:
                if len(self.programs) + self._begun >= _MOST_PROGRAMS:
                    self.forget()
                self._begun += 1
            try:
                spread = partial(_like, programs.sharding_of(mesh))
                shared = partial(_like, programs.sharding_of(mesh, common=True))
                counts = spread(jax.ShapeDtypeStruct((mesh.size,), np.int32))
                whole = jax.jit(programs.over_units(one, mesh), donate_argnums=(2,))
                given = counts, shared(common), spread(carried), *map(spread, own)
                options = None if name == "advance" else programs.seldom_called()
                program = whole.lower(*given).compile(options)
                self.programs[key] = program
            finally:
                with self._lock:
                    self._begun -= 1
        return program


def _like(sharding: NamedSharding, tree: PyTree) -> PyTree:
    def shape_of(leaf: Leaf) -> jax.ShapeDtypeStruct:
        kind = jax.dtypes.canonicalize_dtype(leaf.dtype, allow_extended_dtype=True)
        return jax.ShapeDtypeStruct(leaf.shape, kind, sharding=sharding)

    return jax.tree.map(shape_of, tree)
