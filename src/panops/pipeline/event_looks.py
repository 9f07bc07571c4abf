"""What the person of an event looks like, kept as numbers when its picture is taken: one crop an event, and only where a site wants it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import PanopsError
from panops.domain.frame import Frame
from panops.models.store import ModelStore
from panops.pipeline.model_file import open_model_file
from panops.pipeline.open_record import OpenRecord
from panops.storage.embeddings import Embedding, EventEmbeddings
from panops.vision.reid import PersonEmbedder

log = logging.getLogger(__name__)

PERSON = "person"
# People who are lower in the picture look like anybody.
LEAST_HEIGHT_PX = 48


def open_embedder(store: ModelStore, name: str) -> PersonEmbedder:
    """A model for `reid`, on the CPU.

    Raises:
        PanopsError: It is not here, cannot be run, or is for something else.
    """
    model = store.get(name)
    backend = open_model_file(model)
    try:
        return PersonEmbedder(model.manifest, backend)
    except PanopsError:
        backend.close()
        raise


class EventLooks:
    """One process's. `note` is called by the thread that writes evidence.

    Args:
        store: Where the models are.
        embeddings: Where the numbers go.
        on_problem: Told a sentence when nobody can be found again, and an empty one when all is well.

    Attributes:
        taken: Of how many events' people it was kept what they look like.
    """

    def __init__(self, store: ModelStore, embeddings: EventEmbeddings, on_problem: Callable[[str], None] = lambda problem: None) -> None:
        self._store, self._embeddings, self._on_problem = store, embeddings, on_problem
        self._opened: tuple[str, tuple[int, int, int] | None, PersonEmbedder] | None = None
        self._lock = threading.Lock()
        self._problem = ""
        self.taken = 0

    def note(self, record: OpenRecord) -> None:
        """Keep what the person of an event looks like in its picture; a clearer picture replaces an earlier one.

        Nothing happens where the site does not want it, or the event is not about a person. What fails is told, and costs no proof.
        """
        name = record.camera.wanted.find_again
        if not name:
            return
        box = person_of(record)
        if box is None:
            return
        try:
            with self._lock:
                embedder = self._embedder(name)
                vector = embedder.embed(record.frame, box[None])[0]
            self._embeddings.save(record.event.event_id, Embedding(embedder.name, vector))
        except PanopsError as error:
            self._tell(f"people of events cannot be found again (evidence.find_again, one_alarm): {error}")
            return
        self.taken += 1
        self._tell("")

    def embed(self, name: str, frame: Frame, xyxy: NDArray[np.float32]) -> Embedding:
        """What somebody at a box (4,), px of a picture, looks like.

        Raises:
            PanopsError: The model cannot be used.
        """
        with self._lock:
            embedder = self._embedder(name)
            return Embedding(embedder.name, embedder.embed(frame, np.asarray(xyxy, np.float32)[None])[0])

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        with self._lock:
            if self._opened is not None:
                self._opened[2].close()
                self._opened = None

    def _embedder(self, name: str) -> PersonEmbedder:
        """The model that is active now; loaded when it is needed first, and again after somebody decided about its versions."""
        stamp = self._store.stamp(name)
        if self._opened is not None and self._opened[:2] == (name, stamp):
            return self._opened[2]
        if self._opened is not None:
            self._opened[2].close()
            self._opened = None
        embedder = open_embedder(self._store, name)
        self._opened = (name, stamp, embedder)
        return embedder

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            if problem:
                log.warning("%s", problem)
            self._problem = problem
            self._on_problem(problem)


def person_of(record: OpenRecord) -> NDArray[np.float32] | None:
    """The box (4,), px, of the event's person in its picture: of several the one that is seen best. None where none is large enough."""
    tracks, classes = record.tracks, record.camera.classes
    if PERSON not in classes or not len(tracks):
        return None
    mine = np.isin(tracks.track_id, np.array(record.event.incident.track_ids, np.int64))
    tall = tracks.xyxy[:, 3] - tracks.xyxy[:, 1] >= LEAST_HEIGHT_PX
    rows = np.flatnonzero(mine & tall & (tracks.class_id == classes.index(PERSON)))
    if not len(rows):
        return None
    best: NDArray[np.float32] = tracks.xyxy[rows[int(tracks.score[rows].argmax())]]
    return best
