"""Tells whether the expression of a size, which torch evaluates as Python, is plain arithmetic on symbols, and a small one.

torch hands the text to sympy, which computes its numbers to the last digit, reads `^` as a power, and multiplies products of sums out. So
each part is measured by what it would become: the terms of the sum that it is when multiplied out, and the bits of its largest number.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

# What torch writes: sympy's own words for numbers and symbols, and its few functions of sizes.
_FUNCTIONS = frozenset(
    {"Symbol", "Integer", "Add", "Mul", "Pow", "Max", "Min", "Mod", "PythonMod", "FloorDiv", "CeilDiv", "Eq", "Ne", "Le", "Lt", "Ge", "Gt"}
)
_SUMS, _PRODUCTS = (ast.Add, ast.Sub), (ast.Mult, ast.Div)
_QUOTIENTS = (ast.FloorDiv, ast.Mod)
_SYMBOL = re.compile(r"[su]\d+")
_LONGEST = 500
_MOST_TERMS, _MOST_BITS, _HIGHEST_POWER = 64, 1024, 4
_SYMBOL_BITS = 64

_Measure = tuple[int, int]  # terms, bits


def is_plain_size(text: object) -> bool:
    """Whether `text` may be given to torch: numbers, symbols such as `s77`, arithmetic, and functions of sizes."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return False
    try:
        _measured(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _measured(node: ast.expr) -> _Measure:
    """What an expression would become.

    Raises:
        ValueError: It is not plain, or too large.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int)):
        return _bounded(1, int(node.value).bit_length())
    if isinstance(node, ast.Name) and _SYMBOL.fullmatch(node.id):
        return 1, _SYMBOL_BITS
    if isinstance(node, ast.UnaryOp):
        return _measured(node.operand)
    if isinstance(node, ast.BinOp):
        return _combined(_kind(node.op), [_measured(node.left), _measured(node.right)])
    if isinstance(node, ast.Compare):
        return _combined("Eq", [_measured(part) for part in (node.left, *node.comparators)])
    if isinstance(node, ast.Call):
        return _measured_call(node)
    raise ValueError("it is no arithmetic")


def _kind(operator: ast.operator) -> str:
    """The function that an operator stands for; powers and shifts are none of those that torch writes as operators."""
    for kind, operators in (("Add", _SUMS), ("Mul", _PRODUCTS), ("FloorDiv", _QUOTIENTS)):
        if isinstance(operator, operators):
            return kind
    raise ValueError("it is no operator of sizes")


def _measured_call(node: ast.Call) -> _Measure:
    if not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS:
        raise ValueError("it is no function of sizes")
    if not all(isinstance(word.value, ast.Constant) and isinstance(word.value.value, bool) and word.arg for word in node.keywords):
        raise ValueError("it has a keyword that is no yes or no")
    if node.func.id == "Symbol":
        (name,) = node.args  # ValueError, if it is not one
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str) or not _SYMBOL.fullmatch(name.value):
            raise ValueError("it is no symbol of torch")
        return 1, _SYMBOL_BITS
    if node.func.id == "Pow":
        base, exponent = node.args
        (terms, bits), power = _measured(base), _power(exponent)
        return _bounded(terms**power, bits * power)
    return _combined(node.func.id, [_measured(argument) for argument in node.args])


def _combined(kind: str, parts: Sequence[_Measure]) -> _Measure:
    terms, bits = [part[0] for part in parts], [part[1] for part in parts]
    if kind == "Mul":
        most = 1
        for factor in terms:
            most, _ = _bounded(most * factor, sum(bits))
        return _bounded(most, sum(bits))
    measure = _bounded(sum(terms), max(bits, default=0) + len(bits))
    # Whatever is neither sum nor product stays whole when it is multiplied.
    return measure if kind in ("Add", "Integer") else (1, measure[1])


def _power(exponent: ast.expr) -> int:
    """How high a power is, without its sign: a plain number up to 4.

    Raises:
        ValueError: It is another one.
    """
    whole = exponent.args[0] if isinstance(exponent, ast.Call) and len(exponent.args) == 1 else exponent
    if isinstance(whole, ast.UnaryOp):
        whole = whole.operand
    if not isinstance(whole, ast.Constant) or not isinstance(whole.value, int) or whole.value > _HIGHEST_POWER:
        raise ValueError("it is no small power")
    _measured(exponent)
    return max(1, int(whole.value))


def _bounded(terms: int, bits: int) -> _Measure:
    if terms > _MOST_TERMS or bits > _MOST_BITS:
        raise ValueError("it becomes too large")
    return terms, bits
