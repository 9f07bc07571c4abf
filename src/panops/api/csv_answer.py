"""Answers that are saved as CSV."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response


def csv_answer(text: str, file_name: str) -> Response:
    """A file to be saved and kept by no cache: what is in it depends on who asks."""
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def csv_described(rows: str) -> dict[int | str, dict[str, Any]]:
    """What a route that gives CSV says of its answer; `rows`: what a row stands for."""
    return {200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": rows}}
