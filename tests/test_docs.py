"""The documentation is whole: every page is listed, every public name is described."""

import ast
import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
DOCS, PACKAGE = ROOT / "docs", ROOT / "simgeo"
SKIPPED = {"_build", "_ext", "_static", "gallery"}  # the last, pages that are made


def pages() -> set[str]:
    """Names of all pages, as Sphinx has them."""
    paths = (path.relative_to(DOCS) for path in DOCS.rglob("*.md"))
    return {str(path.with_suffix("")) for path in paths if path.parts[0] not in SKIPPED}


def listed(page: str) -> Iterator[str]:
    """The pages that the tables of contents of a page name."""
    text = DOCS.joinpath(f"{page}.md").read_text(encoding="utf-8")
    for inside in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL):
        for line in inside.splitlines():
            if line and not line.startswith(":"):
                yield str(Path(page).parent / line.strip())


def test_every_page_is_in_a_table_of_contents():
    found = pages()
    assert {name for page in found for name in listed(page)} == found - {"index"}


def public() -> Iterator[tuple[str, str]]:
    """Modules and what they export, or define where they export nothing."""
    for path in sorted((*PACKAGE.glob("*.py"), *PACKAGE.glob("*/__init__.py"))):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        stub = path.with_suffix(".pyi")  # says what a package imports when asked
        source = stub if stub.exists() else path
        tree = ast.parse(source.read_text(encoding="utf-8"))
        is_inner = module in ("", "cli") or module.startswith("_")
        for node in () if is_inner else tree.body:
            for name in names(node, is_package=path.name == "__init__.py"):
                if not name.startswith("_"):
                    yield module, name


def names(node: ast.stmt, is_package: bool) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and is_package:
        yield from (alias.asname for alias in node.names if alias.asname)
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def test_every_public_name_is_in_the_reference():
    described = set()
    for path in DOCS.joinpath("reference").glob("*.md"):
        module = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            directive, _, value = line.removeprefix(".. ").partition(":: ")
            if directive in ("automodule", "currentmodule"):
                module = value.removeprefix("simgeo.")
            if directive == "automodule" and "." in module:
                described.add(tuple(module.split(".")))  # a module is a name too
            elif directive.startswith("auto"):
                described.add((module, value.removesuffix("()")))
    missing = sorted(set(public()) - described)
    assert missing == [], "add these to docs/reference/"


def test_public_functions_of_three_parameters_say_what_these_are():
    silent = []
    for module, name in public():
        if module == "torch" and not importlib.util.find_spec("torch"):
            continue
        found = getattr(importlib.import_module(f"simgeo.{module}"), name)
        if inspect.isfunction(found) and len(inspect.signature(found).parameters) > 2:
            silent += [] if "Args:" in (found.__doc__ or "") else [f"{module}.{name}"]
    assert silent == []


@pytest.fixture(scope="module")
def formulas():
    spec = importlib.util.spec_from_file_location(
        "formulas", DOCS / "_ext" / "formulas.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "As |T'T|^2 - 2 |S'T|^2, linear in n.",
            r"As <\lVert T'T\rVert^{2} - 2 \lVert S'T\rVert^{2}>, linear in n.",
        ),
        ("Least 1/sqrt(d); otherwise 0.", r"Least <1/\sqrt{d}>; otherwise 0."),
        (
            "mean_i KL(p_i || q_i).",
            r"<\operatorname{mean}_{i} \operatorname{KL}(p_{i} \,\Vert\, q_{i})>.",
        ),
        (
            "Pairs with |cos| <= epsilon.",
            r"Pairs with <\lvert \cos \rvert \le \varepsilon>.",
        ),
        ("W (m x d) has rows", r"<W (m \times d)> has rows"),
        ("the mean |cos|", r"the mean <\lvert \cos \rvert>"),
        ("In [0, 1]; a student of (2019), section 3.", None),
        ("An unmatched (a + b", None),
        (
            "1 - <HKH, HLH> / (|HKH| |HLH|)",
            r"<1 - \langle HKH, HLH\rangle / (\lVert HKH\rVert \lVert HLH\rVert )>",
        ),
        ("L(S - b 1 s', T), the teacher's", "<L(S - b 1 s', T)>, the teacher's"),
    ],
)
def test_formulas_of_docstrings_become_latex(formulas, text, expected):
    found = formulas.marked(text, lambda latex: f"<{latex}>", str)
    assert found == (expected or text)


def test_every_file_that_the_architecture_names_is_there():
    text = DOCS.joinpath("architecture.md").read_text(encoding="utf-8")
    files = re.findall(r"`((?:simgeo|experiments|tests)/[\w./]+)`", text)
    assert len(files) > 12
    assert [name for name in files if not ROOT.joinpath(name).is_file()] == []
