from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.config.spelling import did_you_mean, nearest

MANY = [f"class-{number}" for number in range(30)]


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("persn", ["car", "person"], "person"),
        ("Person", ["car", "person"], "person"),
        ("RTPS", ["rtsp", "http"], "rtsp"),
        ("monday", ["mon", "tue"], "mon"),
        ("elephant", ["car", "person"], ""),
        ("x", [], ""),
        ("", ["car"], ""),
    ],
)
def test_nearest(word: str, known: list[str], meant: str) -> None:
    assert nearest(word, known) == meant


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("gat", ["gate", "yard"], "; did you mean 'gate'? There are: gate, yard"),
        ("gat", ["gate"], "; did you mean 'gate'?"),
        ("attic", ["gate", "yard"], "; there are: gate, yard"),
        ("attic", [], "; there are: none"),
        ("clas-7", MANY, "; did you mean 'class-7'?"),
        ("elephant", MANY, f"; there are: {', '.join(MANY[:24])} ... (30)"),
    ],
)
def test_how_a_message_goes_on(word: str, known: list[str], said: str) -> None:
    assert did_you_mean(word, known) == said


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=20))
def test_only_what_is_known_is_suggested(word: str, known: list[str]) -> None:
    assert nearest(word, known) in {"", *known}
