"""A model card's blocks as Markdown, and as one HTML page that needs nothing else: no script, no font, no file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Heading:
    """A title; level 1 is the card's own."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain words."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with what is known of them."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures. The first column is words, all others are numbers as text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A text as it is, folded away on the page."""

    title: str
    text: str


Block = Heading | Paragraph | Facts | Table | Verbatim

_STYLE = """
:root { color-scheme: light dark; --bg: #f6f7f9; --card: #fff; --text: #17202c; --muted: #55637a; --line: #dde3ea; --accent: #1c5bc9; }
@media (prefers-color-scheme: dark) { :root { --bg: #0c1017; --card: #131a24; --text: #e7ecf3; --muted: #9fadc0; --line: #26313f;
  --accent: #78aeff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 24px clamp(12px, 3vw, 40px) 64px; }
h1 { font-size: clamp(22px, 3.2vw, 30px); line-height: 1.2; margin: 0 0 4px; } h2 { font-size: 18px; margin: 36px 0 4px; }
h3 { font-size: 15px; margin: 20px 0 2px; }
p { margin: 0 0 12px; max-width: 80ch; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 8px 0; } dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 8px 0 16px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 12px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
tr:last-child td { border-bottom: 0; } thead th { color: var(--muted); font-weight: 600; font-size: 13px; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 8em; }
summary { cursor: pointer; color: var(--accent); margin: 12px 0; }
pre { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; font-size: 13px; }
@media (max-width: 560px) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; } }
"""


def as_markdown(blocks: Sequence[Block]) -> str:
    """The card as Markdown, ending with a line feed."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def as_page(blocks: Sequence[Block]) -> str:
    """The card as a page."""
    title = next((block.text for block in blocks if isinstance(block, Heading)), "Model card")
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
    )
    body = "".join(_html(block) for block in blocks)
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{body}</main></body></html>\n'


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_plain(block.text)}"
    if isinstance(block, Paragraph):
        text = _plain(block.text)
        return f"\\{text}" if text.startswith(("-", "+", "=")) else text
    if isinstance(block, Facts):
        return "\n".join(f"- **{_plain(name)}**: {_plain(value)}" for name, value in block.rows)
    if isinstance(block, Table):
        lines = [_row(block.head), "|" + "|".join([" --- ", *[" ---: "] * (len(block.head) - 1)]) + "|"]
        return "\n".join([*lines, *(_row(row) for row in block.rows)])
    fence = "```"
    while fence in block.text:
        fence += "`"
    return f"{_plain(block.title)}:\n\n{fence}\n{block.text.rstrip()}\n{fence}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(text: str) -> str:
    """On one line, and without what Markdown or a browser would take for mark-up."""
    flat = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|~" else letter for letter in flat)


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Paragraph):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Facts):
        return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in block.rows) + "</dl>"
    if isinstance(block, Table):
        head = "".join(f"<th>{escape(cell)}</th>" for cell in block.head)
        rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows)
        return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return f"<details><summary>{escape(block.title)}</summary><pre>{escape(block.text)}</pre></details>"
