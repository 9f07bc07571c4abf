"""Which models read faces where people are enrolled: those of the site's cameras, so that what is enrolled can be compared there."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from panops.config.schema import SiteConfig
from panops.domain.errors import ModelError
from panops.domain.faces import FaceReader
from panops.models.store import ModelStore


def reader_opener(store: ModelStore, site: Callable[[], SiteConfig]) -> Callable[[], FaceReader]:
    """Opens a reader with the models that the first camera with `faces` names, else the default ones.

    Args:
        store: Where models are.
        site: The site's settings as they are when it is opened.
    """

    def open_reader() -> FaceReader:
        config = next((found for camera in site().cameras.values() if (found := getattr(camera, "faces", None)) is not None), None)
        named = {} if config is None else {"detector": config.detector, "embedder": config.embedding}
        try:
            opened: FaceReader = import_module("panops.pipeline.open_face_reader").open_face_reader(store, **named)
        except ImportError as error:
            raise ModelError("this panops has no models that tell faces apart") from error
        return opened

    return open_reader
