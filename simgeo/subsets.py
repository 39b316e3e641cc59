"""The largest subset of given vectors that is mutually epsilon-orthogonal.

It is the largest clique of the graph that joins epsilon-orthogonal pairs, which is hard
to find: what is found is a lower bound, with its members, and beside it stands an upper
bound. Both are proven. Everything runs in NumPy float64 on the host.
"""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Int

from simgeo import limits
from simgeo.checks import require

_LARGEST_SEARCH = 4096  # vectors, for which the graph is kept: 16 MiB
_BLOCK = 4096
_POOL = 256  # candidates among which the greedy choice is made when there are many
_SAMPLE = 1024  # candidates on which they are judged
_MANY = 0.98  # of the sample: when so many are joined to one, several are added
_MOST_CAPS = 512
_RANK_TOLERANCE = 1e-10

Joined = Callable[
    [Int[np.ndarray, " rows"], Int[np.ndarray, " columns"]],
    Bool[np.ndarray, "rows columns"],
]


class OrthogonalSubset(NamedTuple):
    """The size of the largest epsilon-orthogonal subset, between two proven bounds.

    `lower` is the number of `members`, rows that were checked to be mutually
    epsilon-orthogonal; no subset has more than `upper`. `proven` says that the two
    meet: `members` are then one of the largest subsets.
    """

    lower: int
    upper: int
    proven: bool
    members: Int[np.ndarray, " members"]


def largest_orthogonal_subset(
    vectors: Float[np.ndarray, "n d"] | Float[Array, "n d"],
    epsilon: float,
    num_restarts: int = 16,
    time_limit: float = 10.0,
    seed: int = 0,
) -> OrthogonalSubset:
    """Rows of which all pairs have |cos| <= epsilon, as many as can be found.

    Randomised greedy choice from `num_restarts` starts gives the lower bound. The
    upper bound is the least of how many vectors fit (`limits.max_orthogonal_vectors`,
    in the dimensions that the rows span) and of two colourings, whose classes hold no
    epsilon-orthogonal pair: by caps around some rows, and greedily on the graph. Where
    they do not meet, up to 4,096 rows are searched by branch and bound; more are never
    searched, compared in blocks, and no n by n matrix is formed.

    After `time_limit` seconds the search ends, and after half of them no further start
    is made: zero leaves one start and the bounds. With the same `seed` the answer is
    the same, unless time ran out. Signs and lengths of rows do not matter.
    Tomita and Seki (2003); San Segundo, Rodriguez-Losada and Jimenez (2011).

    Args:
        vectors: of shape (n, d), without a zero row.
        epsilon: largest |cosine| of a pair that counts as orthogonal, in [0, 1].
        num_restarts: starts of the greedy choice, at least 1.
        time_limit: in seconds, at least 0.
        seed: of the starts.

    >>> import numpy as np
    >>> from simgeo import subsets
    >>> vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]])
    >>> found = subsets.largest_orthogonal_subset(vectors, epsilon=0.1)
    >>> found.lower, found.upper
    (2, 2)
    """
    began = time.monotonic()
    units = _unit_rows(vectors)
    require(epsilon >= 0, "epsilon", "not be negative", epsilon)
    require(num_restarts >= 1, "num_restarts", "be at least 1", num_restarts)
    require(time_limit >= 0, "time_limit", "not be negative", time_limit)
    n = len(units)
    graph = _graph(units, epsilon) if n <= _LARGEST_SEARCH else None

    def joined(rows, columns):
        if graph is not None:
            return graph[np.ix_(rows, columns)]
        return np.abs(units[rows] @ units[columns].T) <= epsilon

    rng = np.random.default_rng(seed)
    upper = int(min(n, _packing_bound(units, epsilon)))
    # Where some rows need as many caps already, all would take long to need more.
    most = min(upper, _MOST_CAPS)
    some = units[rng.permutation(n)[:_SAMPLE]]
    if _cap_bound(some, epsilon, most) < most:
        upper = min(upper, _cap_bound(units, epsilon, most))
    best = np.zeros(0, dtype=int)
    for _ in range(num_restarts):
        found = _greedy(n, joined, rng)
        best = found if len(found) > len(best) else best
        if len(best) == upper or time.monotonic() - began >= time_limit / 2:
            break
    members = sorted(best.tolist())
    if graph is not None and len(members) < upper:
        members, searched = _search(graph, members, began + time_limit)
        upper = min(upper, searched)
    return OrthogonalSubset(
        lower=len(members),
        upper=upper,
        proven=len(members) == upper,
        members=np.array(sorted(members), dtype=int),
    )


