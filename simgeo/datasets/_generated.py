"""Examples that are generated, whose truth is known."""

import equinox as eqx
import numpy as np

from simgeo import checks
from simgeo.datasets._dataset import AbstractDataset, Examples

_ORDERS = ("copy", "reverse", "sort", "count")
_NOT_ASKED = -1


class Instructions(AbstractDataset):
    """Instructions with exact answers: copy, reverse, sort or count some letters.

    A line is an order, letters, a mark and the answer; at each position of the answer
    the next token is asked for. `count` answers how often the first letter stands
    there, and then as many blanks as letters are left.

    Args:
        num_examples: lines, from 10.
        num_letters: that follow the order, from 2.
        alphabet: how many different letters there are, from 2.
        test_share, validation_share, train_share, split_seed: see `AbstractDataset`.
    """

    num_examples: int = eqx.field(
        static=True, default=2000, metadata=checks.at_least(10)
    )
    num_letters: int = eqx.field(static=True, default=5, metadata=checks.at_least(2))
    alphabet: int = eqx.field(static=True, default=8, metadata=checks.at_least(2))

    def load(self) -> Examples:
        random = np.random.default_rng(self.num_examples)
        count, length = self.num_examples, self.num_letters
        # Tokens: 0 none, then the mark, the blank, the orders, the letters, the digits.
        mark, blank, order_0 = 1, 2, 3
        letter_0 = order_0 + len(_ORDERS)
        digit_0 = letter_0 + self.alphabet
        orders = random.integers(0, len(_ORDERS), count)
        letters = random.integers(0, self.alphabet, (count, length))
        how_often = np.sum(letters == letters[:, :1], axis=1)
        counted = np.full((count, length), blank)
        counted[:, 0] = digit_0 + how_often
        answers = np.select(
            [orders[:, None] == at for at in range(len(_ORDERS))],
            [
                letter_0 + letters,
                letter_0 + letters[:, ::-1],
                letter_0 + np.sort(letters, axis=1),
                counted,
            ],
        )
        marks = np.full((count, 1), mark)
        lines = np.concatenate(
            [order_0 + orders[:, None], letter_0 + letters, marks, answers], axis=1
        )
        targets = lines[:, 1:].copy()
        targets[:, : length + 1] = _NOT_ASKED
        num_tokens = digit_0 + length + 1
        return Examples(
            lines[:, :-1].astype(np.int32),
            targets.astype(np.int32),
            num_tokens,
            num_tokens=num_tokens,
        )


class TwoViews(AbstractDataset):
    """Recordings of one latent process in two views, for a reach in one of some ways.

    A latent trajectory turns into the direction of the reach, and is seen as spikes of
    many neurons (Poisson, log-linear in the latent state) and as field potentials
    (the latent state mixed, smoothed and noisy). The class is the direction. A teacher
    sees both views; a student sees the field potentials alone.

    Args:
        num_examples: reaches, from 10.
        num_directions: classes, from 2.
        num_neurons: from 1.
        num_channels: of the field potential, from 1.
        num_times: bins of time, from 2.
        noise: standard deviation of the field's noise, in units of its signal, from 0.
        test_share, validation_share, train_share, split_seed: see `AbstractDataset`.
    """

    num_examples: int = eqx.field(
        static=True, default=2000, metadata=checks.at_least(10)
    )
    num_directions: int = eqx.field(static=True, default=8, metadata=checks.at_least(2))
    num_neurons: int = eqx.field(static=True, default=40, metadata=checks.at_least(1))
    num_channels: int = eqx.field(static=True, default=8, metadata=checks.at_least(1))
    num_times: int = eqx.field(static=True, default=10, metadata=checks.at_least(2))
    noise: float = eqx.field(static=True, default=2.0, metadata=checks.NOT_NEGATIVE)

    def load(self) -> Examples:
        random = np.random.default_rng(self.num_examples)
        latent, labels = self.latent()
        tuning = random.normal(size=(latent.shape[2], self.num_neurons))
        rates = np.exp(latent @ tuning * 0.7 - 0.5)  # spikes in a bin
        spikes = random.poisson(rates).astype(np.float32)
        mixing = random.normal(size=(latent.shape[2], self.num_channels))
        smooth = (latent + np.roll(latent, 1, axis=1)) / 2
        smooth[:, 0] = latent[:, 0]
        field = smooth @ mixing
        field += self.noise * field.std() * random.normal(size=field.shape)
        field = (field / field.std()).astype(np.float32)
        flat = (self.num_examples, -1)
        both = np.concatenate([spikes.reshape(flat), field.reshape(flat)], axis=1)
        return Examples(
            field.reshape(flat),
            labels.astype(np.int32),
            self.num_directions,
            teacher_inputs=both,
        )

    def latent(self) -> tuple[np.ndarray, np.ndarray]:
        """The truth: latent states (n, times, 3), and directions (n,)."""
        random = np.random.default_rng([self.num_examples, 1])
        labels = random.integers(0, self.num_directions, self.num_examples)
        angles = 2 * np.pi * labels / self.num_directions
        aim = np.stack([np.cos(angles), np.sin(angles), np.ones_like(angles)], axis=1)
        state = 0.3 * random.normal(size=aim.shape)
        states = []
        for _ in range(self.num_times):
            state = 0.8 * state + 0.2 * aim + 0.15 * random.normal(size=aim.shape)
            states.append(state)
        return np.stack(states, axis=1), labels
