"""What is given up when there is more work than the machine can do, and in which order.

One number says how much: the *relief*, from 0 (nothing) to 1 (everything but the safety floor). It rises while work waits too long or the
machine is full, and falls while there is room, each the faster the further things are from a narrow band between the two, in which it
rests: so it settles where the machine is well used, and does not swing. What it buys, in this order:

1. background work: models that only look on;
2. programs' requests to models, which `inference_desk` refuses above a relief of 0.05;
3. idle cameras' rate: cameras in mode `auto` sleep while nothing happens, more of them the higher it is;
4. what secondary models would look at, on all cameras;
5. the check rate, for all cameras alike, down to the floor of one look a second;
6. decoding: of each group of pictures only so much that the floor holds.

The floor itself, a look a second at an awake camera, every keyframe of a sleeping one, is not given up as long as there is time for it.
Where even that takes more than there is, the process is *drowned*: then every camera is looked at by its keyframes alone, which come to
their turn while they are fresh; without that most of the time goes into pictures that are too old when it does.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

from panops.pipeline.gop_tail import FLOOR_S

# Up to which relief each step takes; the first one begins as soon as there is any.
_SLEEP_ALL = 0.4
_CHECKS_AT_FLOOR = 0.8
# A camera that sleeps is not woken by a small change of the relief.
_STAY_ASLEEP = 0.25
# Work that waits so long means too much of it, s: a fifth of the time between two looks.
_DECODE_WAIT_S = 0.1
_ANALYSIS_WAIT_S = 0.2
# A machine this full has no room for the next passer-by.
_FULL = 0.95
# Below this share of all three there is room again.
_ROOM = 0.94
# A second, for each whole by which things are beyond the band. Relief takes a second or two to show, and a tenth of it is a quarter of
# the work, so faster would swing.
_RISE_A_S = 0.18
_FALL_A_S = 0.08
_FASTEST_RISE_A_S = 0.18
# At full relief, with waits as long as that, things are out of hand; they are in hand again when there was room for so long, s.
_OUT_OF_HAND = 3.0
_IN_HAND_S = 15.0


@dataclass(frozen=True, slots=True)
class Reading:
    """How things stand.

    Attributes:
        decode_wait_s: How long packets wait for a decode worker, s.
        analysis_wait_s: How long checks wait for the detector, s.
        machine: Share of the machine's time that is in use by anybody, 0..1, background processes left out; None where it is not known.
    """

    decode_wait_s: float
    analysis_wait_s: float
    machine: float | None = None

    @property
    def waiting(self) -> float:
        """How long work waits: above 1 too long, below `_ROOM` there is room for more."""
        return max(self.decode_wait_s / _DECODE_WAIT_S, self.analysis_wait_s / _ANALYSIS_WAIT_S)

    @property
    def fullness(self) -> float:
        """How full the machine is, in the same measure."""
        return 0.0 if self.machine is None else self.machine / _FULL


class Governor:
    """One shard's. Stepped about once a second by one thread; anybody may ask.

    Attributes:
        relief: How much is given up, 0..1.
        reading: The newest reading.
        drowned: Whether even the floor takes more time than there is.
    """

    def __init__(self) -> None:
        self.relief = 0.0
        self.reading = Reading(0.0, 0.0)
        self.drowned = False
        self._in_hand_s = 0.0
        self._asleep: set[str] = set()

    def step(self, reading: Reading, elapsed_s: float) -> None:
        """Take a new reading into account, `elapsed_s` after the one before."""
        self.reading = reading
        if self.drowned:
            # Waits are short because of it: so all else stays given up meanwhile, and is taken up again step by step afterwards.
            self._in_hand_s = self._in_hand_s + elapsed_s if reading.waiting < _ROOM else 0.0
            self.drowned = self._in_hand_s < _IN_HAND_S
            return
        # A full machine whose work does not wait puts cameras to sleep, and that is all: what fills it may be somebody else.
        least = _SLEEP_ALL if reading.fullness > 1.0 else 0.0
        above = reading.waiting if self.relief >= _SLEEP_ALL and least else max(reading.waiting, reading.fullness)
        if above > 1.0:
            most = 1.0 if reading.waiting > 1.0 else max(self.relief, _SLEEP_ALL)
            self.relief = min(most, self.relief + min(_FASTEST_RISE_A_S, _RISE_A_S * (above - 1.0)) * elapsed_s)
        elif above < _ROOM:
            self.relief = max(min(self.relief, least), self.relief - _FALL_A_S * (1.0 - above / _ROOM) * elapsed_s)
        if self.relief == 1.0 and reading.waiting > _OUT_OF_HAND:
            self.drowned, self._in_hand_s = True, 0.0

    @property
    def background(self) -> bool:
        """Whether there is room for background work."""
        return self.relief == 0.0

    def may_sleep(self, camera_id: str) -> bool:
        """Whether a camera in mode `auto` may sleep while nothing happens on it. Which of them may is settled by their names."""
        share = self.relief / _SLEEP_ALL
        rank = zlib.crc32(camera_id.encode()) / 2**32
        if rank < share:
            self._asleep.add(camera_id)
        elif rank >= share + _STAY_ASLEEP or self.relief == 0.0:
            self._asleep.discard(camera_id)
        return camera_id in self._asleep

    def check_fps(self, wanted_fps: float) -> float:
        """How many checks a second are left to a camera that wants `wanted_fps`."""
        share = min(1.0, max(0.0, (self.relief - _SLEEP_ALL) / (_CHECKS_AT_FLOOR - _SLEEP_ALL)))
        floor_fps = min(wanted_fps, 1.0 / FLOOR_S)
        return float(wanted_fps * (floor_fps / wanted_fps) ** share)

    def only_floor(self, camera_id: str) -> bool:
        """Whether of this camera's groups of pictures only so much is decoded as the floor needs."""
        share = (self.relief - _CHECKS_AT_FLOOR) / (1.0 - _CHECKS_AT_FLOOR)
        return zlib.crc32(camera_id.encode()) / 2**32 < share

    def forget(self, camera_id: str) -> None:
        """A camera went away."""
        self._asleep.discard(camera_id)

    @property
    def words(self) -> str:
        """What is given up, for people; empty for nothing."""
        if self.relief == 0.0:
            return ""
        if self.drowned:
            return "background work waits, of all cameras only keyframes are looked at"
        parts = ["background work waits"]
        if self.relief < _SLEEP_ALL:
            parts.append(f"{100 * self.relief / _SLEEP_ALL:.0f} % of idle cameras may sleep")
        else:
            parts.append("idle cameras sleep")
        if self.relief > _SLEEP_ALL:
            parts.append(
                f"checks at {100 * self.check_fps(5.0) / 5.0:.0f} % of their rate"
                if self.relief < _CHECKS_AT_FLOOR
                else "one look a second"
            )
        if self.relief > _CHECKS_AT_FLOOR:
            parts.append("pictures are left out")
        return ", ".join(parts)


class MachineLoad:
    """How much of the machine's processor time is in use; from /proc/stat, so in a container that of its host."""

    def __init__(self, path: Path = Path("/proc/stat")) -> None:
        self._path = path
        self._last = self._read()

    def share(self) -> float | None:
        """Share in use since the last call, 0..1; None where the system does not tell."""
        before, now = self._last, self._read()
        self._last = now
        if before is None or now is None or now[1] <= before[1]:
            return None
        return 1.0 - (now[0] - before[0]) / (now[1] - before[1])

    def _read(self) -> tuple[int, int] | None:
        """Ticks that nobody used, or only processes that give way (`nice`), and all ticks."""
        try:
            with self._path.open(encoding="ascii") as file:
                ticks = [int(field) for field in file.readline().split()[1:9]]
        except (OSError, ValueError):
            return None
        return (ticks[1] + ticks[3] + ticks[4], sum(ticks)) if len(ticks) >= 5 else None
