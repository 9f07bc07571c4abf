"""Which models read faces where people are enrolled: those of the site's cameras, so that what is enrolled can be compared there."""

from __future__ import annotations

from collections.abc import Callable

from panops.config.schema import SiteConfig
from panops.domain.faces import FaceReader
from panops.models.store import ModelStore
from panops.pipeline.face_reader import ModelFaceReader
from panops.pipeline.open_face_reader import DEFAULT_DETECTOR, DEFAULT_EMBEDDER, open_face_reader


def reader_opener(store: ModelStore, site: Callable[[], SiteConfig]) -> Callable[[], FaceReader]:
    """Gives a reader with the models and the threshold that the first camera with `faces` names, else the default ones.

    It is asked before each picture, by one thread at a time: the same reader comes again until another version was chosen, or the site
    names something else.

    Args:
        store: Where models are.
        site: The site's settings as they are now.
    """
    return _CurrentReader(store, site)


class _CurrentReader:
    def __init__(self, store: ModelStore, site: Callable[[], SiteConfig]) -> None:
        self._store = store
        self._site = site
        self._reader: ModelFaceReader | None = None
        self._of: object = None

    def __call__(self) -> FaceReader:
        config = next((camera.faces for camera in self._site().cameras.values() if camera.faces is not None), None)
        detector, embedder, threshold = DEFAULT_DETECTOR, DEFAULT_EMBEDDER, None
        if config is not None:
            detector, embedder, threshold = config.detector, config.embedding, config.threshold
        wanted = detector, embedder, threshold, self._store.stamp(detector), self._store.stamp(embedder)
        if self._reader is None or self._of != wanted:
            newer = open_face_reader(self._store, detector, embedder, threshold=threshold)
            if self._reader is not None:
                self._reader.close()
            self._reader, self._of = newer, wanted
        return self._reader
