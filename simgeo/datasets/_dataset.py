"""What networks are trained on: examples, and how they are divided."""

import abc
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from simgeo import checks
from simgeo.checks import require

_ALL = checks.rule(
    "be above 0 and at most 1",
    lambda value: 0 < value <= 1,
    exclusiveMinimum=0,
    maximum=1,
)


class Examples(NamedTuple):
    """Examples as arrays, one row for each.

    Args:
        inputs: what a student sees, (n, ...): numbers; grey levels, as uint8; or, as
            other whole numbers, tokens, of which 0 is no token.
        targets: classes from 0, of shape (n,), or (n, length) where a class is asked
            for at every position; below 0 where none is.
        num_classes: how many classes there are.
        num_tokens: how many tokens, or 0 where inputs are no tokens.
        teacher_inputs: where a trained teacher sees something else, (n, ...).
        layers: features of a given teacher, (n, d) for each layer.
        logits: of a given teacher, (n, num_classes).
    """

    inputs: np.ndarray
    targets: np.ndarray
    num_classes: int
    num_tokens: int = 0
    teacher_inputs: np.ndarray | None = None
    layers: tuple[np.ndarray, ...] = ()
    logits: np.ndarray | None = None


class Split(NamedTuple):
    """Examples in a fixed random order: for training, for validation, for the test."""

    examples: Examples
    num_train: int
    num_validation: int
    num_test: int


def _share(default: float, rule: Mapping[str, checks.Rule]) -> Any:
    # By name alone, so that what a data set of some kind is made of comes first.
    return eqx.field(static=True, kw_only=True, default=default, metadata=rule)


class AbstractDataset(eqx.Module):
    """Where examples come from, and how they are divided.

    One of your own is a frozen module with `load`.

    Args:
        test_share: share of all examples that is kept for the test, in [0, 1).
        validation_share: share of all on which settings are chosen, in [0, 1).
        train_share: share of the others on which networks are trained, in (0, 1].
        split_seed: of the random order in which examples are divided, from 0.
    """

    test_share: float = _share(0.2, checks.BELOW_1)
    validation_share: float = _share(0.2, checks.BELOW_1)
    train_share: float = _share(1.0, _ALL)
    split_seed: int = eqx.field(
        static=True, kw_only=True, default=0, metadata=checks.at_least(0)
    )

    def __check_init__(self) -> None:
        checks.check_fields(self)
        both = self.test_share + self.validation_share
        rule = "leave examples to train on beside `test_share`"
        require(both < 1, "validation_share", rule, self.validation_share)

    @abc.abstractmethod
    def load(self) -> Examples:
        """All examples, in an order that never changes.

        Raises:
            ValueError: if a package or a file that holds them is not there.
        """

    @property
    def label(self) -> str:
        """Short name for tables and figures."""
        return type(self).__name__

    def split(self) -> Split:
        """The examples, divided. They are read once in a process.

        Raises:
            ValueError: as `load`; or if a part would be empty.
        """
        return _split(self)


@functools.lru_cache(4)
def _split(dataset: AbstractDataset) -> Split:
    every = dataset.load()
    count = len(every.targets)
    rule = f"be as many as `targets`, of which there are {count}"
    require(len(every.inputs) == count, "inputs", rule, len(every.inputs))
    num_test = round(dataset.test_share * count)
    num_validation = round(dataset.validation_share * count)
    left = count - num_test - num_validation
    num_train = round(dataset.train_share * left)
    sizes = {
        "test_share": num_test,
        "validation_share": num_validation,
        "train_share": num_train,
    }
    for name, size in sizes.items():
        rule = f"leave at least 2 of {count} examples"
        require(size >= 2, name, rule, f"{getattr(dataset, name)}, which leaves {size}")
    order = np.random.default_rng(dataset.split_seed).permutation(count)
    # The test comes first, so that it is the same whatever the other shares are.
    test, validation = order[:num_test], order[num_test : num_test + num_validation]
    train = order[num_test + num_validation :][:num_train]
    rows = np.concatenate([train, validation, test])

    def ordered(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else array[rows]

    examples = every._replace(
        inputs=every.inputs[rows],
        targets=every.targets[rows],
        teacher_inputs=ordered(every.teacher_inputs),
        layers=tuple(layer[rows] for layer in every.layers),
        logits=ordered(every.logits),
    )
    return Split(examples, num_train, num_validation, num_test)
