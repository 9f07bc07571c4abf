"""Pictures of people are read by the models that cameras have now, whatever was chosen since the server began."""

from __future__ import annotations

from typing import Any

import pytest

from panops.commands.enrolment_reader import reader_opener
from panops.config.schema import SiteConfig
from panops.domain.errors import ModelNotFound
from panops.testing.fake_faces import FakeFaceReader


class Store:
    """Says what somebody decided about models."""

    def __init__(self) -> None:
        self.decided: dict[str, int] = {}

    def stamp(self, name: str) -> tuple[int, int, int]:
        return self.decided.get(name, 0), 0, 0


class Opened(FakeFaceReader):
    """What was opened, and whether it was closed."""

    def __init__(self, detector: str, embedder: str, threshold: float | None) -> None:
        super().__init__(f"{detector} {embedder}")
        self.threshold = 0.6 if threshold is None else threshold
        self.closed = False

    def close(self) -> None:
        self.closed = True


def site(**faces: Any) -> SiteConfig:
    camera: dict[str, Any] = {"source": "sim://yard"}
    if faces:
        camera["faces"] = {"notice": "a sign", **faces}
    return SiteConfig.model_validate({"cameras": {"gate": camera}})


def test_the_reader_follows_the_site_and_what_is_decided_about_models(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: set[str] = set()

    def opener(_store: object, detector: str, embedder: str, *, threshold: float | None) -> Opened:
        if embedder in missing:
            raise ModelNotFound(f"model {embedder!r} is not installed")
        return Opened(detector, embedder, threshold)

    monkeypatch.setattr("panops.commands.enrolment_reader.open_face_reader", opener)
    store, now = Store(), site()
    current = reader_opener(store, lambda: now)  # type: ignore[arg-type]  # of a store it asks for stamps only
    first = current()
    assert (first.name, current() is first) == ("yunet dlib_faces", True)
    store.decided["dlib_faces"] = 1
    second = current()
    assert second is not first
    assert (getattr(first, "closed"), getattr(second, "closed")) == (True, False)  # noqa: B009  a protocol does not have it
    now = site(embedding="mine", threshold=0.41)
    third = current()
    assert (third.name, third.threshold) == ("yunet mine", 0.41)
    now = site(embedding="gone")
    missing.add("gone")
    for _ in range(2):
        with pytest.raises(ModelNotFound, match="'gone' is not installed"):
            current()
    missing.clear()
    assert current().name == "yunet gone", "it is tried again each time"
