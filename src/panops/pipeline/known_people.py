"""Who is known, on its way from the gallery to the cameras: the supervisor opens it and tells every shard, which tells its face looks.

Shards never have the key. What they are told stays in their memory, and a person who was deleted is gone from it within some seconds.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import numpy as np

from panops.domain.errors import PanopsError, StorageError
from panops.domain.faces import KnownFaces, KnownPerson
from panops.pipeline.link import Message
from panops.storage.gallery import Gallery

log = logging.getLogger(__name__)

KIND = "known_faces"
# A frame of the link may have 64 MiB; embeddings are told as text, which is a third longer.
_MOST_BYTES = 36 << 20


@runtime_checkable
class ComparesFaces(Protocol):
    """A look at a camera's people that compares faces."""

    @property
    def face_model(self) -> str:
        """By what it reads faces, as `FaceReader.name`."""
        ...

    def faces_known(self, known: KnownFaces | None) -> None:
        """These are known from now on; None while nobody has told."""
        ...


class Hears(Protocol):
    """A shard that can be told something."""

    index: int

    def send(self, message: Message) -> bool:
        """Tell it; False where it takes nothing now."""
        ...


class KnownTeller:
    """In the supervisor: reads the gallery when it changed, and tells every shard.

    Args:
        gallery: Who is known.
        shards: Those that run now.
    """

    def __init__(self, gallery: Gallery, shards: Callable[[], Iterable[Hears]]) -> None:
        self._gallery = gallery
        self._shards = shards
        self._revision = -1
        self._message: Message | None = None
        self._told: dict[int, int] = {}

    async def greeting(self, index: int) -> list[Message]:
        """What a fresh shard is told before its cameras; nothing where the gallery cannot be read, which `follow` complains of."""
        try:
            await self._refresh()
        except PanopsError as error:
            log.error("no camera knows anybody: %s", error)
        self._told.pop(index, None)
        if self._message is None:
            return []
        self._told[index] = self._revision
        return [self._message]

    async def follow(self) -> None:
        """Tell whoever does not know yet what is known now.

        Raises:
            PanopsError: The gallery cannot be read, or is too large: shards know what they knew.
        """
        await self._refresh()
        message, revision = self._message, self._revision
        if message is None:
            return
        for shard in self._shards():
            if self._told.get(shard.index) != revision and shard.send(message):
                self._told[shard.index] = revision

    async def _refresh(self) -> None:
        revision = await asyncio.to_thread(self._gallery.revision)
        if revision != self._revision:
            self._message = await asyncio.to_thread(self._read)
            self._revision = revision

    def _read(self) -> Message:
        known = [self._gallery.known(model) for model in sorted(self._gallery.models())]
        size_bytes = sum(one.embedding.nbytes for one in known)
        if size_bytes > _MOST_BYTES:
            count = sum(map(len, known))
            raise StorageError(
                f"expected known faces of at most {_MOST_BYTES >> 20} MiB for the cameras, got {count} pictures of more: delete some"
            )
        return {"type": KIND, "galleries": [known_to_wire(one) for one in known]}


class KnownHere:
    """In a shard: what the supervisor said, for face looks that run and those that begin.

    Args:
        loops: The cameras' loops by id, each with its `looks`.
    """

    def __init__(self, loops: Mapping[str, Any]) -> None:
        self._loops = loops
        self._galleries: tuple[KnownFaces, ...] | None = None
        self._told: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

    def take(self, message: Message) -> None:
        """Others are known from now on."""
        self._galleries = tuple(map(known_from_wire, message["galleries"]))
        for loop in tuple(self._loops.values()):
            self.tell(loop.looks)

    def tell(self, looks: Iterable[object]) -> None:
        """Tell those looks of a camera that compare faces."""
        for look in looks:
            if isinstance(look, ComparesFaces):
                self._told[look] = model = look.face_model
                look.faces_known(self.known_to(model))

    def refresh(self) -> None:
        """Tell those looks anew that have taken up another model since."""
        for loop in tuple(self._loops.values()):
            self.tell(look for look in loop.looks if isinstance(look, ComparesFaces) and self._told.get(look) != look.face_model)

    def known_to(self, model: str) -> KnownFaces | None:
        """What whoever reads faces by a model may compare with: that model's, else the most, so that it can say that they do not fit."""
        if self._galleries is None:
            return None
        found = next((one for one in self._galleries if one.model == model), None)
        return found or max((one for one in self._galleries if len(one)), key=len, default=nobody(model))


def nobody(model: str) -> KnownFaces:
    """A gallery without anybody."""
    return KnownFaces(model, (), np.zeros((0, 0), np.float32), np.zeros(0, np.int64), np.zeros(0, np.bool_))


def known_to_wire(known: KnownFaces) -> Message:
    """As JSON."""
    return {
        "model": known.model,
        "people": [[one.person_id, one.name, list(one.lists)] for one in known.people],
        "shape": list(known.embedding.shape),
        "embedding": base64.b64encode(np.ascontiguousarray(known.embedding, "<f4").tobytes()).decode("ascii"),
        "person": known.person.tolist(),
        "negative": known.negative.tolist(),
    }


def known_from_wire(data: Message) -> KnownFaces:
    """What `known_to_wire` made."""
    embedding = np.frombuffer(base64.b64decode(data["embedding"]), "<f4").reshape(data["shape"]).astype(np.float32)
    people = tuple(KnownPerson(person_id, name, tuple(lists)) for person_id, name, lists in data["people"])
    return KnownFaces(data["model"], people, embedding, np.array(data["person"], np.int64), np.array(data["negative"], np.bool_))
