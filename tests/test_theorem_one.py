"""The closed forms of Theorem 1 are the distances of the vectors that are drawn."""

import numpy as np
import pytest

from experiments import theorem_one
from experiments.theorem_one import closed_forms

pytestmark = pytest.mark.once


def relative(one: np.ndarray, other: np.ndarray) -> float:
    """One less the cosine of two matrices."""
    return 1 - np.sum(one * other) / np.linalg.norm(one) / np.linalg.norm(other)


@pytest.mark.parametrize(("n", "k"), [(4, 2), (24, 6), (24, 22), (64, 8)])
def test_closed_forms_are_the_distances_of_the_vectors(n, k):
    copy, teacher = closed_forms.plain(n), closed_forms.turned(n, k)
    assert np.allclose(np.linalg.norm(teacher, axis=1), 1)
    gram, other = copy @ copy.T, teacher @ teacher.T
    centre = np.eye(n) - 1 / n
    nuclear = np.linalg.svd(copy.T @ teacher, compute_uv=False).sum()
    squared = np.sum((gram - other) ** 2)
    off = np.abs(other[np.triu_indices(n, 1)])
    expected = {
        "cka": relative(centre @ gram @ centre, centre @ other @ centre),
        "cka_uncentred": relative(gram, other),
        "procrustes": 2 - 2 * nuclear / n,
        "gram": squared / np.sum(other**2),
        "procrustes_size": 2 * n - 2 * nuclear,
        "gram_size": squared,
        "pairs": np.mean(off < 0.5),
    }
    found = closed_forms.distances(n, k)
    assert found.keys() == expected.keys()
    assert [*found.values()] == pytest.approx([*expected.values()])
    assert np.sum(off < 0.5) == np.sum(off == 0)
    assert np.all(np.abs(gram) == 1)


def test_the_loss_vanishes_though_the_orthogonal_vectors_grow():
    rows = theorem_one.data(quick=False)
    rows = rows[rows["what"] == "over n"]
    names = ["cka", "cka_uncentred", "procrustes", "gram", "pairs"]
    assert (rows[names].diff().dropna() < 0).all(axis=None)
    assert (rows["turned"].diff().dropna() > 0).all()
    last = rows.iloc[-1]
    assert last["procrustes"] / last["cka"] == pytest.approx(2, rel=0.01)
    assert last["pairs"] / last["cka"] == pytest.approx(2, rel=0.01)
