"""Conditions and formulas that a model writes, evaluated safely and within bounds.

`amount > 100 and status == 'paid'`, `price * quantity`, `round(sum(amount) / count(amount), 2)`.
Python's grammar of expressions, of which only what this module names can run; the SQL and C
spellings `=`, `<>`, `&&`, `||`, `AND`, `NULL` are understood. A null makes arithmetic null and
every comparison but `==` and `!=` false.
"""

from __future__ import annotations

import ast
import functools
import math
import operator
import re
import statistics
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from stormproof.suites.workflows.values import ToolFault, affordable, invalid
from stormproof.suites.workflows.values.numerics import is_number, tidy, total
from stormproof.suites.workflows.values.tabular import listed

LONGEST = 500
_ONE_AT_A_TIME = threading.Lock()  # warnings are the whole process's
DEEPEST = 60
_LONGEST_TEXT = 10_000
_GREATEST_POWER = 1024.0  # bits
Names = Mapping[str, Any]
Run = Callable[[Names], Any]


class Expression(Struct, frozen=True):
    """A compiled expression: the names that it reads, and of how many parts it is made."""

    names: frozenset[str]
    run: Run
    parts: int = 1

    def check_work(self, times: int) -> None:
        """Raise ToolFault where running it so often is more than one tool call may do."""
        affordable(self.parts * times)

    def check_names(self, known: Iterable[str]) -> None:
        """Raise ToolFault (INVALID_INPUT) where the expression reads an unknown name."""
        have = list(known)
        for name in sorted(self.names.difference(have)):
            raise invalid(
                f"There is no field '{name}'. Fields are: {listed(have)}. (Texts need quotes.)"
            )


@functools.lru_cache(maxsize=256)
def compiled(text: str) -> Expression:
    """The expression that a text is. Raises ToolFault (INVALID_INPUT) where it is none."""
    if len(text) > LONGEST:
        raise invalid(f"An expression has at most {LONGEST} characters.")
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(_as_python(text.strip()), mode="eval").body
        _check_depth(tree)
        names: set[str] = set()
        run = _build(tree, names)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise invalid(
            f"This cannot be read: {text[:80]!r}. Write it like amount > 100 and status == 'paid'."
        ) from None
    return Expression(frozenset(names), run, sum(1 for _ in ast.walk(tree)))


def _check_depth(tree: ast.expr) -> None:
    """Refuse what is nested deeper than any reader would write."""
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [inner for node in level for inner in ast.iter_child_nodes(node)]
        if not level:
            return
    raise invalid("The expression is nested too deep.")


_QUOTED_OR_ALIEN = re.compile(
    r"'[^'\n]*'|\"[^\"\n]*\"|&&|\|\||<>|===?|!==?|[<>]=|=|\b(?:AND|OR|NOT|IN|IS|NULL|null|true|false)\b"
)
_PYTHON = {
    "&&": " and ",
    "||": " or ",
    "<>": "!=",
    "=": "==",
    "===": "==",
    "!==": "!=",
    "NULL": "None",
    "null": "None",
    "true": "True",
    "false": "False",
}


def _as_python(text: str) -> str:
    def spelled(match: re.Match[str]) -> str:
        found = match.group()
        return _PYTHON.get(found, found.lower() if found.isalpha() else found)

    return _QUOTED_OR_ALIEN.sub(spelled, text)


# --- building: an AST node becomes a function of the names ----------------------------------


def _build(node: ast.expr, names: set[str]) -> Run:
    maker = _MAKERS.get(type(node))
    if maker is None:
        raise invalid(f"An expression cannot hold this: {ast.unparse(node)[:60]}")
    return maker(node, names)


def _constant(node: Any, _: set[str]) -> Run:
    value = node.value
    if value is not None and not isinstance(value, bool | int | float | str):
        raise invalid(f"An expression cannot hold {value!r:.40}.")
    if is_number(value):
        value = tidy(value)
    return lambda _: value


def _name(node: Any, names: set[str]) -> Run:
    name = node.id
    names.add(name)
    return lambda known: known.get(name)


def _attribute(node: Any, names: set[str]) -> Run:
    inner, field = _build(node.value, names), node.attr

    def run(known: Names) -> Any:
        value = inner(known)
        return value.get(field) if isinstance(value, dict) else None

    return run


def _sequence(node: Any, names: set[str]) -> Run:
    parts = [_build(each, names) for each in node.elts]
    return lambda known: [part(known) for part in parts]


def _logic(node: Any, names: set[str]) -> Run:
    parts = [_build(each, names) for each in node.values]
    decisive = isinstance(node.op, ast.Or)

    def run(known: Names) -> Any:
        """The first that decides it, as in Python: `corrected or amount` is one of the two."""
        value: Any = None
        for part in parts:
            value = part(known)
            if bool(value) is decisive:
                break
        return value

    return run


def _choice(node: Any, names: set[str]) -> Run:
    """`a if condition else b`."""
    condition, yes, no = (_build(each, names) for each in (node.test, node.body, node.orelse))
    return lambda known: yes(known) if condition(known) else no(known)


def _unary(node: Any, names: set[str]) -> Run:
    inner = _build(node.operand, names)
    if isinstance(node.op, ast.Not):
        return lambda known: not inner(known)
    if not isinstance(node.op, ast.USub):
        return inner
    return lambda known: _arithmetic(operator.sub, 0, inner(known))


