"""AP beside cost: both figures come from `panops evaluate detector`, and its faults stay one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from panops.commands.bench_peer import accuracy, peers_of
from panops.domain.errors import PanopsError
from tests.unit.commands.tiny_detector import BOXES, write_detector, write_grey


def test_ap_of_the_detector_on_pictures_of_ones_own(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="evaluation needs panops[train]")
    model, folder = write_detector(tmp_path / "bright").parent, tmp_path / "lamps"
    folder.mkdir()
    write_grey(folder / "a.png", 200)
    boxes = [[x, y, right - x, bottom - y] for x, y, right, bottom in BOXES]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 640, "height": 320}],
        "annotations": [{"id": index, "image_id": 1, "category_id": 1, "bbox": box} for index, box in enumerate(boxes, 1)],
        "categories": [{"id": 1, "name": "lamp"}],
    }
    (folder / "val.json").write_text(json.dumps(content), encoding="utf-8")
    told = accuracy(str(model), folder / "val.json", beside=False, home=tmp_path / "home")
    assert told["data"]["name"] == "lamps/val"
    assert (told["data"]["pictures"], told["data"]["boxes"]) == (1, 2)
    assert str(tmp_path) not in json.dumps(told)
    (one,) = told["models"]
    assert one == {"name": "bright", "AP": 1.0, "AP50": 1.0, "classes": {"lamp": {"AP": 1.0, "AP50": 1.0, "boxes": 2}}}


def test_data_that_is_not_there(tmp_path: Path) -> None:
    model = write_detector(tmp_path / "bright").parent
    with pytest.raises(PanopsError, match=r"could not be evaluated on .*nothing\.json: .*expected a data set") as fault:
        accuracy(str(model), tmp_path / "nothing.json", beside=False, home=tmp_path / "home")
    assert "\n" not in str(fault.value)


def test_no_peer_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert peers_of(wanted=False, threads="nonsense", home=tmp_path) == []
    assert list(tmp_path.iterdir()) == []
