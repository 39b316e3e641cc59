"""Choosing rows of a tidy frame by a condition in words: nothing is executed."""

import ast
import operator
import re
from typing import Any

import numpy as np
import pandas as pd

from simgeo.checks import require
from simgeo.settings import suggest

# One letter per axis, as everywhere.
SHORT = {"n": "num_vectors", "d": "teacher_dim", "m": "student_dim"}
_MOST = 200  # characters of a condition in an error
_COMPARE = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def rows(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """The rows for which a condition holds.

    Such as `objective == "cka" and m < 64`, or `teacher.fraction in (0.5, 0.9)`:
    columns, numbers and text, compared, with `and`, `or`, `not`, `in` and brackets.
    A column may be named as in `column`; labels and kinds may be written `CKA` or
    `cka`. Text that a column does not hold is refused, so that a slip is not an empty
    table.

    Args:
        frame: tidy, with a column for every name in the condition.
        where: the condition.

    Raises:
        ValueError: if it is malformed or too deep, or a name is no column.
    """
    try:
        tree = ast.parse(where.strip(), mode="eval").body
        mask = _truth(tree, frame, where)
    except SyntaxError as error:
        raise ValueError(
            f"`where` must be a condition such as 'm < 64'; got {_shown(where)}."
        ) from error
    except (RecursionError, MemoryError) as error:  # of Python's own parser too
        raise ValueError(
            f"`where` must not be nested so deeply; got {_shown(where)}."
        ) from error
    return frame[mask].reset_index(drop=True)


def column(frame: pd.DataFrame, name: str, argument: str = "where") -> str:
    """The column meant by its name, a short one, or the last part of its name.

    `n`, `d` and `m` are the sizes; `learning_rate` is `optimiser.learning_rate`, as
    long as no other column ends so.

    Args:
        frame: any.
        name: of a column.
        argument: what an error calls the name.

    Raises:
        ValueError: if there is none, or more than one.

    >>> import pandas as pd
    >>> from simgeo import results
    >>> frame = pd.DataFrame({"student_dim": [8], "optimiser.learning_rate": [0.1]})
    >>> results.column(frame, "m"), results.column(frame, "learning_rate")
    ('student_dim', 'optimiser.learning_rate')
    """
    found = name if name in frame else SHORT.get(name, name)
    if found in frame:
        return found
    names = [*map(str, frame.columns)]
    ends = [each for each in names if each.endswith(f".{name}")]
    got = f"{name!r}, which may be {' or '.join(ends)}"
    require(len(ends) < 2, argument, "name one column", got)
    if not ends:
        raise ValueError(
            f"`{argument}` must name columns; got {name!r}.{suggest(name, names)}"
        )
    return ends[0]


def _truth(node: ast.expr, frame: pd.DataFrame, where: str) -> np.ndarray:
    if isinstance(node, ast.BoolOp):
        parts = [_truth(each, frame, where) for each in node.values]
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return join.reduce(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ~_truth(node.operand, frame, where)
    if isinstance(node, ast.Compare):
        mask = np.ones(len(frame), bool)
        left = node.left
        for sign, right in zip(node.ops, node.comparators, strict=True):
            mask &= _compare(left, sign, right, frame, where)
            left = right
        return mask
    name = _name(node)
    if name is not None:
        values = frame[column(frame, name)]
        if values.dtype == bool:
            return values.to_numpy()
    raise _refusal(where, node)


def _compare(
    left: ast.expr, sign: ast.cmpop, right: ast.expr, frame: pd.DataFrame, where: str
) -> np.ndarray:
    if isinstance(sign, ast.In | ast.NotIn):
        if not isinstance(right, ast.Tuple | ast.List | ast.Set):
            raise _refusal(where, right)
        found = np.zeros(len(frame), bool)
        for each in right.elts:
            found |= _compare(left, ast.Eq(), each, frame, where)
        return found if isinstance(sign, ast.In) else ~found
    if type(sign) not in _COMPARE:
        raise _refusal(where, right)
    first, second = _operand(left, frame, where), _operand(right, frame, where)
    if isinstance(first, str):
        first = _spelt(first, second)
    if isinstance(second, str):
        second = _spelt(second, first)
    try:
        result = _COMPARE[type(sign)](first, second)
    except TypeError as error:
        raise _refusal(where, right) from error
    return np.broadcast_to(np.asarray(result, bool), len(frame)).copy()


def _operand(node: ast.expr, frame: pd.DataFrame, where: str) -> Any:
    name = _name(node)
    if name is not None:
        return frame[column(frame, name)]
    try:
        value = ast.literal_eval(node)
    except ValueError as error:
        raise _refusal(where, node) from error
    if not isinstance(value, int | float | str):
        raise _refusal(where, node)
    return value


def _name(node: ast.expr) -> str | None:
    """`teacher.fraction`, or `objective.weights[0]` for `objective.weights.0`."""
    if isinstance(node, ast.Name):
        return node.id
    match node:
        case ast.Attribute(value=inner, attr=last):
            before = _name(inner)
        case ast.Subscript(value=inner, slice=ast.Constant(value=last)):
            before = _name(inner)
        case _:
            return None
    return None if before is None else f"{before}.{last}"


def _spelt(text: str, values: Any) -> str:
    if not isinstance(values, pd.Series):
        return text
    known = [each for each in values.unique() if isinstance(each, str)]
    right = "True or False" if values.dtype == bool else "numbers"
    rule = f"compare `{values.name}` with {right}"
    require(bool(known or values.isna().all()), "where", rule, repr(text))
    if text in known:
        return text
    for each in known:
        if _plain(each) == _plain(text):
            return each
    raise ValueError(
        f"`where` must use values that are there; got {text!r}.{suggest(text, known)}"
    )


def _plain(text: str) -> str:
    return re.sub(r"[-_,\s]", "", text).lower()


def _refusal(where: str, node: ast.expr) -> ValueError:
    part = ast.get_source_segment(where.strip(), node) or where
    return ValueError(
        f"`where` must compare columns with numbers or text; got {_shown(part)} in "
        f"{_shown(where)}."
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MOST else f"{text[:_MOST]} ...")
