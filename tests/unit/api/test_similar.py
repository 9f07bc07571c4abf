"""Finding a person again over the API: by an event, by a picture, within what the caller may see, and said in the audit log."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from panops.config.schema import EvidenceConfig
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.models.store import ModelStore
from panops.pipeline.event_looks import open_embedder
from panops.pipeline.sent_picture import read_sent_picture
from panops.storage.embeddings import Embedding, EventEmbeddings

from .conftest import Site

pytestmark = pytest.mark.anyio
PATH = "/api/v1/events/similar"


def vector(*numbers: float) -> np.ndarray:
    made = np.zeros(8, np.float32)
    made[: len(numbers)] = numbers
    return made / np.linalg.norm(made)


def save(site: Site) -> None:
    kept = EventEmbeddings(site.services.database)
    for number, (camera, look) in enumerate([("gate", (1, 0)), ("yard", (1, 0.2)), ("gate", (1, 1)), ("gate", (0, 1)), ("gate", ())]):
        incident = Incident(str(number), EventPhase.END, "intrusion", "person", "", (1,), 0.9, 1000.0 + number, 1001.0, 1001.0)
        site.services.events.save([Event(f"e-{number}", camera, "night", Severity.ALARM, incident)])
        if look:
            kept.save(f"e-{number}", Embedding("person_reid@1", vector(*look)))


async def test_the_events_of_who_looks_alike_the_most_alike_first(site: Site) -> None:
    save(site)
    answer = (await site.ask("POST", "oscar", PATH, json={"event_id": "e-0"})).json()
    assert [one["event"]["event_id"] for one in answer["found"]] == ["e-1", "e-2", "e-3"]
    assert answer["found"][0]["similarity"] == pytest.approx(0.9806, abs=1e-3)
    assert answer["found"][0]["event"]["camera_id"] == "yard"
    assert (answer["compared"], answer["model"]) == (3, "person_reid@1")
    near = (await site.ask("POST", "oscar", PATH, json={"event_id": "e-0", "least": 0.9})).json()
    assert [one["event"]["event_id"] for one in near["found"]] == ["e-1"]
    assert [entry for entry in (await site.get("ada", "/api/v1/audit")).json()["entries"] if entry["action"] == "event.find_again"]


async def test_an_event_says_whether_its_person_can_be_found_again(site: Site) -> None:
    save(site)
    assert (await site.get("vera", "/api/v1/events/e-0")).json()["can_find_again"] is True
    assert (await site.get("vera", "/api/v1/events/e-4")).json()["can_find_again"] is False


async def test_what_is_not_known_is_said(site: Site) -> None:
    save(site)
    unknown = await site.ask("POST", "oscar", PATH, json={"event_id": "e-4"})
    assert unknown.status_code == 409
    assert "it is not known what the person of this event looks like; finding people again is switched off" in unknown.json()["detail"]
    assert (await site.ask("POST", "oscar", PATH, json={"event_id": "e-9"})).status_code == 404
    picture = await site.ask("POST", "oscar", PATH, json={"picture": "AAAA"})
    assert (picture.status_code, "switched off" in picture.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    "body",
    [{}, {"event_id": "e-0", "picture": "AAAA"}, {"event_id": "e-0", "box": [0, 0, 1, 1]}, {"picture": "AAAA", "box": [0.5, 0, 0.4, 1]}],
)
async def test_questions_that_are_none_are_refused(site: Site, body: dict[str, object]) -> None:
    assert (await site.ask("POST", "oscar", PATH, json=body)).status_code == 422


async def test_a_person_in_a_picture_is_looked_for(site: Site, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(site)
    store = ModelStore(tmp_path / "models", mirrors=[shared_data / "models"])
    monkeypatch.setattr(type(site.services.models), "store", property(lambda self: store))
    wanted = site.services.view.current().model_copy(update={"evidence": EvidenceConfig(find_again="person_reid")})
    site.services.sites.apply(wanted, "test")
    image = np.random.default_rng(1).integers(0, 255, (128, 64, 3), np.uint8)
    data = cv2.imencode(".png", image)[1].tobytes()
    frame = read_sent_picture(memoryview(data))
    embedder = open_embedder(store, "person_reid")
    look = embedder.embed(frame, np.array([[0, 0, 64, 128]], np.float32))[0]
    EventEmbeddings(site.services.database).save("e-2", Embedding(embedder.name, look))
    answer = (await site.ask("POST", "oscar", PATH, json={"picture": base64.b64encode(data).decode()})).json()
    assert answer["found"][0]["event"]["event_id"] == "e-2"
    assert answer["found"][0]["similarity"] == pytest.approx(1.0, abs=1e-2)
    small = await site.ask("POST", "oscar", PATH, json={"picture": base64.b64encode(data).decode(), "box": [0, 0, 1, 0.2]})
    assert (small.status_code, "at least 48 px tall" in small.json()["detail"]) == (422, True)
