"""A site's database with judged events, made like the live pipeline makes them: snapshot, annotated picture, trail, verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.config.schema import SiteConfig
from panops.domain.events import Event, EventPhase, EvidenceKind, Incident, Severity
from panops.domain.places import Box
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.storage.records import ReviewStatus
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from panops.storage.trail import TrackTrail

START_S = 1_760_000_000.0
APART_S = 900.0
Thing = tuple[int, str, float, Box]


class JudgedSite:
    """Use it in a `with` statement.

    Args:
        home: PANOPS_HOME.
        min_score: Of its cameras.
        cameras: Their names.
    """

    def __init__(self, home: Path, min_score: float = 0.35, cameras: Sequence[str] = ("yard", "gate")) -> None:
        self.home = Home(home).create()
        self.database = Database.at(self.home.path).open()
        self.evidence = EvidenceStore(self.database, self.home.evidence)
        config = {"cameras": {name: {"source": f"sim://{name}", "min_score": min_score} for name in cameras}}
        SiteRepository(self.database).apply(SiteConfig.model_validate(config))
        self._count = 0

    def __enter__(self) -> JudgedSite:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def event(
        self,
        image: NDArray[np.uint8] | None,
        box_px: Sequence[float],
        *,
        false_alarm: bool | None,
        camera: str = "yard",
        at_s: float | None = None,
        class_name: str = "person",
        kind: str = "intrusion",
        rule: str = "anyone",
        tracks: tuple[int, ...] | None = None,
        others: Sequence[Thing] = (),
        with_trail: bool = True,
        has_box: bool = True,
    ) -> str:
        """Add an event with its proof; RGB image, box in px of it. Events lie a quarter of an hour apart unless `at_s` is given."""
        self._count += 1
        event_id, track_ids = f"{camera}-1-{self._count}", tracks or (self._count,)
        started_s = START_S + APART_S * self._count if at_s is None else at_s
        height, width = (360, 640) if image is None else image.shape[:2]
        box = (box_px[0] / width, box_px[1] / height, box_px[2] / width, box_px[3] / height)
        incident = Incident(
            f"k{self._count}", EventPhase.END, kind, class_name, "floor", track_ids, 0.8, started_s, started_s + 3, started_s + 3,
            box if has_box else None,
        )  # fmt: skip
        events = EventRepository(self.database)
        events.save([Event(event_id, camera, rule, Severity.ALARM, incident)])
        at = started_s + 1.0
        if image is not None:
            done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
            assert done
            self.evidence.add_bytes(event_id, EvidenceKind.SNAPSHOT, data.tobytes(), at, at)
            self.evidence.add_bytes(event_id, EvidenceKind.ANNOTATED, b"drawn on", at, at)
        if with_trail:
            rows: list[Thing] = [(track_ids[0], class_name, 0.8, box), *others]
            TrackTrail(self.database).save_trail(event_id, [(at - 0.2, []), (at, rows), (at + 0.2, rows)])
        if false_alarm is not None:
            status = ReviewStatus.FALSE_ALARM if false_alarm else ReviewStatus.TRUE_ALARM
            events.review(Scope.everything(), event_id, status=status, user="ann", at_s=at + 60)
        return event_id
