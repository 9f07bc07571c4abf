"""Rows as CSV (RFC 4180) for table programs: a head, then the rows, and nothing in them that such a program would take for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The whole file.

    Args:
        columns: The head.
        rows: As many cells each, texts and numbers; texts may come from anybody.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue()


def local_time(at_s: float, timezone: tzinfo | None) -> str:
    """A moment, UTC s, as ISO 8601 in the site's zone; None is the machine's own."""
    return datetime.fromtimestamp(at_s, timezone).astimezone(timezone).isoformat()


def _harmless(text: str) -> str:
    """A table program takes a cell that begins so for a formula, and a name that somebody types at the sign-in page lands here."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
