"""Reads the page's JavaScript modules: each literal, and where it stands. Enough of the language for what this project writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<name>[\w$]+|\#\w+)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<sign>===|!==|=>|\?\.|\?\?=|\?\?|\|\|=|&&=|\|\||&&|\.\.\.|==|!=|<=|>=|\+=|-=|[{}()\[\],;:?.=<>+\-*/%&|!~^@`])""",
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
_BEFORE_A_REGEX = {"return", "case", "typeof", "in", "of", "await"}
_NO_CALLEES = {"if", "for", "while", "return", "switch", "of"}
_ESCAPES = {"n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Place:
    """One bracket that a literal stands in.

    Attributes:
        sign: `(`, `[`, `{` or `${`.
        callee: The name before a `(` of a call, else empty.
        argument: Which argument of the call, from 0.
        key: The key of an object that the literal belongs to, else empty.
    """

    sign: str
    callee: str = ""
    argument: int = 0
    key: str = ""


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, or a template without its expressions.

    Attributes:
        text: What it says; each expression of a template is `{}`.
        is_template: True where it has expressions.
        start, end: Where it is in the module.
        line: Its line, from 1.
        places: The brackets around it, the innermost last.
        before: Up to six tokens before it, the nearest last.
        after: The token after it.
    """

    text: str
    is_template: bool
    start: int
    end: int
    line: int
    places: tuple[Place, ...]
    before: tuple[str, ...]
    after: str


@dataclass(slots=True)
class _Frame:
    sign: str
    callee: str = ""
    argument: int = 0
    key: str = ""
    fresh: bool = True  # after the opening or a comma: a name here may be a key


@dataclass(slots=True)
class _Reader:
    source: str
    found: list[Literal] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)

    def read(self, at: int, until: str = "") -> int:
        """Reads from `at` until the bracket that closes what was begun before; the place behind it."""
        depth = len(self.frames)
        while at < len(self.source):
            regex = _REGEX.match(self.source, at) if self.source[at] == "/" and self._regex_may_begin() else None
            match = None if regex else _TOKEN.match(self.source, at)
            if regex and not self.source.startswith(("//", "/*"), at):
                self.tokens.append("/regex/")
                at = regex.end()
            elif match is None:
                match = _TOKEN.match(self.source, at)
                if match is None:
                    raise ValueError(f"line {self._line(at)}: expected JavaScript, got {self.source[at : at + 20]!r}")
                at = match.end()
            elif match["sign"] == "`":
                at = self._template(at)
            elif match["sign"] == until and len(self.frames) == depth:
                return match.end()
            else:
                at = match.end()
                self._take(match)
        return at

    def _regex_may_begin(self) -> bool:
        last = self.tokens[-1] if self.tokens else ""
        return last in _BEFORE_A_REGEX or not re.fullmatch(r"[\w$#]+|[)\]}]|\"\"", last)

    def _line(self, at: int) -> int:
        return self.source.count("\n", 0, at) + 1

    def _take(self, match: re.Match[str]) -> None:
        if match["space"]:
            return
        if match["string"]:
            raw = match["string"][1:-1]
            text = re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", lambda one: chr(int(one[1], 16)) if one[1] else _ESCAPES.get(one[2], one[2]), raw)
            self._literal(text, match.start(), match.end(), is_template=False)
            return
        self._sign(match["sign"], match.end()) if match["sign"] else self._name(match["name"], match.end())

    def _name(self, name: str, end: int) -> None:
        frame = self.frames[-1] if self.frames else None
        if frame and frame.sign == "{" and frame.fresh:
            frame.fresh = False
            frame.key = name if re.match(r"\s*:(?!:)", self.source[end:]) else ""
        self.tokens.append(name)

    def _sign(self, sign: str, end: int) -> None:
        if sign in "([{":
            last = next((one for one in reversed(self.tokens[-2:]) if one != "?."), "")
            callee = (
                last
                if sign == "(" and re.fullmatch(r"[\w$#]+", last) and last not in {"if", "for", "while", "return", "switch", "of"}
                else ""
            )
            self.frames.append(_Frame(sign, callee))
        elif sign in ")]}":
            if self.frames:
                self.frames.pop()
        elif self.frames:
            frame = self.frames[-1]
            if sign == ",":
                frame.argument += 1
                frame.key, frame.fresh = "", True
            elif sign == ";":
                frame.key, frame.fresh = "", True
        self.tokens.append(sign)

    def _template(self, at: int) -> int:
        start, text, at = at, "", at + 1
        slot = len(self.found)
        before, places = self._before(), self._places()
        is_template = False
        while self.source[at] != "`":
            if self.source.startswith("${", at):
                is_template = True
                self.frames.append(_Frame("${"))
                self.tokens.append("${")
                at = self.read(at + 2, "}")
                self.frames.pop()
                text += "{}"
            elif self.source[at] == "\\":
                text += _ESCAPES.get(self.source[at + 1], self.source[at + 1])
                at += 2
            else:
                text += self.source[at]
                at += 1
        self.tokens.append('""')
        after = _next(self.source, at + 1)
        self.found.insert(slot, Literal(text, is_template, start, at + 1, self._line(start), places, before, after))
        return at + 1

    def _literal(self, text: str, start: int, end: int, *, is_template: bool) -> None:
        frame = self.frames[-1] if self.frames else None
        if frame and frame.sign == "{" and frame.fresh:
            frame.fresh = False
            if re.match(r"\s*:", self.source[end:]):
                frame.key = text
                self.tokens.append('""')
                return
        after = _next(self.source, end)
        self.found.append(Literal(text, is_template, start, end, self._line(start), self._places(), self._before(), after))
        self.tokens.append('""')

    def _places(self) -> tuple[Place, ...]:
        return tuple(Place(one.sign, one.callee, one.argument, one.key) for one in self.frames)

    def _before(self) -> tuple[str, ...]:
        return tuple(self.tokens[-6:])


def _next(source: str, at: int) -> str:
    for match in _tokens(source, at):
        if not match["space"]:
            return match[0]
    return ""


def _tokens(source: str, at: int) -> Iterator[re.Match[str]]:
    while match := _TOKEN.match(source, at):
        yield match
        at = match.end()


def literals(source: str) -> list[Literal]:
    """Every literal of a module in the order in which they begin; keys of objects are none.

    Raises:
        ValueError: Something is no JavaScript as this project writes it.
    """
    reader = _Reader(source)
    reader.read(0)
    if reader.frames:
        raise ValueError(f"expected every bracket to be closed, {len(reader.frames)} are open at the end")
    return reader.found
