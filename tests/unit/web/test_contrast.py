"""The colours: text can be read on every ground that it stands on, in both themes (WCAG 2.2 AA, 4.5 : 1)."""

from __future__ import annotations

import re

import pytest

from panops.web.pages import FOLDER

CSS = (FOLDER / "static" / "css" / "base.css").read_text()
TEXT = ("text", "muted", "accent", "red", "amber", "green")
GROUNDS = ("bg", "surface", "raised")
PAIRS = [(text, ground) for text in TEXT for ground in GROUNDS] + [
    ("faint", "bg"), ("faint", "surface"), ("faint", "raised"), ("text", "hover"), ("muted", "hover"),
    ("text", "amber-soft"), ("text", "red-soft"),
    ("text", "accent-soft"), ("accent", "accent-soft"), ("red", "red-soft"), ("amber", "amber-soft"), ("green", "green-soft"),
    ("on-solid", "accent-solid"), ("on-solid", "accent-hover"), ("on-solid", "red-solid"), ("muted", "accent-soft"),
]  # fmt: skip


def tokens(theme: str) -> dict[str, str]:
    """The colours of a theme; the light one changes some of the dark one's."""
    dark, light = (
        re.search(pattern, CSS, re.DOTALL | re.MULTILINE)
        for pattern in (r"^:root \{(.*?)\n\}", r'^:root\[data-theme="light"\] \{(.*?)\n\}')
    )
    assert dark is not None
    assert light is not None
    text = dark[1] + (light[1] if theme == "light" else "")
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", text))


def luminance(colour: str) -> float:
    """Relative luminance, 0..1, as WCAG defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(letter * 2 for letter in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(("text", "ground"), PAIRS, ids=lambda name: name)
def test_contrast(text: str, ground: str, theme: str) -> None:
    colours = tokens(theme)
    high, low = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5
