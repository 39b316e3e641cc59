"""Which cells run side by side, and in what order."""

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax

from simgeo import settings
from simgeo.experiment import Experiment, Program, program_of

# Of arrays in one batch: on a CPU more is no faster, and more is lost in a crash.
_BATCH_BYTES = {"cpu": 2**26}
_ON_ACCELERATORS = 2**31


class Cell(NamedTuple):
    """One experiment under its fingerprint."""

    fingerprint: str
    experiment: Experiment
    cost: float  # seed-steps times the products of one, for order and time left


class Batch(NamedTuple):
    """Cells that run side by side."""

    name: str
    program: Program
    cells: tuple[Cell, ...]
    size: int  # of the compiled program, in seeds of cells

    @property
    def cost(self) -> float:
        return sum((cell.cost for cell in self.cells), 0.0)


class Plan(NamedTuple):
    """All batches of a sweep, the largest first."""

    batches: tuple[Batch, ...]
    num_programs: int  # compiled, at most
    precision: str

    @property
    def cells(self) -> list[Cell]:
        return [cell for batch in self.batches for cell in batch.cells]


def plan(
    experiments: Sequence[Experiment],
    num_devices: int | None = None,
    batch_bytes: int | None = None,
) -> Plan:
    """Batches of cells that share programs and steps.

    A batch depends on the whole sweep, not on what of it is finished, so that a sweep
    that is taken up again runs the same programs in batches of the same size.

    Args:
        num_devices: that a batch is spread over; default: those of this process.
        batch_bytes: of the arrays of one batch, about; default: 64 MiB on a CPU, 2 GiB
            elsewhere. More is kept when a process dies if it is less.
    """
    precision = "float64" if jax.config.read("jax_enable_x64") else "float32"
    num_devices = num_devices or jax.device_count()
    groups: dict[Program, dict[tuple, dict[str, Cell]]] = {}
    for each in experiments:
        name = settings.fingerprint(each, {"precision": precision})
        steps = tuple(each.record_steps.tolist())
        group = groups.setdefault(program_of(each), {}).setdefault(steps, {})
        group[name] = Cell(name, each, _cost(each))
    batches = []
    for program, parts in groups.items():
        most = max(map(len, parts.values()))
        seeds = max(
            cell.experiment.num_seeds
            for part in parts.values()
            for cell in part.values()
        )
        room = batch_bytes or _BATCH_BYTES.get(jax.default_backend(), _ON_ACCELERATORS)
        num = _cells_side_by_side(program, most, seeds, room)
        size = num * seeds
        if size > num_devices:
            size = math.ceil(size / num_devices) * num_devices
        for part in parts.values():
            cells = list(part.values())
            for at in range(0, len(cells), num):
                chosen = tuple(cells[at : at + num])
                batches.append(Batch(_name(chosen), program, chosen, size))
    batches.sort(key=lambda batch: -batch.cost)
    return Plan(tuple(batches), _num_programs(batches), precision)


def _cells_side_by_side(
    program: Program, num_cells: int, num_seeds: int, room: int
) -> int:
    most = max(1, room // program.unit_bytes // num_seeds)
    return math.ceil(num_cells / math.ceil(num_cells / most))


def _cost(cell: Experiment) -> float:
    n, d, m = cell.num_vectors, cell.teacher_dim, cell.student_dim
    per_step = n * m * (d + m) + 10_000
    per_record = n * n * (d + m) + 100_000
    records = len(cell.record_steps)
    return float(cell.num_seeds * (cell.num_steps * per_step + records * per_record))


def _name(cells: Sequence[Cell]) -> str:
    joined = "".join(cell.fingerprint for cell in cells)
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


def _num_programs(batches: Sequence[Batch]) -> int:
    """Of teachers, of starts, of steps and of measures."""
    shapes = {(each.program[2:5], each.size) for each in batches}
    kinds = {(each.program, each.size) for each in batches}
    laws = {
        (jax.tree.structure(cell.experiment.teacher), each.program[2:4], each.size)
        for each in batches
        for cell in each.cells
    }
    return len(laws) + 2 * len(kinds) + len(shapes)
