"""Exits with an error where texts have more words of private meaning than they had.

It reads README, the pages of docs/, and all that experiments/ say: docstrings,
captions, findings and labels. docs/terms.md has the words to write instead. A number
here is what still stands: lower it with the count.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

RULES = {  # what to write instead: the pattern, and how often it may stand
    "a sentence after `Outcome:`": (
        r"\bOutcome[^:.]*: (both|held|yes|not|right|in part|all of it)\b"
        r"|\bOutcome: the (first|second) (held|in part)\b|\bNot (held|foreseen)\b",
        0,
    ),
    "`pattern agreement`, not kept": (r"\b[Kk]ept (pattern|geometry)\b", 1),
    "`pattern agreement`, not Matthews": (
        r"\bMatthews\b(?! correlation)",
        0,
    ),
    "`preserve`": (
        r"\b([Kk]eeps?|kept) (-?[01]?\.\d|nothing\b"
        r"|(the |its |no |all |half |more |whole |of )*(pattern|geometry|pairs)\b)",
        0,
    ),
    "`SVD baseline`, not limit": (r"\b[Ll]imit: ", 0),
    "`optimum`, not least possible": (r"\bleast possible\b", 0),
    "a subject before `of`": (r"(?<=[.:] )Of (?!course)[a-z]", 0),
    "a checkout, for it is on no registry": (r"pip install (-\S+ )*simgeo\b", 0),
}


def texts(root: Path) -> Iterator[tuple[str, str]]:
    """Names of files, and the words in each on one line, without code."""
    for path in (root / "README.md", *root.glob("docs/**/*.md")):
        made = {"_build", "gallery"} & {*path.parts}
        if not made and path.name != "terms.md":
            prose = re.sub(r"(?ms)^```.*?^```", "", path.read_text("utf-8"))
            yield str(path.relative_to(root)), " ".join(prose.split())
    for path in root.glob("experiments/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield str(path.relative_to(root)), " ".join(node.value.split())


if __name__ == "__main__":
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    prose, failed = list(texts(root)), False
    for instead, (pattern, allowed) in RULES.items():
        rule = re.compile(pattern)
        hits = [(name, hit[0]) for name, text in prose for hit in rule.finditer(text)]
        failed |= len(hits) > allowed
        print(f"write {instead}: {len(hits)}, of {allowed} that may stand")
        if len(hits) > allowed or "--all" in sys.argv:
            print(*(f"    {name}: {said}" for name, said in hits), sep="\n")
    sys.exit(failed)
