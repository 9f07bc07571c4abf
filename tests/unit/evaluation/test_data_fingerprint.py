"""The fingerprint changes with what counts, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from panops.domain.labels import DetectionSet
from panops.evaluation.data_fingerprint import data_fingerprint
from tests.unit.evaluation.detection_sets import CLASSES, picture

BOX, OTHER = (50, 50, 110, 130), (10, 10, 40, 90)


def made(folder: Path, content: bytes = b"pixels") -> DetectionSet:
    folder.mkdir(exist_ok=True)
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(content + name.encode())
    pictures = (picture([BOX, OTHER], [0, 1], name=str(folder / "a.png")), picture([BOX], [2], name=str(folder / "b.png")))
    return DetectionSet("made-up", CLASSES, pictures)


def test_folder_order_and_name_do_not_matter(tmp_path: Path) -> None:
    first = made(tmp_path / "one")
    second = made(tmp_path / "two")
    turned = DetectionSet("other", CLASSES, tuple(reversed(second.pictures)))
    assert data_fingerprint(first) == data_fingerprint(turned)
    relabelled = second.with_classes(("motorcycle", "person", "car"))
    assert data_fingerprint(first) == data_fingerprint(relabelled)


CHANGES: list[tuple[str, Callable[[DetectionSet], DetectionSet]]] = [
    ("a box", lambda one: replace(one, pictures=(one.pictures[0], picture([OTHER], [2], name=str(one.pictures[1].path))))),
    ("a class", lambda one: replace(one, pictures=(one.pictures[0], picture([BOX], [1], name=str(one.pictures[1].path))))),
    ("a source", lambda one: replace(one, pictures=(replace(one.pictures[0], source="gate"), one.pictures[1]))),
    ("what was labelled", lambda one: one.with_classes(("person", "car"))),
    ("a picture less", lambda one: replace(one, pictures=one.pictures[:1])),
]


@pytest.mark.parametrize(("what", "change"), CHANGES, ids=[row[0] for row in CHANGES])
def test_what_counts_changes_it(what: str, change: Callable[[DetectionSet], DetectionSet], tmp_path: Path) -> None:
    del what
    dataset = made(tmp_path / "one")
    assert data_fingerprint(change(dataset)) != data_fingerprint(dataset)


def test_pixels_change_it(tmp_path: Path) -> None:
    assert data_fingerprint(made(tmp_path / "one")) != data_fingerprint(made(tmp_path / "two", b"other pixels"))
