from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panops.datasets.box_drawing import draw_boxes, shortened, text_size

RED, BLUE = (0, 0, 250), (250, 0, 0)


def drawn(*boxes: tuple[float, float, float, float], name: str = "person", dashed: bool = False) -> np.ndarray:
    image = np.zeros((200, 300, 3), np.uint8)
    draw_boxes(image, np.array(boxes, float), [name] * len(boxes), [RED, BLUE][: len(boxes)], np.full(len(boxes), dashed))
    return image


def of(image: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    return (image == color).all(axis=2)


def test_a_large_box_is_named_above_and_left_empty() -> None:
    image = drawn((50, 60, 150, 160))

    assert of(image, RED)[40:59, 50:90].sum() > 200, "the name's ground"
    assert image[62:158, 52:148].max() == 0


def test_a_small_box_has_no_name() -> None:
    assert np.argwhere(of(drawn((50, 60, 62, 80)), RED)).tolist() == [
        [y, x] for y in range(60, 81) for x in range(50, 63) if y in {60, 80} or x in {50, 62}
    ]


def test_at_the_upper_edge_the_name_stands_inside() -> None:
    image = drawn((50, 0, 250, 160))

    assert of(image, RED)[1:14, 51:90].sum() > 200


def test_a_name_hides_no_other_box() -> None:
    alone, beside = (of(drawn((50, 60, 80, 160), *more), RED) for more in ((), ((40, 40, 64, 58),)))

    assert alone[40:59].sum() > 200
    assert beside[40:59, 40:64].sum() == 0, "the name went elsewhere"
    assert beside.sum() > 500


def test_where_there_is_no_room_at_all_there_is_no_name() -> None:
    image = drawn((0, 0, 299, 30), (0, 0, 60, 199), name="a name that is longer than the picture is wide, and so can stand nowhere")

    assert of(image, RED).sum() <= 2 * 300 + 2 * 31


def test_lines_of_crowds_are_broken() -> None:
    row = of(drawn((10, 100, 290, 190), dashed=True, name=""), RED)[190]

    assert 0.3 < row[10:291].mean() < 0.7


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=40), width=st.integers(20, 200))
def test_a_shortened_text_fits(text: str, width: int) -> None:
    short = shortened(text, width, 12)

    assert text_size(short, 12)[0] <= width
    assert short == text or "…" in short
