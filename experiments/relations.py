"""Is a term for relations of classes and of places better than one for features?

CKA may compare the features of two networks, as everywhere here; the logits, over the
examples and over the classes (RCKA, Zhou et al., 2024); or the places of feature maps,
each of them one row (PCKA). Small networks learn digits from labels, from the teacher's
logits, or from both: a perceptron with eight units a layer, and a convolutional one
with eight channels, which alone has places. The centred Procrustes distance of the
features stands beside them.

Prediction: the relations of logits gain most beside labels, at least one point, since
they carry what logits carry, and nothing beside logits. Classes add nothing to examples
that a test tells from zero. Places gain no more than features do, which gain nothing.
The centred Procrustes distance gains two points with the perceptron, as found before,
and no relation gains more than it beside labels.

Outcome: the prediction failed where it was new. Relations of logits gain nothing that a
test tells from zero, neither over examples alone nor over classes as well, with either
network; beside the teacher's logits, examples alone cost the perceptron .7 points.
Places gain nothing either, as predicted. The centred Procrustes distance of features
gains two to four points with both networks and beside all three sources, which is all
that a test tells from zero. Logits cost one point with the perceptron and two to four
with the convolutional network, at the one weight and temperature that were tried, so
that relations of them had little to carry.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import pandas as pd
from jaxtyping import Array, Float, Num, PRNGKeyArray

from experiments import distilling, terms
from experiments.cells import Cell
from experiments.study import Figure, Study
from simgeo import datasets, functional, networks, objectives
from simgeo.networks import AbstractNetwork, Outputs, Task
from simgeo.objectives import AbstractObjective
from simgeo.problems import Distillation

_PERCEPTRON, _CONVOLUTIONAL = "perceptron", "convolutional"
_CLASSES, _PLACES = 10, 4
_FEATURES = 1  # the last hidden layer, counted from the input


class _MoreLayers(AbstractNetwork):
    """Another network, which has the parameters, with one more layer."""

    network: AbstractNetwork

    @property
    def label(self) -> str:
        return self.network.label

    def init(self, key: PRNGKeyArray, task: Task) -> Any:
        return self.network.init(key, task)


class WithLogits(_MoreLayers):
    """Another network, whose logits are one more layer.

    Args:
        network: that has the parameters.
        num_classes: how many logits there are.
    """

    num_classes: int = eqx.field(static=True, default=_CLASSES)

    @property
    def widths(self) -> tuple[int, ...]:
        return (*self.network.widths, self.num_classes)

    def __call__(
        self, parameters: Any, inputs: Num[Array, "b ..."], task: Task
    ) -> Outputs:
        found = self.network(parameters, inputs, task)
        return Outputs((*found.layers, found.logits), found.logits)


class WithPlaces(_MoreLayers):
    """A convolutional network, whose last feature map is one more layer, flat.

    Args:
        network: that has the parameters.
        num_places: of its last feature map.
    """

    num_places: int = eqx.field(static=True, default=_PLACES)

    @property
    def widths(self) -> tuple[int, ...]:
        return (*self.network.widths, self.num_places * self.network.widths[-1])

    def __call__(
        self, parameters: Any, inputs: Num[Array, "b ..."], task: Task
    ) -> Outputs:
        found = self.network(parameters, inputs, task)
        images = inputs[:, None] / 127.5 - 1.0  # from grey levels, as networks do
        for convolution in parameters[0]:
            images = jax.nn.gelu(jax.vmap(convolution)(images))
        places = images.reshape(*images.shape[:2], -1).swapaxes(1, 2)
        return Outputs((*found.layers, places.reshape(len(inputs), -1)), found.logits)


class Relations(AbstractObjective):
    """One minus CKA of logits over examples, and over classes with that weight.

    Args:
        class_weight: of the part over classes, from 0.
    """

    class_weight: float = 1.0

    @property
    def label(self) -> str:
        return EXAMPLES_AND_CLASSES if self.class_weight else EXAMPLES

    def __call__(
        self,
        student: Float[Array, "n c"],
        teacher: Float[Array, "n c"],
        learned: None = None,
    ) -> Float[Array, ""]:
        weight = self.class_weight
        return functional.relation_cka(student, teacher, class_weight=weight)


class Places(AbstractObjective):
    """One minus centred CKA of all places of all examples, each one row.

    Args:
        num_places: of the feature maps of student and teacher.
    """

    num_places: int = eqx.field(static=True, default=_PLACES)

    @property
    def label(self) -> str:
        return PLACES

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: None = None,
    ) -> Float[Array, ""]:
        rows = self.num_places * len(student)
        return functional.cka(student.reshape(rows, -1), teacher.reshape(rows, -1))


EXAMPLES = "CKA of logits"
EXAMPLES_AND_CLASSES = "RCKA of logits"
PLACES = "PCKA of places"
_ORDER = (
    *(distilling.NONE, "CKA", "Procrustes, centred, normalised"),
    *(PLACES, EXAMPLES, EXAMPLES_AND_CLASSES),
)


def groups(
    quick: bool,
) -> Iterator[tuple[str, Distillation, tuple[AbstractObjective, ...]]]:
    """Settings, students without a term, and the terms that act on one layer of them.

    Their last features are measured, wherever the terms act.
    """
    of_features = objectives.CKA(), objectives.Procrustes(centred=True, normalised=True)
    of_logits = Relations(class_weight=0.0), Relations()
    perceptrons = networks.MLP(64), networks.MLP(8)
    wide, narrow = (WithPlaces(networks.ConvNet(width, depth=2)) for width in (32, 8))
    for name, given, own, parts in (
        (_PERCEPTRON, *perceptrons, {_FEATURES: of_features, -1: of_logits}),
        (
            _CONVOLUTIONAL,
            wide,
            narrow,
            {_FEATURES: of_features, _FEATURES + 1: (Places(),), -1: of_logits},
        ),
    ):
        pair = WithLogits(given), WithLogits(own)
        plain = distilling.plain(quick, datasets.Digits(), *pair)
        for layer, losses in parts.items():
            acts: dict[str, Any] = {"student_layers": (layer,), "num_records": 2}
            acts["teacher_layers"] = (layer,)
            acts["measured_layers"] = (_FEATURES, _FEATURES)
            yield name, dataclasses.replace(plain, **acts), losses


def data(quick: bool) -> pd.DataFrame:
    """The ends at the weights that do best on validation, with their gains."""
    asked = [*groups(quick)]
    if quick:
        asked = [(name, base, losses[-1:]) for name, base, losses in asked[1:2]]
    once: dict[str, Cell] = {}  # a student without a term stands in every group
    for name, base, losses in asked:
        for cell in terms.grid({name: base}, losses, quick):
            labels = cell.experiment.labels["objective"], *cell.labels.values()
            once.setdefault(f"{labels}", cell)
    rows = terms.ends([*once.values()])
    left, parts = rows, []
    for name, base, losses in asked:
        labels = [distilling.NONE, *(loss.label for loss in losses)]
        is_own = (left["setting"] == name) & left["objective"].isin(labels)
        parts.append(terms.with_costs(left[is_own], base, losses, quick))
        left = left[~is_own]
    places = {label: at for at, label in enumerate(_ORDER)}
    return pd.concat(parts, ignore_index=True).sort_values(
        ["setting", "objective"],
        key=lambda names: names.map(lambda name: places.get(name, -1)),
        kind="stable",
    )


STUDY = Study(
    __doc__,
    data=data,
    tables=lambda rows: terms.tables(rows, "relations"),
    figures={
        "relations": Figure(
            "What terms for features, for places and for the relations of logits bring "
            "to the accuracy of small networks on digits, by what else they learn "
            "from. Points: seeds, paired with the same seed without a term, whose "
            "median accuracy stands under the panel; bars: medians.",
            "The centred Procrustes distance of features gains 2.23, 1.95 and 2.51 "
            "points with the perceptron and 2.79, 3.62 and 2.92 with the convolutional "
            "network, beside labels, logits and both. No other term gains anything "
            "that a test tells from zero, and CKA of logits costs the perceptron 0.70 "
            "points beside the teacher's logits (signed-rank tests, adjusted, five "
            "percent).",
            terms.draw,
            columns=terms.COLUMNS + " microseconds",
            narrow=False,
        )
    },
    note=distilling.NOTE.replace(
        "the last hidden layer, measured ", "measured in the last hidden layer "
    )
    + " The csv has microseconds of the processor, a step and "
    "seed.",
    real=True,
    order=48,
)
