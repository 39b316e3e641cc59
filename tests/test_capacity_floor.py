"""The formula at known values, the toy model against loops, made-up formula."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from experiments.capacity_floor import formula, toy

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("sparsity", "expected"),
    # At 1 - 1/e the logarithm is one; 0.99 as in the text's table of g.
    [(1 - 1 / math.e, math.e), (0.9, 10 / math.log(10)), (0.99, 21.7), (0.5, 2.885)],
)
def test_features_per_dimension(sparsity, expected):
    found = formula.features_per_dimension(sparsity)
    assert found == pytest.approx(expected, rel=2e-3)  # of three digits


def test_features_per_dimension_is_least_at_one_over_e():
    grid = np.linspace(0.05, 0.995, 50)
    assert min(map(formula.features_per_dimension, grid)) >= math.e


def test_what_the_formula_keeps_and_loses():
    assert formula.num_kept(40, 3, 0.8) == 9  # 3 x 3.107
    assert formula.num_kept(10, 5, 0.99) == 10
    assert formula.floor(4, 2, 0.9, 1.0) == pytest.approx((1 / 3 + 1 / 4) * 0.1 / 3)
    assert formula.floor(4, 4, 0.9, 1.0) == 0.0
    assert formula.floor(4, 1, 0.9, 0.0) == pytest.approx(3 * 0.1 / 3)


draw = jax.jit(toy.draw, static_argnums=(2, 3))


def test_draws_are_weighted_as_independent_features(key):
    inputs, weights = draw(key, jnp.asarray(0.9), 200_000, 5)
    assert (np.asarray(inputs) > 0).any(axis=1).all()
    inputs, weights = np.asarray(inputs, float), np.asarray(weights, float)
    assert weights.mean() == pytest.approx(1 - 0.9**5, rel=0.01)  # five deviations
    means = (weights[:, None] * inputs).mean(axis=0)
    np.testing.assert_allclose(means, 0.05, rtol=0.03)  # three deviations
    both = weights * inputs[:, 0] * inputs[:, 1]
    assert both.mean() == pytest.approx(0.05**2, rel=0.1)  # three deviations


def test_errors_are_those_of_independent_features(key):
    keys = jax.random.split(key, 4)
    model = toy.Toy(
        jax.random.normal(keys[0], (2, 4)), jax.random.normal(keys[1], (4,))
    )
    sparsity = jnp.asarray(0.7)
    found = jax.jit(toy.errors)(model, *draw(keys[2], sparsity, 200_000, 4), sparsity)
    rng = np.random.default_rng(0)
    x = rng.random((200_000, 4)) * (rng.random((200_000, 4)) >= 0.7)
    w, b = (np.asarray(each, float) for each in model)
    naive = np.mean((np.maximum(x @ w.T @ w + b, 0) - x) ** 2, axis=0)
    np.testing.assert_allclose(found, naive, rtol=0.03)  # two draws


def test_a_wide_model_keeps_everything_and_a_narrow_one_does_not():
    grid = [(0.0, 0.9, 1.0), (0.0, 0.9, 10.0)]
    decay, sparsity, width = map(jnp.asarray, np.array(grid, np.float32).T)
    toys, error = toy.train(
        jax.random.split(jax.random.key(0), 1),
        toy.Task(sparsity=sparsity, decay=decay, width=width),
        num_features=6,
        num_steps=300,
        batch=64,
        num_test=4096,
    )
    assert not np.any(np.asarray(toys.directions)[0, 0, 1:])  # of width one
    lost = np.asarray(error)[0] / formula.floor(1, 0, 0.9, 0.0)
    assert lost[1].max() < 0.05
    assert lost[0].max() > 0.5


def features(kept) -> pd.DataFrame:
    """Features of models that keep the first so many whole, and the others not."""
    rows = []
    for decay, n, sparsity, width, seed in itertools.product(
        formula.DECAYS, formula.COUNTS, formula.SPARSITIES, formula.WIDTHS, range(3)
    ):
        share = np.arange(n) < kept(n, width, sparsity)
        error = np.where(share, 0.0, (1 - sparsity) / 3)
        for feature in range(n):
            row = (decay, n, sparsity, width, seed, feature, share[feature])
            rows.append((*row, float(share[feature]), error[feature]))
    columns = [*formula.CELL, "seed", "feature", "norm", "explained", "error"]
    return pd.DataFrame(rows, columns=columns).astype({"norm": float})


def test_a_model_that_does_what_the_formula_says_is_right():
    table = formula.models(features(formula.num_kept))
    assert (table["kept_explained_0.5"] == table["kept_formula"]).all()
    np.testing.assert_allclose(table["loss"], table["loss_formula"], atol=1e-12)
    shares = formula.right(table)
    assert (shares[["right", "right_partly", "bounded"]] == 1).all(axis=None)
    # Half the 48 configurations and more say that all is kept: 31 of 72 cells do not.
    assert set(shares["num"]) == {72}
    assert set(shares["num_partly"]) == {31}


def test_accuracies_of_what_loses_nothing():
    table = formula.models(features(lambda n, width, sparsity: n))
    by = ["predictor", "relative"]
    accuracy = formula.accuracies(table).set_index(by)["accuracy"]
    assert len(accuracy) == 48 * 2 * 3 * 3
    assert (accuracy.loc["full", "of everything"] == 1).all()
    assert accuracy.loc["formula", "of everything"].between(0, 1).all()


def test_accuracies_are_relative_to_what_they_say():
    row = {"decay": 1.0, "num_features": 10, "sparsity": 0.9, "seed": 0, "width": 3}
    losses = {"loss": 0.4, "loss_formula": 0.1, "loss_linear": 0.5, "loss_full": 0.0}
    table = formula.accuracies(pd.DataFrame([row | losses]))
    found = table.groupby(["predictor", "relative"])["accuracy"].median()
    assert found["formula", "of everything"] == pytest.approx(0.7)
    assert found["formula", "of the larger"] == pytest.approx(0.25)
    assert found["linear", "of the larger"] == pytest.approx(0.8)
    assert found["linear", "of the found"] == pytest.approx(0.75)
    assert found["full", "of the found"] == 0.0