def _binary(node: Any, names: set[str]) -> Run:
    work = _OPERATORS.get(type(node.op))
    if work is None:
        raise invalid("Arithmetic knows + - * / // % and **.")
    left, right = _build(node.left, names), _build(node.right, names)
    return lambda known: _arithmetic(work, left(known), right(known))


def _comparison(node: Any, names: set[str]) -> Run:
    works = [_COMPARISONS[type(each)] for each in node.ops]
    parts = [_build(each, names) for each in (node.left, *node.comparators)]
    if len(works) == 1:
        (work,), (left, right) = works, parts
        return lambda known: _compare(work, left(known), right(known))

    def run(known: Names) -> bool:
        values = [part(known) for part in parts]
        return all(
            _compare(work, a, b) for work, a, b in zip(works, values, values[1:], strict=False)
        )

    return run


def _call(node: Any, names: set[str]) -> Run:
    work = _FUNCTIONS.get(node.func.id.lower()) if isinstance(node.func, ast.Name) else None
    if work is None or node.keywords:
        raise invalid(f"Functions are: {', '.join(_FUNCTIONS)}.")
    parts = [_build(each, names) for each in node.args]
    return lambda known: _apply(work, [part(known) for part in parts])


# --- running ------------------------------------------------------------------------------


def _arithmetic(work: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    if isinstance(a, str) and isinstance(b, str) and work is operator.add:
        return (a + b)[:_LONGEST_TEXT]
    if not (is_number(a) and is_number(b)):
        raise invalid(f"Arithmetic needs numbers, not {_quoted(a)} and {_quoted(b)}.")
    try:
        return _real(work(a, b))
    except ZeroDivisionError:
        raise ToolFault("CALCULATION_ERROR", "Division by zero.") from None
    except OverflowError:
        raise ToolFault("OVERFLOW", "The result is too large.") from None


def _power(a: float, b: float) -> Any:
    if abs(b) * math.log2(abs(a) + 2) > _GREATEST_POWER * 2:
        raise OverflowError
    return a**b


def _real(value: Any) -> float:
    if isinstance(value, complex):
        raise ToolFault("CALCULATION_ERROR", "The result is not a real number.")
    if isinstance(value, int) and value.bit_length() > _GREATEST_POWER:
        raise OverflowError
    if isinstance(value, float) and math.isinf(value):
        raise OverflowError
    return float(value) if isinstance(value, float) else int(value)


def _compare(work: Callable[[Any, Any], Any], a: Any, b: Any) -> bool:
    if work in _TOTAL:
        return bool(work(a, b))
    if a is None or b is None:
        return False
    if not ((is_number(a) and is_number(b)) or (isinstance(a, str) and isinstance(b, str))):
        raise invalid(f"{_quoted(a)} cannot be compared with {_quoted(b)}.")
    return bool(work(a, b))


def _is_in(a: Any, b: Any) -> bool:
    if isinstance(b, list):
        return a in b
    return isinstance(b, str) and isinstance(a, str) and a in b


def _is_not_in(a: Any, b: Any) -> bool:
    return not _is_in(a, b)


def _apply(work: Callable[..., Any], values: list[Any]) -> Any:
    if values and values[0] is None:
        return None
    try:
        made = work(*values)
    except ToolFault:
        raise
    except OverflowError:
        raise ToolFault("OVERFLOW", "The result is too large.") from None
    except (ValueError, ZeroDivisionError, statistics.StatisticsError):
        raise ToolFault("CALCULATION_ERROR", "A function is undefined at this value.") from None
    except (TypeError, AttributeError):
        given = ", ".join(_quoted(v) for v in values)
        raise invalid(f"A function cannot take these: {given}.") from None
    return tidy(made) if is_number(made) else made


def _quoted(value: Any) -> str:
    if isinstance(value, list):
        return "a column (use sum, mean, min, max or count of it)"
    return "null" if value is None else f"{str(value)[:40]!r}"


def _numbers(values: tuple[Any, ...]) -> list[Any]:
    listed_values = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    kept = [v for v in listed_values if v is not None]
    for value in kept:
        if not is_number(value):
            raise invalid(f"{_quoted(value)} is not a number.")
    return kept


def _count(*values: Any) -> int:
    inner = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    return sum(v is not None for v in inner)


def _rounded(value: float | None, digits: int = 0) -> float | None:
    if value is None:
        return None
    return round(value, max(-12, min(12, digits))) if digits else round(value)


_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
    ast.In: _is_in,
    ast.NotIn: _is_not_in,
}
_TOTAL = (operator.eq, operator.ne, _is_in, _is_not_in)  # defined for all values
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": lambda *v: total(_numbers(v)),
    "mean": lambda *v: statistics.fmean(_numbers(v)),
    "avg": lambda *v: statistics.fmean(_numbers(v)),
    "median": lambda *v: statistics.median(_numbers(v)),
    "min": lambda *v: min(_numbers(v)),
    "max": lambda *v: max(_numbers(v)),
    "count": _count,
    "len": len,
    "round": _rounded,
    "abs": abs,
    "sqrt": math.sqrt,
    "log": math.log,
    "exp": math.exp,
    "floor": math.floor,
    "ceil": math.ceil,
    "lower": lambda v: v.lower(),
    "upper": lambda v: v.upper(),
    "contains": lambda text, part: _is_in(part, text),
    "startswith": lambda text, part: text.startswith(part),
}
_MAKERS: dict[type, Callable[[Any, set[str]], Run]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Set: _sequence,
    ast.BoolOp: _logic,
    ast.IfExp: _choice,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Compare: _comparison,
    ast.Call: _call,
}