def _unit_rows(
    vectors: Float[np.ndarray, "n d"] | Float[Array, "n d"],
) -> Float[np.ndarray, "n d"]:
    array = np.asarray(vectors, dtype=np.float64)
    is_matrix = array.ndim == 2 and array.size > 0
    rule = "be rows of a matrix that has entries"
    require(is_matrix, "vectors", rule, array.shape)
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    wrong = np.flatnonzero(~(np.isfinite(lengths[:, 0]) & (lengths[:, 0] > 0)))
    if len(wrong):
        raise ValueError(
            "`vectors` must have finite rows of positive length; "
            f"row {wrong[0]} has length {lengths[wrong[0], 0]:g}."
        )
    return array / lengths


def _graph(units: Float[np.ndarray, "n d"], epsilon: float) -> Bool[np.ndarray, "n n"]:
    n = len(units)
    graph = np.empty((n, n), dtype=bool)
    for start in range(0, n, _BLOCK // 4):
        stop = start + _BLOCK // 4
        graph[start:stop] = np.abs(units[start:stop] @ units.T) <= epsilon
    np.fill_diagonal(graph, False)
    return graph & graph.T  # products may round differently


def _packing_bound(units: Float[np.ndarray, "n d"], epsilon: float) -> int | float:
    """How many vectors fit into the dimensions that these span, all but a rest.

    Without a rest of squared length r at most, two of them have cosines of at most
    (epsilon + r) / (1 - r).
    """
    if units.shape[1] > len(units):
        units = np.linalg.qr(units.T)[1].T  # the same cosines in n dimensions
    n, d = units.shape
    _, axes = np.linalg.eigh(units.T @ units)
    # Squared lengths of all rows' parts in the first axes, of least variance.
    rest = np.zeros(d)
    for start in range(0, n, _BLOCK):
        parts = np.cumsum((units[start : start + _BLOCK] @ axes) ** 2, axis=1)
        rest = np.maximum(rest, parts.max(axis=0))
    spare = int(np.sum(rest[:-1] <= _RANK_TOLERANCE))
    left = float(rest[spare - 1]) + 1e-15 * d if spare else 0.0
    within = (epsilon + left) / (1 - left)
    return limits.max_orthogonal_vectors(within, d - spare)[0]


def _cap_bound(units: Float[np.ndarray, "n d"], epsilon: float, most: int) -> int:
    """The number of caps that cover the rows, or `most` if that is less.

    Two lines within half of arccos(epsilon) of a third are not epsilon-orthogonal, so
    that each cap holds one vector of a subset at most.
    """
    if epsilon >= 1:
        return most
    radius = math.sqrt((1 + epsilon) / 2) + 1e-12
    left = np.arange(len(units))
    num_caps = 0
    while len(left):
        num_caps += 1
        if num_caps >= most:
            return most
        left = left[1:][np.abs(units[left[1:]] @ units[left[0]]) <= radius]
    return num_caps


def _greedy(n: int, joined: Joined, rng: np.random.Generator) -> Int[np.ndarray, " k"]:
    """Candidates added one by one, each the one that leaves most of the others.

    The first is drawn at random. Of many candidates, some are judged on some, and
    where nearly all are joined, several are added at once.
    """
    new = rng.integers(n, size=1)
    members, candidates = new, np.delete(np.arange(n), new)
    while True:
        # In blocks, for the rows that are compared are copied.
        blocks = [
            candidates[start : start + _BLOCK]
            for start in range(0, len(candidates), _BLOCK)
        ]
        kept = [block[joined(new, block).all(axis=0)] for block in blocks]
        candidates = np.concatenate(kept) if kept else candidates
        if not len(candidates):
            return members
        num = min(_SAMPLE, len(candidates))
        some = rng.choice(len(candidates), num, replace=False, shuffle=False)
        pool = candidates[some[:_POOL]]
        scores = joined(pool, candidates[some]).sum(axis=1)
        ranked = pool[np.argsort(-scores, kind="stable")]
        num_new = 1
        if scores.max() > _MANY * num:
            # Few would be left out by any choice: as many as go together.
            joins = joined(ranked, ranked)
            apart = np.flatnonzero(~np.tri(len(ranked), dtype=bool) & ~joins)
            columns = apart % len(ranked)
            num_new = int(columns.min()) if len(columns) else len(ranked)
        new = ranked[:num_new]
        members = np.append(members, new)
        candidates = np.setdiff1d(candidates, new, assume_unique=True)


def _search(
    graph: Bool[np.ndarray, "n n"], members: list[int], deadline: float
) -> tuple[list[int], int]:
    """The largest clique that is found before the deadline, and an upper bound.

    Branch and bound on bit sets: a clique has no more members than colours, so that
    only vertices of high colours are branched on, highest colour first.
    """
    order = _degeneracy_order(graph)
    graph = graph[np.ix_(order, order)]
    rows = np.packbits(graph, axis=1, bitorder="little")
    neighbours = [int.from_bytes(row.tobytes(), "little") for row in rows]
    strangers = [
        ~(near | 1 << vertex) for vertex, near in enumerate(neighbours)
    ]  # with all higher bits, that no set of candidates has
    place = {int(vertex): i for i, vertex in enumerate(order)}
    best = [place[member] for member in members]
    everything = (1 << len(order)) - 1
    branches = _colour(everything, strangers, len(best))
    upper = max(len(best), branches[-1][1] if branches else 0)
    path: list[int] = []
    stack = [(everything, branches)]
    while stack:
        candidates, branches = stack[-1]
        if not branches or len(path) + branches[-1][1] <= len(best):
            stack.pop()
            if path:
                path.pop()
            continue
        if time.monotonic() >= deadline:
            return [int(order[i]) for i in best], max(upper, len(best))
        vertex, colour = branches.pop()
        if not path:
            upper = colour  # what was branched on before is done with
        stack[-1] = (candidates & ~(1 << vertex), branches)
        path.append(vertex)
        inner = candidates & neighbours[vertex]
        if inner:
            wanted = len(best) - len(path)
            stack.append((inner, _colour(inner, strangers, wanted)))
        else:
            if len(path) > len(best):
                best = path.copy()
            path.pop()
    return [int(order[i]) for i in best], len(best)


def _colour(candidates: int, strangers: list[int], spare: int) -> list[tuple[int, int]]:
    """Vertices whose colour exceeds `spare`, with the colour, in ascending colours.

    Class by class, each filled greedily with vertices that are not joined.
    """
    branches: list[tuple[int, int]] = []
    colour = 0
    while candidates:
        colour += 1
        free = candidates
        while free:
            bit = free & -free
            vertex = bit.bit_length() - 1
            free &= strangers[vertex]
            candidates ^= bit
            if colour > spare:
                branches.append((vertex, colour))
    return branches


def _degeneracy_order(graph: Bool[np.ndarray, "n n"]) -> Int[np.ndarray, " n"]:
    """Each vertex has the least degree among those before it and itself."""
    degrees = graph.sum(axis=1).astype(float)
    order = np.empty(len(graph), dtype=int)
    for place in range(len(graph) - 1, -1, -1):
        vertex = int(np.argmin(degrees))
        order[place] = vertex
        degrees -= graph[vertex]
        degrees[vertex] = np.inf
    return order
