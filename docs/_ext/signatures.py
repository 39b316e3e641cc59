"""Signatures as in the source: `Float[Array, "n m"]` says more than a repr."""

import ast
import inspect
import textwrap
from collections.abc import Iterator

from sphinx.application import Sphinx

Signature = tuple[str, str | None]


def of_function(function) -> Signature:
    """Arguments with their annotations and defaults, and what is returned."""
    tree = _tree(inspect.unwrap(function))
    arguments = tree.args
    for each in (arguments.posonlyargs, arguments.args):
        if each and each[0].arg in ("self", "cls"):
            del each[0]
    returned = ast.unparse(tree.returns) if tree.returns else None
    return f"({ast.unparse(arguments)})", returned


def of_class(cls: type) -> Signature:
    """The fields that the constructor takes, in its order."""
    fields: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        if each.__module__.startswith("simgeo"):
            fields |= dict(_fields(_tree(each)))
    return f"({', '.join(fields.values())})", None


def _fields(tree: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for each in tree.body:
        if not isinstance(each, ast.AnnAssign) or "Class" in ast.unparse(
            each.annotation
        ):
            continue
        name = ast.unparse(each.target)
        said = f"{name}: {ast.unparse(each.annotation)}".replace("eqx.AbstractVar", "")
        default = _default(each.value)
        yield name, f"{said} = {default}" if default else said


def _default(value: ast.expr | None) -> str | None:
    if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("field"):
        given = {each.arg: ast.unparse(each.value) for each in value.keywords}
        made = given.get("default_factory")
        return f"{made}()" if made else given.get("default")
    return ast.unparse(value) if value else None


def _tree(source) -> ast.FunctionDef | ast.ClassDef:
    return ast.parse(textwrap.dedent(inspect.getsource(source))).body[0]


def process(app: Sphinx, what: str, name: str, obj, options, signature, returned):
    if what == "data":  # such as `Any`, a class by another name
        return signature, returned
    try:
        if inspect.isclass(obj) and issubclass(obj, BaseException):
            return "", None
        if inspect.isclass(obj):
            has_own = "__init__" in vars(obj) and not hasattr(
                obj, "__dataclass_fields__"
            )
            return of_function(obj.__init__) if has_own else of_class(obj)
        if "__signature__" in vars(obj):  # a measure, whatever its function reads
            return of_function(type(obj).__call__)
        return of_function(obj)
    except (OSError, TypeError, AttributeError):
        return signature, returned


def setup(app: Sphinx) -> dict:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-signature", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
