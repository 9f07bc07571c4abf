from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from panops.commands.data_tables import print_table


def printed(width: int, head: list[str], rows: list[list[str] | None], title: str = "title") -> list[str]:
    file = StringIO()
    print_table(Console(file=file, width=width), title, head, rows)
    return file.getvalue().splitlines()


def test_columns_that_do_not_fit_come_below_with_the_names_again() -> None:
    lines = printed(24, ["class", "boxes", "pictures", "groups"], [["person", "1", "2", "3"], ["a truck", "4", "5", "6"]])

    assert [line.split() for line in lines if "person" in line] == [["person", "1", "2"], ["person", "3"]]
    assert sum("title" in line for line in lines) == 1
    assert max(map(len, lines)) <= 24


def test_heads_break_where_they_have_joints() -> None:
    lines = printed(30, ["class", "construction-site_safety set"], [["x", "1"]])

    assert [line.split() for line in lines[1:4]] == [["construction-"], ["site_safety"], ["class", "set"]]


def test_a_long_name_is_folded_and_whole() -> None:
    lines = printed(30, ["class", "boxes"], [["n" * 40, "7"]])

    assert sum(line.count("n") for line in lines) == 40


def test_empty_columns_are_left_out_and_markup_is_text() -> None:
    lines = printed(60, ["class", "mosaics", "boxes"], [["[/] [red]x", "", "1"], None, ["b", "", "2"]], title="[/]")

    assert not any("mosaics" in line for line in lines)
    assert any("[/] [red]x" in line for line in lines)
    assert "[/]" in lines[0]


@pytest.mark.parametrize("rows", [[], [None]])
def test_no_rows_are_no_trouble(rows: list[list[str] | None]) -> None:
    assert any("class" in line for line in printed(40, ["class", "boxes"], rows))


@given(
    names=st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30), min_size=1, max_size=4),
    cells=st.integers(1, 8),
    width=st.integers(20, 120),
)
def test_no_name_and_no_number_is_lost(names: list[str], cells: int, width: int) -> None:
    rows: list[list[str] | None] = [[name, *(f"{10**6 + 100 * row + at}" for at in range(cells))] for row, name in enumerate(names)]
    lines = printed(width, ["", *(f"column {at}" for at in range(cells))], rows)

    for row, name in enumerate(names):
        assert any(name in line for line in lines) or len(name) > width // 2
        for at in range(cells):
            assert any(f"{10**6 + 100 * row + at}" in line for line in lines)
    assert max(map(len, lines)) <= max(width, width // 2 + 9)
