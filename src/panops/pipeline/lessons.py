"""What people say of events goes to the chains of the cameras that run, so that what was a false alarm once is none again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Lock

from panops.domain.clock import Clock
from panops.domain.errors import StorageError
from panops.pipeline.camera_loop import CameraLoop
from panops.storage.judgements import JudgementStore
from panops.verify.chain import Chain

log = logging.getLogger(__name__)

_EVERY_S = 2.0


class Lessons:
    """One shard's. Used by one thread.

    Args:
        store: What people said.
        loops: The cameras that run.
        between_rounds: Held while a chain takes over what it is to know.
        clock: Time.
    """

    def __init__(self, store: JudgementStore, loops: Mapping[str, CameraLoop], between_rounds: Lock, clock: Clock) -> None:
        self._store = store
        self._loops = loops
        self._between_rounds = between_rounds
        self._clock = clock
        self._taken = -1
        self._asked_s = float("-inf")

    def first(self, camera_id: str, chain: Chain) -> None:
        """What was said so far, to a chain that does not run yet."""
        try:
            chain.learn(self._store.of([camera_id]).get(camera_id, ()))
        except StorageError as error:
            log.warning("camera %s: what people said of its events cannot be read yet: %s", camera_id, error)
            self._taken = -1

    def take(self) -> None:
        """Take over what somebody said of an event in the meantime; asked about every second, it looks every other time."""
        now_s = self._clock.monotonic_s()
        if now_s - self._asked_s < _EVERY_S:
            return
        self._asked_s = now_s
        try:
            revision = self._store.revision()
            if revision == self._taken:
                return
            asked = tuple(self._loops)
            said = self._store.of(asked)
        except StorageError as error:
            log.warning("what people said of events cannot be read: %s", error)
            return
        for camera_id in asked:
            loop = self._loops.get(camera_id)
            if loop is not None and loop.chain is not None:
                learnt = loop.chain.read(said.get(camera_id, ()))  # takes its time: not while all cameras wait
                with self._between_rounds:
                    loop.chain.take(learnt)
        self._taken = revision
