"""Tells whether the expression of a size, which torch evaluates as Python, is plain arithmetic on symbols."""

from __future__ import annotations

import ast
import re

# What torch writes: sympy's own words for numbers and symbols, and its few functions of sizes.
_FUNCTIONS = frozenset(
    {"Symbol", "Integer", "Add", "Mul", "Pow", "Max", "Min", "Mod", "PythonMod", "FloorDiv", "CeilDiv", "Eq", "Ne", "Le", "Lt", "Ge", "Gt"}
)
_SYMBOL = re.compile(r"[su]\d+")
_LONGEST = 500


def is_plain_size(text: object) -> bool:
    """Whether `text` may be given to torch: numbers, symbols such as `s77`, arithmetic, and functions of sizes."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return False
    try:
        return _plain(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _plain(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (bool, int))
    if isinstance(node, ast.Name):
        return _SYMBOL.fullmatch(node.id) is not None
    if isinstance(node, ast.UnaryOp):
        return _plain(node.operand)
    if isinstance(node, ast.BinOp):
        # A power of large numbers would compute for ever.
        return not isinstance(node.op, (ast.Pow, ast.LShift)) and _plain(node.left) and _plain(node.right)
    if isinstance(node, ast.Compare):
        return all(_plain(part) for part in (node.left, *node.comparators))
    return isinstance(node, ast.Call) and _plain_call(node)


def _plain_call(node: ast.Call) -> bool:
    if not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS:
        return False
    if not all(isinstance(word.value, ast.Constant) and isinstance(word.value.value, bool) and word.arg for word in node.keywords):
        return False
    if node.func.id == "Symbol":
        (name,) = node.args if len(node.args) == 1 else (None,)
        return isinstance(name, ast.Constant) and isinstance(name.value, str) and _SYMBOL.fullmatch(name.value) is not None
    if node.func.id == "Pow" and not _small_power(node):
        return False
    return all(_plain(argument) for argument in node.args)


def _small_power(node: ast.Call) -> bool:
    exponent = node.args[1] if len(node.args) == 2 else None
    whole = exponent.args[0] if isinstance(exponent, ast.Call) and len(exponent.args) == 1 else exponent
    if isinstance(whole, ast.UnaryOp):
        whole = whole.operand
    return isinstance(whole, ast.Constant) and isinstance(whole.value, int) and whole.value <= 4
