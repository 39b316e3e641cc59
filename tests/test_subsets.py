"""Largest orthogonal subsets: against brute force, planted ones, and within limits."""

import itertools
import time
import tracemalloc

import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from hypothesis import given

from simgeo.subsets import largest_orthogonal_subset

pytestmark = pytest.mark.once


def units(num_vectors, dim, seed=0):
    draw = np.random.default_rng(seed).standard_normal((num_vectors, dim))
    return draw / np.linalg.norm(draw, axis=1, keepdims=True)


def check_members(found, vectors, epsilon):
    """The members are what the result says, recounted."""
    assert found.lower == len(found.members) == len(set(found.members.tolist()))
    assert found.lower <= found.upper
    assert found.proven == (found.lower == found.upper)
    chosen = np.asarray(vectors, dtype=np.float64)[found.members]
    chosen = chosen / np.linalg.norm(chosen, axis=1, keepdims=True)
    cosines = np.abs(chosen @ chosen.T) - 2 * np.eye(len(chosen))
    assert np.all(cosines <= epsilon + 1e-12)


def brute_force(vectors, epsilon):
    joined = np.abs(vectors @ vectors.T) <= epsilon
    for size in range(len(vectors), 1, -1):
        for chosen in itertools.combinations(range(len(vectors)), size):
            if all(joined[i, j] for i, j in itertools.combinations(chosen, 2)):
                return size
    return 1


@given(
    st.integers(1, 12), st.integers(1, 6), st.floats(0.0, 1.0), st.integers(0, 2**32)
)
def test_random_vectors_against_brute_force(num_vectors, dim, epsilon, seed):
    vectors = units(num_vectors, dim, seed)
    most = brute_force(vectors, epsilon)
    found = largest_orthogonal_subset(vectors, epsilon)
    check_members(found, vectors, epsilon)
    assert (found.lower, found.upper) == (most, most)
    bounds = largest_orthogonal_subset(vectors, epsilon, num_restarts=1, time_limit=0.0)
    check_members(bounds, vectors, epsilon)
    assert bounds.lower <= most <= bounds.upper


@given(st.data(), st.integers(2, 11))
def test_any_graph_against_brute_force(data, num_vectors):
    # Cosines of 0 and +-a as a graph has them: G = I + aB is positive definite.
    pairs = num_vectors * (num_vectors - 1) // 2
    drawn = data.draw(
        st.lists(st.sampled_from([-1, 0, 1]), min_size=pairs, max_size=pairs)
    )
    gram = np.zeros((num_vectors, num_vectors))
    gram[np.triu_indices(num_vectors, 1)] = drawn
    vectors = np.linalg.cholesky(
        np.eye(num_vectors) + 0.9 / num_vectors * (gram + gram.T)
    )
    epsilon = 0.45 / num_vectors
    found = largest_orthogonal_subset(vectors, epsilon)
    check_members(found, vectors, epsilon)
    assert found.lower == found.upper == brute_force(vectors, epsilon)


@pytest.mark.parametrize("copies", [1, 7])
def test_orthonormal_vectors_and_copies_of_them(copies):
    vectors = np.repeat(np.eye(30), copies, axis=0)
    found = largest_orthogonal_subset(vectors, 0.01, time_limit=0.0)
    check_members(found, vectors, 0.01)
    assert found[:3] == (30, 30, True)


def test_groups_are_counted_without_a_search_however_many_the_vectors():
    # 100,000 vectors close to 12 directions of 64 dimensions: one cap holds each group.
    rng = np.random.default_rng(3)
    vectors = np.eye(64)[rng.integers(12, size=100_000)]
    vectors += 0.01 * rng.standard_normal(vectors.shape)
    found = largest_orthogonal_subset(vectors, 0.1, num_restarts=2)
    check_members(found, vectors, 0.1)
    assert found[:3] == (12, 12, True)


