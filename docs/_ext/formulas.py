"""Formulas of docstrings, which are plain text there, as LaTeX.

A formula is a run of symbols, numbers, single letters and names of functions that holds
at least one sign that prose has not. One whose brackets do not match stays plain.
"""

import re
from collections.abc import Callable, Iterator

FUNCTIONS = {"min", "max", "cos", "sin", "log", "exp", "arccos", "arcsin", "tanh"}
WORDS = {"tr", "diag", "sd", "binom", "softmax", "huber", "KL", "HSIC", "CKA", "CCA"}
GREEK = {"epsilon", "delta", "mu", "tau", "rho", "pi", "theta"}
# Products and lists of single letters.
LETTERS = {"dW", "dA", "dR", "sn", "kl", "KL", "KY", "HKH", "HLH", "ij", "ijk"}
KNOWN = FUNCTIONS | WORDS | GREEK | LETTERS | {"sqrt", "sum", "inf", "mean", "dim"}
MARKS = {
    "<=": r"\le ",
    ">=": r"\ge ",
    "!=": r"\ne ",
    "-+": r"\mp ",
    "+-": r"\pm ",
    "||": r"\,\Vert\, ",
    "...": r"\dots ",
    "<": r"\langle ",
    ">": r"\rangle ",
    "%": r"\%",
    "~": r"\,",
}
TOKEN = re.compile(
    r"(?P<mark><=|>=|!=|-\+|\+-|\|\||\.\.\.|[%~]|<(?=HKH)|(?<=HLH)>)"
    r"|(?P<times>(?<=\s)x(?=\s))|(?P<bar>\|)"
    r"|(?P<script>[_^])|(?P<root>sqrt\()|(?P<name>[A-Za-z]+)"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<other>\d[\d,]*\d|.)",
    re.DOTALL,
)
STRONG = re.compile(
    r"[\^|]|^[<>=+/x]$|^[<>!]=$|^-\+$|<HKH|HLH>|\b[A-Za-z]+_[\w{*]|[A-Z]'"
    r"|\b[a-z]'(?![a-z])|[A-Za-z\d)]/[A-Za-z\d(]"
)
NO_END = set("+-/=<>x,aAI") | {"<=", ">=", "!=", "-+", ""}  # of a formula


def marked(
    text: str, formula: Callable[[str], str], prose: Callable[[str], str]
) -> str:
    """The text with `formula` of each one's LaTeX, and `prose` of what is between."""
    parts: list[str] = []
    run: list[str] = []

    def end() -> None:
        parts.extend(_split(run, formula, prose))
        run.clear()

    for word in re.split(r"(\s+)", text):
        if run and word.isspace():
            run.append(word)
        elif _belongs(word):
            run.append(word)
            if word[-1] in ".;:" and not word.endswith("..."):
                end()
        else:
            end()
            parts.append(prose(word))
    end()
    return "".join(parts)


def whole(text: str) -> str | None:
    """The LaTeX of a text that is nothing but a formula, or None."""
    words = text.split()
    strong = any(STRONG.search(word) for word in words)
    if strong and all(map(_belongs, words)) and _matches(text):
        return latex(text.rstrip(".,"))
    return None


def _belongs(word: str) -> bool:
    """Whether a word may be part of a formula."""
    if not word or word.isspace() or "`" in word:
        return False
    names = re.findall(r"(?<![_^{A-Za-z])[A-Za-z]{2,}", word)
    if word == "mean":  # an adjective, but for mean_i and mean(...)
        return False
    if not all(
        name in KNOWN or name[-1:] == "k" and word[0].isdigit() for name in names
    ):
        return False
    return bool(STRONG.search(word) or re.fullmatch(r"[\w()\[\]{}.,;:'!=-]+", word))


def _split(
    run: list[str], formula: Callable[[str], str], prose: Callable[[str], str]
) -> Iterator[str]:
    """A run of words as prose, formula and prose: its ends may be no formula."""
    for first, last in _parts(len(run)):
        ends = run[first].strip(), run[last - 1].strip()
        inside = "".join(run[first:last])
        after = re.search(r"(?<!\.\.)[.,;:]*$", inside).group()
        inside = inside[: len(inside) - len(after)]
        if NO_END.isdisjoint(ends) and any(map(STRONG.search, inside.split())):
            if _matches(inside):
                rest = after + "".join(run[last:])
                yield from (
                    prose("".join(run[:first])),
                    formula(latex(inside)),
                    prose(rest),
                )
                return
    yield prose("".join(run))


def _parts(num: int) -> list[tuple[int, int]]:
    """All stretches of a run, the longest first."""
    ends = [(i, j) for i in range(num) for j in range(i + 1, num + 1)]
    return sorted(ends, key=lambda part: part[0] - part[1])


def _matches(text: str) -> bool:
    """Whether brackets and bars come in pairs; [0, 1) is one."""
    depth = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if depth < 0:
            return False
    return depth == 0 and text.replace("||", "").count("|") % 2 == 0


def latex(text: str) -> str:
    """The LaTeX of a formula in plain text."""
    text = re.sub(r"(?<=\d) (?=\d)", "~", text)
    found, closing = [], []
    tokens = list(TOKEN.finditer(text))
    bars = 0
    place = 0
    while place < len(tokens):
        kind, value = tokens[place].lastgroup, tokens[place].group()
        place += 1
        if kind == "mark":
            found.append(MARKS[value])
        elif kind == "times":
            found.append(r"\times ")
        elif kind == "bar":
            bars += 1
            inside = text[tokens[place - 1].end() :]
            if bars % 2:
                is_number = re.match(r"cos|x\||K_", inside)
                sides = (
                    (r"\lvert ", r"\rvert ") if is_number else (r"\lVert ", r"\rVert ")
                )
            found.append(sides[1 - bars % 2])
        elif kind == "script":
            place = _script(tokens, place, value, found, closing)
        elif kind == "root":
            found.append(r"\sqrt{")
            closing.append("}")
        elif kind == "name":
            follows = tokens[place].group() if place < len(tokens) else ""
            found.append(_name(value, follows))
        elif kind == "open":
            found.append(r"\{" if value == "{" else value)
            closing.append(r"\}" if value == "{" else "")
        elif kind == "close":
            found.append((closing.pop() if closing else "") or value)
        else:
            found.append(value)
    return re.sub(r" +(?=[ _^}]|$)", "", "".join(found))


def _script(
    tokens: list[re.Match], place: int, sign: str, found: list[str], closing: list[str]
) -> int:
    """An index or a power: a group in brackets, a fraction, a name or a sign."""
    found.append(sign)
    rest = "".join(token.group() for token in tokens[place:])
    group = re.match(r"\{[^}]*\}|\([^()]*\)|-?\d/\d|-?\d+|[A-Za-z]+|.", rest)
    value = group.group() if group else ""
    length = 0
    while length < len(value) and place < len(tokens):
        length += len(tokens[place].group())
        place += 1
    inner = value[1:-1] if value[:1] in "({" else value
    found.append(f"{{{latex(inner)}}}")
    return place


def _name(name: str, follows: str) -> str:
    if name in GREEK or name == "sum":
        return "\\" + {"epsilon": "varepsilon"}.get(name, name) + " "
    if name == "inf":
        return r"\infty "
    if name == "KL" and follows != "(":
        return name
    if name in FUNCTIONS | {"sqrt"}:
        return f"\\{name} "
    if name in WORDS or name in KNOWN - LETTERS:
        return rf"\operatorname{{{name}}}"
    return name if len(name) <= 2 or name in LETTERS else rf"\mathrm{{{name}}}"
