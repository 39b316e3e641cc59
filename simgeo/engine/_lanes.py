"""Where units are computed: by threads of the host, or on accelerators."""

import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import PyTree

from simgeo.engine import _programs as programs
from simgeo.engine._programs import Common


def num_workers() -> int:
    """How many units are computed at one time: cores of a CPU, or other devices."""
    if jax.default_backend() != "cpu":
        return jax.device_count()
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def mesh_of(capacity: int) -> Mesh:
    """As many accelerators as places divide among; of CPUs one, which threads share."""
    devices = jax.devices()
    on_cpu = devices[0].platform == "cpu"
    most = 1 if on_cpu else _divisor(capacity, len(devices))
    return Mesh(np.asarray(devices[:most]), ("units",))


def _divisor(number: int, most: int) -> int:
    """The largest of a number that is not above another."""
    return max(each for each in range(1, most + 1) if number % each == 0)


class Layout:
    """Where units are in arrays with room for some number of them.

    On a CPU they are in as many lanes as are computed at one time, each a call of one
    program in a thread of its own, but in none without units; elsewhere in one lane,
    spread over the devices.

    Args:
        num_units: that are computed.
        capacity: places in all lanes.
        num_lanes: on a CPU that the places are divided among; default: as many as
            there are cores for them.
    """

    def __init__(
        self, num_units: int, capacity: int, num_lanes: int | None = None
    ) -> None:
        self.mesh = mesh_of(capacity)
        on_cpu = self.mesh.devices.flat[0].platform == "cpu"
        default = _divisor(capacity, num_workers()) if on_cpu else 1
        lanes = num_lanes or default
        self.room = capacity // lanes  # of one lane
        self.num_lanes = min(lanes, num_units)
        capacity = self.room * self.num_lanes
        parts = self.mesh.size * self.num_lanes
        on_each = np.full(parts, num_units // parts, np.int32)
        on_each[: num_units % parts] += 1
        starts = np.arange(parts) * (capacity // parts)
        self.places = np.concatenate(
            [
                np.arange(start, start + num)
                for start, num in zip(starts, on_each, strict=True)
            ]
        )
        is_real = np.isin(np.arange(capacity), self.places)
        self._in_lanes = [
            np.flatnonzero(own) for own in np.split(is_real, self.num_lanes)
        ]
        self._sharding = programs.sharding_of(self.mesh)
        self._counts = [
            jax.device_put(own, self._sharding)
            for own in np.split(on_each, self.num_lanes)
        ]

    def put(self, tree: PyTree) -> list[PyTree]:
        """In every lane its own; empty places hold copies, which nobody reads."""
        order = np.zeros(self.room * self.num_lanes, int)
        order[self.places] = np.arange(len(self.places))
        return [
            jax.device_put(
                jax.tree.map(lambda leaf: leaf[own], tree),  # noqa: B023
                self._sharding,
            )
            for own in np.split(order, self.num_lanes)
        ]

    def back(self, lanes: Sequence[PyTree]) -> PyTree:
        """On the host, the real units only; typed keys stay where they are."""

        def joined(*leaves: jax.Array) -> np.ndarray | jax.Array:
            if jax.dtypes.issubdtype(leaves[0].dtype, jax.dtypes.prng_key):
                return jnp.concatenate(leaves)[self.places]
            real = zip(leaves, self._in_lanes, strict=True)
            return np.concatenate([np.asarray(leaf)[own] for leaf, own in real])

        return jax.tree.map(joined, *lanes)

    def call(
        self,
        program: jax.stages.Compiled,
        common: Common,
        carried: Sequence[PyTree],
        own: Sequence[tuple[PyTree, ...]],
    ) -> tuple[list[PyTree], list[PyTree]]:
        """What a program of `programs.over_units` gives in every lane."""
        shared = jax.device_put(common, programs.sharding_of(self.mesh, common=True))

        def call(lane: int) -> tuple[PyTree, PyTree]:
            found = program(self._counts[lane], shared, carried[lane], *own[lane])
            # JAX would let a thread run ahead, and lanes of one thread wait in a row.
            return jax.block_until_ready(found)

        if self.num_lanes == 1:
            found = [call(0)]
        else:
            found = list(_threads(self.num_lanes).map(call, range(self.num_lanes)))
        return [each[0] for each in found], [each[1] for each in found]


@functools.cache
def _threads(number: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(number, thread_name_prefix="simgeo")
