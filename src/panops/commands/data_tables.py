"""Tables of the `panops data` commands: names stay whole on any terminal, and columns that do not fit go to a further table below."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Blanks between two columns.
_BETWEEN = 2


def print_table(
    console: Console, title: str, head: Sequence[str], rows: Sequence[Sequence[str] | None], *, left: frozenset[int] = frozenset()
) -> None:
    """Print a table whose first column names the rows; it is repeated in each part where the columns do not fit side by side.

    Heads may break after blanks, hyphens and underscores; cells where they have line ends. A name longer than half of the width is
    folded, never cut. A column of empty cells is left out.

    Args:
        console: Where to.
        title: Above the first part.
        head: The names of the columns.
        rows: A cell for each column, or None for a line across.
        left: Columns, counted from 0, of words; others but the first are set to the right, as numbers are.
    """
    cells = [row for row in rows if row is not None]
    needed = [_longest([*_pieces(head[at]), *(line for row in cells for line in row[at].splitlines())]) for at in range(len(head))]
    needed[0] = min(needed[0], max(1, console.width // 2))
    filled = [at for at in range(1, len(head)) if any(row[at] for row in cells)]
    for number, part in enumerate(_parts(needed, filled, console.width)):
        columns = [0, *part]
        widths = _widened([needed[at] for at in columns], [cell_len(head[at]) for at in columns], console.width)
        table = Table(title=Text(title) if number == 0 else None, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
        table.padding, table.pad_edge = (0, _BETWEEN - 1, 0, 0), False
        for at, width in zip(columns, widths, strict=True):
            words = at == 0 or at in left
            table.add_column(Text(_broken(head[at], width)), justify="left" if words else "right", width=width, overflow="fold")
        for row in rows:
            if row is None:
                table.add_section()
            else:
                table.add_row(*(Text(row[at]) for at in columns))
        console.print(table)
        console.print()


def _longest(texts: Sequence[str]) -> int:
    return max(map(cell_len, texts), default=0)


def _parts(needed: Sequence[int], columns: Sequence[int], width: int) -> list[list[int]]:
    """The columns beside the first, in parts that fit the width; a part has one at least."""
    parts: list[list[int]] = [[]]
    room = width - needed[0]
    for at in columns:
        wide = needed[at] + _BETWEEN
        if parts[-1] and wide > room:
            parts.append([])
            room = width - needed[0]
        parts[-1].append(at)
        room -= wide
    return parts


def _widened(needed: Sequence[int], heads: Sequence[int], width: int) -> list[int]:
    """The columns' widths: as needed, and where there is room as wide as their heads in one line."""
    widths = list(needed)
    room = width - sum(widths) - _BETWEEN * (len(widths) - 1)
    for at in range(1, len(widths)):
        more = max(0, heads[at] - widths[at])
        if more <= room:
            widths[at] += more
            room -= more
    return widths


def _pieces(head: str) -> list[str]:
    """The parts of a head that stay together."""
    return [piece.strip() for piece in re.split(r"(?<=[ _-])", head) if piece.strip()]


def _broken(head: str, width: int) -> str:
    """The head in lines of at most the width, broken where its pieces meet."""
    lines = [""]
    for piece in re.split(r"(?<=[ _-])", head):
        if lines[-1] and cell_len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)
