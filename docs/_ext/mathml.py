"""Formulas as MathML, which browsers draw by themselves: no script, no network."""

from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

LINE = 30  # signs that fit into a line on a phone
BARS, PRIMES = "|\N{DOUBLE VERTICAL LINE}", "\N{PRIME}\N{DOUBLE PRIME}"


def mathml(latex: str, display: str) -> str:
    """One formula; bars keep their height, and primes are no small superscripts.

    Browsers without a font for mathematics draw both badly otherwise.
    """
    namespace = ' xmlns="http://www.w3.org/1998/Math/MathML"'  # HTML knows it
    formula = fromstring(convert(latex, display=display).replace(namespace, ""))
    for each in formula.iter():
        for place, child in enumerate(each):
            if child.tag in ("msup", "msubsup") and (child[-1].text or " ") in PRIMES:
                each[place] = _primed(child)
        if each.text in tuple(BARS) and each.tag in ("mi", "mo"):
            each.tag = "mo"
            each.attrib |= {"stretchy": "false", "lspace": "0", "rspace": "0"}
    return tostring(formula, encoding="unicode")


def _primed(script: Element) -> Element:
    base, *index, prime = script
    row = Element("mrow")
    if index:
        below = SubElement(row, "msub")
        below.extend((base, *index))
    else:
        row.append(base)
    SubElement(row, "mo", lspace="0", rspace="0").text = prime.text
    return row


def inline(translator, node: nodes.math) -> None:
    formula = mathml(node.astext(), "inline")
    is_wide = len("".join(fromstring(formula).itertext())) > LINE
    translator.body.append(
        f'<span class="wide">{formula}</span>' if is_wide else formula
    )
    raise nodes.SkipNode


def block(translator, node: nodes.math_block) -> None:
    formula = mathml(node.astext(), "block")
    translator.body.append(f'<div class="formula">{formula}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
