"""The readers of faces of one process: cameras that ask for the same models share one, and newer versions are noticed."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from panops.config.schema import FacesConfig
from panops.domain.errors import PanopsError
from panops.models.store import ModelStore
from panops.pipeline.face_reader import ModelFaceReader
from panops.pipeline.open_face_reader import open_face_reader

_Names = tuple[str, ...]
_Stamps = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class _Opened:
    """A reader, and what the store said of its models before they were opened."""

    reader: ModelFaceReader | None
    stamps: _Stamps
    error: PanopsError | None = None


class FaceModels:
    """Opens them when the first camera asks. Any thread may ask; all readers are used by the analysis thread only.

    Args:
        store: Where models are.
        threads: Threads of each model.
    """

    def __init__(self, store: ModelStore, threads: int = 1) -> None:
        self._store = store
        self._threads = threads
        self._opened: dict[_Names, _Opened] = {}
        self._lock = Lock()

    def get(self, config: FacesConfig) -> ModelFaceReader:
        """What a camera reads faces by: of the versions that are active now.

        Raises:
            ModelError: A model is missing, or cannot be used; it is not tried again before somebody decided about one of them.
        """
        with self._lock:
            opened = self._opened.get(config.models)
            if opened is None or opened.stamps != self._stamps(config.models):
                opened = self._opened[config.models] = self._open(config)
        if opened.reader is None:
            raise opened.error or PanopsError("faces cannot be read")
        return opened.reader

    def may_work(self, config: FacesConfig) -> bool:
        """Whether `get` is worth another try: it works meanwhile, somebody decided about one of the models, or nobody asked yet."""
        opened = self._opened.get(config.models)
        return opened is None or opened.reader is not None or opened.stamps != self._stamps(config.models)

    def _open(self, config: FacesConfig) -> _Opened:
        stamps = self._stamps(config.models)
        liveness = config.liveness if config.live == "required" else ""
        try:
            reader = open_face_reader(self._store, config.detector, config.embedding, liveness, threads=self._threads)
        except PanopsError as error:
            return _Opened(None, stamps, error)
        return _Opened(reader, stamps)

    def _stamps(self, names: _Names) -> _Stamps:
        return tuple(self._store.stamp(name) for name in names)
