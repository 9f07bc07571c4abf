"""Which models read faces where people are enrolled: those of the site's cameras, so that what is enrolled can be compared there."""

from __future__ import annotations

from collections.abc import Callable

from panops.config.schema import SiteConfig
from panops.domain.faces import FaceReader
from panops.models.store import ModelStore
from panops.pipeline.open_face_reader import open_face_reader


def reader_opener(store: ModelStore, site: Callable[[], SiteConfig]) -> Callable[[], FaceReader]:
    """Opens a reader with the models and the threshold that the first camera with `faces` names, else the default ones.

    Args:
        store: Where models are.
        site: The site's settings as they are when it is opened.
    """

    def open_reader() -> FaceReader:
        config = next((camera.faces for camera in site().cameras.values() if camera.faces is not None), None)
        if config is None:
            return open_face_reader(store)
        return open_face_reader(store, detector=config.detector, embedder=config.embedding, threshold=config.threshold)

    return open_reader
