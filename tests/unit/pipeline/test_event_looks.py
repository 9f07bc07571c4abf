"""What people of events look like is kept with their picture, where a site wants it; what fails costs no proof."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from panops.domain.errors import ModelNotFound
from panops.domain.events import Event, EventPhase, EvidenceKind, Incident, Severity
from panops.models.store import ModelStore
from panops.pipeline.event_looks import EventLooks, open_embedder
from panops.storage.embeddings import EventEmbeddings
from panops.storage.scope import Scope

from .test_recorder import Stage

EVERYTHING = Scope.everything()


class LookingStage(Stage):
    """The recorder's stage, with what is looked at."""

    def __init__(self, folder: Path, models: ModelStore) -> None:
        super().__init__(folder)
        self.told: list[str] = []
        self.looks = EventLooks(models, EventEmbeddings(self.database), self.told.append)
        self.recorder._on_picture = self.looks.note
        self.embeddings = EventEmbeddings(self.database)


@pytest.fixture
def stage(tmp_path: Path, shared_data: Path) -> Iterator[LookingStage]:
    made = LookingStage(tmp_path, ModelStore(tmp_path / "models", mirrors=[shared_data / "models"]))
    yield made
    made.recorder.close()
    made.looks.close()
    made.database.close()


def an_event(event_id: str = "cam-1-1", track_ids: tuple[int, ...] = (1,)) -> Event:
    box = (10 / 160, 10 / 120, 50 / 160, 90 / 120)
    return Event(
        event_id,
        "cam",
        "r",
        Severity.ALARM,
        Incident("k", EventPhase.BEGIN, "intrusion", "person", "", track_ids, 0.5, 5.0, 5.0, None, box),
    )


def wait_for_picture(stage: LookingStage, event_id: str = "cam-1-1") -> None:
    for _ in range(400):
        if EvidenceKind.ANNOTATED in stage.kinds(event_id) and stage.proofs:
            return
        time.sleep(0.05)
    raise AssertionError("no picture was written")


def test_the_person_of_an_event_is_kept_as_numbers(stage: LookingStage) -> None:
    stage.want(find_again="person_reid")  # type: ignore[arg-type]  # a setting that is a text
    stage.say(an_event(), 5.0)
    wait_for_picture(stage)
    kept = stage.embeddings.get(EVERYTHING, "cam-1-1")
    assert kept is not None
    assert kept.model == "person_reid@1"
    assert kept.vector.shape == (256,)
    assert np.linalg.norm(kept.vector) == pytest.approx(1.0, abs=1e-2)
    assert stage.looks.taken == 1
    assert stage.told == []


def test_nothing_is_kept_where_the_site_does_not_want_it(stage: LookingStage) -> None:
    stage.say(an_event(), 5.0)
    wait_for_picture(stage)
    assert stage.embeddings.count() == 0


def test_nothing_is_kept_of_events_without_a_person(stage: LookingStage) -> None:
    stage.want(find_again="person_reid")  # type: ignore[arg-type]  # as above
    stage.say(an_event(track_ids=(7,)), 5.0)
    wait_for_picture(stage)
    assert stage.embeddings.count() == 0


def test_a_model_that_is_not_there_is_told_once_and_costs_no_proof(stage: LookingStage) -> None:
    stage.want(find_again="nothing_like_it")  # type: ignore[arg-type]  # as above
    stage.say(an_event(), 5.0)
    stage.say(an_event("cam-1-2"), 5.2)
    wait_for_picture(stage, "cam-1-2")
    assert set(stage.kinds("cam-1-1")) >= {EvidenceKind.SNAPSHOT, EvidenceKind.ANNOTATED}
    assert len(stage.told) == 1
    assert stage.told[0].startswith(
        "people of events cannot be found again (evidence.find_again, one_alarm): there is no model 'nothing_like_it'"
    )
    assert stage.problems == []


def test_a_model_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        open_embedder(ModelStore(tmp_path, mirrors=[]), "nothing_like_it")
