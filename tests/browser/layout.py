"""What is measured of a page's boxes: ugly layouts pass functional checks, so sizes are checked as well."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

MEASURE = (Path(__file__).parent / "layout.js").read_text()


def problems(page: Page) -> list[str]:
    """What is wrong with the boxes of the page as it stands, one line each."""
    found: list[str] = page.evaluate(MEASURE)
    return found
