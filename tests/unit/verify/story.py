"""A camera's pictures for the chain: a scene with texture, and things that stand, flap and walk in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.config.rule_schema import IntrusionConfig
from panops.config.verify_schema import VerifyConfig
from panops.domain.events import Event, EventPhase
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.tracks import Tracks, TrackState
from panops.rules.engine import RuleEngine
from panops.rules.intrusion import Intrusion
from panops.rules.scene import Scene
from panops.verify.build import build_chain
from panops.verify.chain import Chain

SIZE_WH = (640, 360)
CLASSES = ("person", "car")
FPS = 5.0


def texture(seed: int, size_wh: tuple[int, int], low: float = 60, high: float = 190) -> NDArray[np.uint8]:
    """(H, W) uint8: soft blotches, the same for the same seed."""
    rng = np.random.default_rng(seed)
    small = rng.uniform(low, high, (size_wh[1] // 8 + 2, size_wh[0] // 8 + 2)).astype(np.float32)
    return np.asarray(cv2.resize(small, size_wh, interpolation=cv2.INTER_CUBIC).clip(0, 255), dtype=np.uint8)


SCENE = texture(1, SIZE_WH)
PERSON = texture(2, (40, 100), 10, 250)
NOISE = np.random.default_rng(7).normal(0, 1.5, (12, SIZE_WH[1], SIZE_WH[0])).astype(np.float32)
TARP = texture(3, (60, 80), 0, 255)


@dataclass(frozen=True)
class Thing:
    """Something at one moment: what it looks like (None: as the scene does there), where, and what the detector makes of it."""

    box: tuple[float, float, float, float]
    track_id: int
    first_s: float
    look: NDArray[np.uint8] | None = None
    score: float = 0.8


@dataclass
class Camera:
    """One camera with an intrusion rule and a chain; time goes on by looks."""

    verify: VerifyConfig = field(default_factory=VerifyConfig)
    time_s: float = 1_700_000_000.0
    gain: float = 1.0
    chain: Chain | None = None
    sequence: int = 0
    events: dict[str, Event] = field(default_factory=dict)
    said: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chain = self.chain or build_chain(self.verify, CLASSES)
        config = IntrusionConfig(id="night", kind="intrusion", after_s=1.0, end_after_s=1.0)
        self.engine = RuleEngine("gate", [(config, Intrusion(config, Scene("gate", SIZE_WH, CLASSES)))], epoch=1)

    def look(self, *things: Thing) -> list[Event]:
        """One look; what is to be stored and told."""
        self.time_s += 1 / FPS
        self.sequence += 1
        picture = SCENE.astype(np.float32)
        for thing in things:
            if thing.look is not None:
                x1, y1, x2, y2 = (round(edge) for edge in thing.box)
                picture[y1:y2, x1:x2] = cv2.resize(thing.look, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA)
        grey = np.clip(picture * self.gain + NOISE[self.sequence % len(NOISE)], 0, 255).astype(np.uint8)
        frame = Frame("gate", self.sequence, self.time_s, self.time_s, ArrayPixels(np.repeat(grey[..., None], 3, axis=2)))
        tracks = self._tracks(things)
        assert self.chain is not None
        events = self.chain.judge(frame, tracks, self.engine.update(tracks))
        self.said += events
        self.events.update((event.event_id, event) for event in events)
        return events

    def empty(self, seconds: float) -> list[Event]:
        """Looks at nobody."""
        return [event for _ in range(round(seconds * FPS)) for event in self.look()]

    def stands(self, thing: Thing, seconds: float) -> list[Event]:
        """Something that stays where it is."""
        return [event for _ in range(round(seconds * FPS)) for event in self.look(thing)]

    def walks(self, seconds: float, track_id: int, start: tuple[float, float] = (100, 150), pace_px: float = 12.0) -> list[Event]:
        """Somebody walks to the right."""
        out, first_s = [], self.time_s + 1 / FPS
        for step in range(round(seconds * FPS)):
            x, y = start[0] + pace_px * step, start[1]
            out += self.look(Thing((x, y, x + 40, y + 100), track_id, first_s, PERSON))
        return out

    def flaps(self, seconds: float, track_id: int, at: tuple[float, float] = (400, 200)) -> list[Event]:
        """A tarp that the wind lifts: it is new, it moves, and it never leaves its place."""
        out, first_s = [], self.time_s + 1 / FPS
        for step in range(round(seconds * FPS)):
            x, y = at[0] + 14 * np.sin(1.1 * step), at[1] + 8 * np.sin(0.7 * step)
            out += self.look(Thing((x, y, x + 60, y + 80), track_id, first_s, TARP))
        return out

    def _tracks(self, things: tuple[Thing, ...]) -> Tracks:
        count, now = len(things), np.full(len(things), self.time_s)
        return Tracks(
            "gate", self.time_s, np.array([thing.track_id for thing in things], np.int64),
            np.array([thing.box for thing in things], np.float32).reshape(-1, 4), np.array([thing.score for thing in things], np.float32),
            np.zeros(count, np.int64), np.full(count, TrackState.CONFIRMED.value, np.int64),
            np.array([thing.first_s for thing in things], np.float64), now, np.arange(count),
        )  # fmt: skip

    @property
    def told(self) -> list[Event]:
        """Events that people hear of, by their newest message."""
        return [event for event in self.events.values() if not event.is_suppressed]

    @property
    def suppressed(self) -> list[Event]:
        """The others."""
        return [event for event in self.events.values() if event.is_suppressed]

    def begun(self) -> list[Event]:
        """Messages that begin an event, in order."""
        return [event for event in self.said if event.phase is EventPhase.BEGIN]