def test_dimensions_that_are_not_used_do_not_count():
    # 3 dimensions of 64, up to float32's rounding: only 3 vectors fit below 1/3.
    basis = np.linalg.qr(np.random.default_rng(1).standard_normal((64, 3)))[0]
    vectors = (units(5000, 3) @ basis.T).astype(np.float32)
    found = largest_orthogonal_subset(vectors, 0.3, num_restarts=4)
    check_members(found, vectors, 0.3)
    assert found[:3] == (3, 3, True)


def test_planted_subset_is_found_and_proven():
    # 40 orthonormal vectors among 260 that have a direction in common.
    rng = np.random.default_rng(5)
    others = 0.1 * rng.standard_normal((260, 64)) + np.ones(64) / 8
    vectors = np.concatenate([others, np.eye(64)[:40]])[rng.permutation(300)]
    found = largest_orthogonal_subset(vectors, 0.05)
    check_members(found, vectors, 0.05)
    assert found.lower >= 40
    assert found.proven


def test_random_vectors_at_the_size_of_the_studies():
    vectors = units(256, 64)
    found = largest_orthogonal_subset(vectors, 0.1, time_limit=300.0)
    check_members(found, vectors, 0.1)
    assert found[:3] == (13, 13, True)


def test_time_limit_is_kept_and_both_bounds_still_hold():
    vectors = units(256, 128)
    began = time.monotonic()
    bounds = largest_orthogonal_subset(vectors, 0.15, time_limit=0.0)
    without = time.monotonic() - began
    began = time.monotonic()
    found = largest_orthogonal_subset(vectors, 0.15, time_limit=0.5)
    elapsed = time.monotonic() - began
    check_members(found, vectors, 0.15)
    assert not found.proven
    assert bounds.lower <= found.lower
    assert found.upper <= bounds.upper
    assert elapsed < 5 * without + 5.0  # other work may share the cores


def test_many_vectors_take_little_memory():
    vectors = units(20_000, 64)
    tracemalloc.start()
    found = largest_orthogonal_subset(vectors, 0.1, num_restarts=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    check_members(found, vectors, 0.1)
    assert found.lower >= 15
    assert found.upper == 176  # Welch's bound
    assert peak < 60e6  # a matrix of 20,000 by 20,000 bits alone has 50e6 bytes


def test_the_same_seed_gives_the_same_answer_whatever_the_lengths_and_signs():
    vectors = units(90, 16, seed=4)
    first = largest_orthogonal_subset(vectors, 0.2, seed=7)
    again = largest_orthogonal_subset(vectors, 0.2, seed=7)
    scales = np.where(np.arange(90) % 2, -4.0, 0.5)  # exact in binary
    scaled = largest_orthogonal_subset(vectors * scales[:, None], 0.2, seed=7)
    other = largest_orthogonal_subset(vectors, 0.2, seed=8)
    assert first.proven
    assert first.members.tolist() == again.members.tolist() == scaled.members.tolist()
    assert other[:3] == first[:3]


def test_arrays_of_jax_are_taken(key):
    vectors = jax.random.normal(key, (40, 8))
    found = largest_orthogonal_subset(vectors, 0.2)
    check_members(found, vectors, 0.2)
    assert found.proven


def test_malformed_arguments_are_refused():
    with pytest.raises(ValueError, match="`epsilon` must not be negative; got -1.0"):
        largest_orthogonal_subset(np.eye(3), -1.0)
    with pytest.raises(ValueError, match="`num_restarts` must be at least 1; got 0"):
        largest_orthogonal_subset(np.eye(3), 0.1, num_restarts=0)
    with pytest.raises(ValueError, match="`time_limit` must not be negative; got nan"):
        largest_orthogonal_subset(np.eye(3), 0.1, time_limit=float("nan"))
    with pytest.raises(ValueError, match=r"matrix that has entries; got \(0, 3\)"):
        largest_orthogonal_subset(np.zeros((0, 3)), 0.1)
    with pytest.raises(ValueError, match="row 1 has length 0"):
        largest_orthogonal_subset(np.array([[1.0, 0.0], [0.0, 0.0]]), 0.1)
    with pytest.raises(ValueError, match="row 0 has length nan"):
        largest_orthogonal_subset(np.array([[np.nan, 0.0], [0.0, 1.0]]), 0.1)
