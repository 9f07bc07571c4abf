from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from hypothesis import given

from panops.datasets.chart import Bar, matrix, raster, stacked_bars, svg
from panops.datasets.statistics import stats_of
from panops.datasets.statistics_charts import charts_of
from panops.datasets.statistics_page import page_of
from panops.domain.labels import DetectionSet
from tests.unit.datasets.drawn import CLASSES, picture, sets_of

PATHS = [Path(f"{index}.jpg") for index in range(5)]


@pytest.fixture
def dataset() -> DetectionSet:
    size = (400, 300)
    boxes = [(0.0, 0.0, 31.9, 32.0), (0.0, 0.0, 32.0, 32.0), (0.0, 0.0, 96.0, 96.0), (5.0, 5.0, 100.0, 200.0)]
    return DetectionSet(
        "train",
        CLASSES,
        (
            picture(PATHS[0], boxes, size_wh=size, class_id=[0, 0, 0, 1], source="yard", group="cam1", labelled=[True, True, False]),
            picture(PATHS[1], size_wh=size, source="yard", group="cam1", labelled=[True, False, False], mosaic=True),
            picture(PATHS[2], boxes[:1], class_id=[2], source="", rider_in_box=True),
        ),
    )


def test_counts_by_class(dataset: DetectionSet) -> None:
    person, car, hat = stats_of(dataset).classes

    assert (person.boxes, person.pictures, person.looked_for, person.groups) == (3, 1, 3, 1)
    assert (person.small, person.medium, person.large, person.median_side_px) == (1, 1, 1, 32.0)
    assert (car.boxes, car.large, car.looked_for) == (1, 1, 2)
    assert (hat.boxes, hat.looked_for, hat.groups) == (1, 1, 0)


def test_counts_by_source(dataset: DetectionSet) -> None:
    stats = stats_of(dataset)
    none, yard = stats.sources

    assert (yard.pictures, yard.boxes, yard.empty, yard.groups, yard.ungrouped, yard.mosaics) == (2, 4, 1, 1, 0, 1)
    assert yard.looked_for == {"person": 1.0, "car": 0.5}
    assert yard.boxes_by_class == {"person": 3, "car": 1}
    assert (none.name, none.ungrouped, none.riders_in_boxes, none.sizes) == ("", 1, 1, {"96x64": 1})
    assert (stats.total.pictures, stats.total.boxes) == (3, 5)
    assert json.loads(json.dumps(stats.record()))["classes"][0]["name"] == "person"


@given(dataset=sets_of(PATHS))
def test_every_box_is_counted_once_in_each_table(dataset: DetectionSet) -> None:
    stats = stats_of(dataset)

    assert stats.total.boxes == dataset.box_count
    assert sum(one.boxes for one in stats.classes) == dataset.box_count
    assert sum(one.small + one.medium + one.large for one in stats.classes) == dataset.box_count
    assert sum(one.boxes for one in stats.sources) == dataset.box_count
    assert sum(stats.sides) == dataset.box_count
    assert sum(stats.boxes_in_picture) == len(dataset)


def test_an_empty_set_counts_to_nothing() -> None:
    stats = stats_of(DetectionSet("none", CLASSES, ()))

    assert (stats.total.pictures, stats.total.boxes, stats.sources) == (0, 0, ())
    assert page_of([stats])
    assert raster(charts_of(stats)).ndim == 3


def test_a_chart_draws_in_proportion_and_says_the_numbers() -> None:
    figure = stacked_bars("t", {"a": (30, 10), "<b>": (0, 20)}, ("x", "y"))
    bars = [item for item in figure.items if isinstance(item, Bar) and item.hint]
    root = Xml.fromstring(svg(figure))  # noqa: S314 - our own text

    assert bars[0].width == pytest.approx(3 * bars[1].width)
    assert bars[2].width == pytest.approx(2 * bars[1].width)
    assert [item.text for item in root.iter("title")] == ["a, x: 30", "a, y: 10", "<b>, y: 20"]
    assert {"40", "20", "<b>"} <= {item.text for item in root.iter("text")}


def test_a_matrix_tells_nothing_found_from_not_looked_for() -> None:
    hints = [item.hint for item in matrix("t", ["s"], ["car", "bus"], [[0, None]]).items if isinstance(item, Bar) and item.hint]

    assert hints == ["s, car: 0", "s, bus: not looked for"]


def test_the_picture_has_the_bars_where_the_figure_says() -> None:
    figure = stacked_bars("t", {"a": (3,)}, ("x",))
    bar = next(item for item in figure.items if isinstance(item, Bar))
    image = raster([figure], scale=1)
    x, y = round(bar.x + bar.width / 2) + 24, round(bar.y + bar.height / 2) + 24

    assert image.shape == (figure.height + 48, figure.width + 48, 3)
    assert np.array_equal(image[y, x], [0xB2, 0x72, 0x00])


def test_the_page_holds_every_class_and_source_and_escapes_them(dataset: DetectionSet) -> None:
    evil = DetectionSet("<script>", ("<b>", *CLASSES[1:]), dataset.pictures)
    page = page_of([stats_of(evil)])

    assert "<script>" not in page
    assert "&lt;b&gt;" in page
    assert "yard" in page
    assert page.count("<svg") == 5
