"""A camera that sleeps sees what one that never sleeps sees: real H.264, decoder, gate, tracker and rules; only the clock is made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panops.config.rule_schema import IntrusionConfig
from panops.config.schema import CameraConfig
from panops.domain.clock import SystemClock
from panops.domain.events import Event, EventPhase
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.address import parse_address
from panops.ingest.file import FileSource
from panops.ingest.packet_ring import PacketRing
from panops.ingest.pending import PendingPackets
from panops.motion.sleep import LONGEST_INTERVAL_S, REST_S, SleepSchedule, advice
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.camera_turn import CameraTurn
from panops.pipeline.check import Check, Outcome
from panops.pipeline.previews import Previewer
from panops.pipeline.stage_meter import StageMeter
from panops.rules.engine import RuleEngine
from panops.rules.intrusion import Intrusion
from panops.rules.scene import Scene
from panops.testing.films import encode
from panops.tracking.tracker import BatchTracker

from .test_camera_loop import BoxDetector

SIZE = (160, 96)
RATE_FPS = 10
GOP = 20
LENGTH_S = 70.0
# One that begins just after a keyframe, one that is over before the next keyframe but one, one that begins just before a keyframe.
VISITS = ((12.1, 16.0), (31.3, 35.2), (51.9, 56.0))


class MediaClock(SystemClock):
    """Shows the time of the newest packet."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def utc_s(self) -> float:
        return self.now_s

    def monotonic_s(self) -> float:
        return self.now_s


@dataclass
class Feed:
    """What a `CameraFeed` is to a turn, filled by hand."""

    info: StreamInfo
    ring: PacketRing = field(default_factory=lambda: PacketRing(20.0, 10**8))
    pending: PendingPackets = field(default_factory=PendingPackets)
    quiet: bool = False
    keyframe_interval_s: float | None = GOP / RATE_FPS
    keyframe_waited_s: float = 0.0

    def arrive(self, packet: Packet) -> None:
        packet = replace(packet, arrived_s=packet.captured_at_s)
        self.ring.append(packet)
        if packet.is_keyframe or not self.quiet:
            self.pending.append(packet)

    def take_pending(self, most: int) -> list[Packet]:
        return self.pending.take(most)

    def catch_up(self, before_s: float) -> int:
        return self.pending.catch_up(before_s)


class Analysis:
    """What an `AnalysisLoop` is to a turn; every check is analysed at once, or after `hold` more were offered."""

    def __init__(self, loop: CameraLoop) -> None:
        self.outcomes: list[Outcome] = []
        self._analyst = Analyst(BatchTracker(), {loop.camera_id: loop})
        self._analyst.begin(loop)
        self.waiting: list[Check] = []
        self.most = 0

    def room(self, camera_id: str) -> int:
        return max(0, 4 - len(self.waiting))

    def offer(self, check: Check) -> None:
        self.waiting.append(check)
        self.most = max(self.most, len(self.waiting))

    def work(self) -> None:
        while self.waiting:
            self.outcomes += self._analyst.round([self.waiting.pop(0)])


@dataclass
class Site:
    """One camera and what came of it."""

    loop: CameraLoop
    feed: Feed
    analysis: Analysis
    turn: CameraTurn
    clock: MediaClock

    def play(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            self.clock.now_s = packet.captured_at_s
            self.feed.arrive(packet)
            if packet.is_keyframe or not self.feed.quiet:
                self.decode()

    def decode(self) -> None:
        more = True
        while more or self.turn.is_replaying:
            more = self.turn.take()
            self.analysis.work()

    @property
    def events(self) -> list[Event]:
        return [event for outcome in self.analysis.outcomes for event in outcome.events if event.phase is EventPhase.END]

    @property
    def looked_s(self) -> list[float]:
        return [round(outcome.check.frame.captured_at_s, 3) for outcome in self.analysis.outcomes]


def make_site(info: StreamInfo, **camera: Any) -> Site:
    config = CameraConfig.model_validate({"source": "x.mp4", "frozen_s": 0, **camera})
    clock, detector = MediaClock(), BoxDetector()

    def make_rules(size_wh: tuple[int, int], first: int) -> RuleEngine:
        rule = IntrusionConfig(id="r", kind="intrusion", after_s=0.5, end_after_s=1.0)
        return RuleEngine("cam", [(rule, Intrusion(rule, Scene("cam", size_wh, detector.classes, {}, {})))], 7, first)

    loop = CameraLoop("cam", config, detector, make_rules, np.array([True, False]), clock)
    feed, analysis = Feed(info), Analysis(loop)
    turn = CameraTurn(feed, loop, analysis, Previewer(lambda _: True), StageMeter(), clock)  # type: ignore[arg-type]  # see the classes
    return Site(loop, feed, analysis, turn, clock)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[StreamInfo, list[Packet]]:
    """A noisy scene with visits of a white box that walks through it."""

    def picture(number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        image = np.full((SIZE[1], SIZE[0], 3), 64, np.uint8)
        image += np.random.default_rng(number).integers(0, 8, image.shape, dtype=np.uint8)
        for start_s, end_s in VISITS:
            if start_s <= number / RATE_FPS < end_s:
                left = int((number / RATE_FPS - start_s) * 24)
                image[30:78, left : left + 24] = 250
        return image

    path = tmp_path_factory.mktemp("sleep") / "visits.mp4"
    encode("libx264", (picture(number) for number in range(int(LENGTH_S * RATE_FPS))), path, rate_fps=RATE_FPS, gop=GOP)
    return read(path)


def read(path: Path) -> tuple[StreamInfo, list[Packet]]:
    source = FileSource(parse_address(str(path)), SystemClock(), realtime=False)
    info = source.open()
    packets = list(iter(source.read, None))
    source.close()
    return info, packets


def test_no_event_is_lost_or_late_because_a_camera_slept(film: tuple[StreamInfo, list[Packet]]) -> None:
    info, packets = film
    awake, asleep = make_site(info, sleep="never"), make_site(info, sleep="always")
    for site in (awake, asleep):
        site.play(packets)
    assert len(awake.events) == len(VISITS)
    for event, (start_s, end_s) in zip(awake.events, VISITS, strict=True):
        assert event.incident.started_at_s == pytest.approx(start_s, abs=0.25)
        assert event.incident.ended_at_s == pytest.approx(end_s, abs=0.45)
    told = [(event.event_id, event.incident.started_at_s, event.incident.ended_at_s) for event in awake.events]
    assert [(event.event_id, event.incident.started_at_s, event.incident.ended_at_s) for event in asleep.events] == told
    # Each visit woke it once, and it looked at every moment of them as the other one did.
    assert asleep.loop.sleep.woken == len(VISITS)
    for start_s, end_s in VISITS:
        from_s = start_s // (GOP / RATE_FPS) * (GOP / RATE_FPS)
        during = [at_s for at_s in awake.looked_s if from_s <= at_s <= end_s + 1.0]
        assert [at_s for at_s in asleep.looked_s if from_s <= at_s <= end_s + 1.0] == during
    assert asleep.looked_s == sorted(asleep.looked_s)
    assert not asleep.loop.counters.dropped
    assert not asleep.loop.undecodable
    # While it slept, it decoded keyframes only.
    assert asleep.loop.counters.decoded < 0.75 * awake.loop.counters.decoded
    assert [at_s for at_s in asleep.looked_s if 26.1 < at_s < 30.1] == [28.0, 30.0]


def test_what_was_slept_through_waits_for_room_and_nothing_of_it_is_replaced(film: tuple[StreamInfo, list[Packet]]) -> None:
    info, packets = film
    site = make_site(info, sleep="always", check_fps=10)
    for packet in packets[: int(14.5 * RATE_FPS)]:
        site.clock.now_s = packet.captured_at_s
        site.feed.arrive(packet)
        if packet.is_keyframe or not site.feed.quiet:
            site.turn.take()
            if site.loop.sleep.woken == 0:
                site.analysis.work()
    assert site.turn.is_replaying
    assert site.analysis.most <= 4 + 8  # a turn's packets at most beyond the room
    before = len(site.analysis.outcomes)
    site.decode()
    looked = site.looked_s[before - 1 :]
    assert np.allclose(np.diff(looked), 0.1, atol=1e-6)
    assert looked[-1] == pytest.approx(packets[int(14.5 * RATE_FPS) - 1].captured_at_s, abs=1e-6)


def test_packets_that_arrive_while_it_wakes_are_decoded_once(film: tuple[StreamInfo, list[Packet]]) -> None:
    info, packets = film
    site = make_site(info, sleep="always")
    site.play(packets[:100])
    assert site.loop.sleep.asleep
    for packet in packets[100:104]:  # none of them is taken yet
        site.clock.now_s = packet.captured_at_s
        site.feed.arrive(packet)
    site.feed.quiet = False  # as `PacketWalk.go_back` does before it looks into the ring
    site.feed.arrive(packets[104])
    site.loop.watched = True
    site.play(packets[105:140])
    newest = site.loop.newest
    assert newest is not None
    assert newest.captured_at_s == packets[139].captured_at_s
    assert not site.loop.undecodable
    assert site.looked_s == sorted(set(site.looked_s))


@pytest.mark.parametrize("reason", ["watched", "tracked", "not_allowed"])
def test_what_else_wakes_a_camera(film: tuple[StreamInfo, list[Packet]], reason: str) -> None:
    info, packets = film
    site = make_site(info, sleep="auto")
    site.loop.ease(may_sleep=True, check_fps=5, only_floor=False)
    site.play(packets[:100])
    assert site.loop.sleep.asleep
    if reason == "watched":
        site.loop.watched = True
    elif reason == "tracked":
        site.loop.tracks = next(outcome.tracks for outcome in walked(info, packets) if len(outcome.tracks))
    else:
        site.loop.ease(may_sleep=False, check_fps=5, only_floor=False)
    site.decode()
    site.play(packets[100:105])
    assert not site.loop.sleep.asleep
    assert not site.feed.quiet
    assert site.loop.counters.decoded > 100 / 2


def walked(info: StreamInfo, packets: Sequence[Packet]) -> list[Outcome]:
    site = make_site(info, sleep="never")
    site.play(packets[:140])
    return site.analysis.outcomes


def test_only_a_loaded_machine_puts_auto_to_sleep(film: tuple[StreamInfo, list[Packet]]) -> None:
    info, packets = film
    site = make_site(info)
    site.play(packets[:110])
    assert not site.loop.sleep.asleep
    site.loop.ease(may_sleep=True, check_fps=5, only_floor=False)
    site.play(packets[110:115])
    assert site.loop.sleep.asleep


def test_under_the_worst_load_a_look_a_second_is_left(film: tuple[StreamInfo, list[Packet]]) -> None:
    info, packets = film
    site = make_site(info, sleep="never")
    site.play(packets[:3])  # the keyframe interval is known from the connection; the loop learns it with its first turn
    site.loop.ease(may_sleep=False, check_fps=1, only_floor=True)
    site.play(packets[3:])
    steps = np.diff(site.looked_s[2:])
    assert steps.max() <= 1.1 + 1e-6
    assert site.loop.counters.decoded <= 0.6 * len(packets)
    made, missed = len(site.looked_s), site.loop.given_up["overload"]
    assert made + missed == pytest.approx(5 * LENGTH_S, abs=3)


@pytest.mark.parametrize("check_fps", [1.0, 5.0])
@pytest.mark.parametrize(("rate_fps", "gop"), [(5, 10), (10, 5), (20, 20), (25, 25), (25, 50), (30, 30), (15, 60)])
def test_the_floor_holds_whatever_the_camera_sends(tmp_path: Path, rate_fps: int, gop: int, check_fps: float) -> None:
    noise = np.random.default_rng(0)
    pictures = (noise.integers(60, 70, (SIZE[1], SIZE[0], 3), dtype=np.uint8) for _ in range(20 * rate_fps))
    info, packets = read(encode("libx264", pictures, tmp_path / "film.mp4", rate_fps=rate_fps, gop=gop))
    site = make_site(info, sleep="never", check_fps=check_fps)
    site.feed.keyframe_interval_s = gop / rate_fps
    site.loop.ease(may_sleep=False, check_fps=min(1.0, check_fps), only_floor=True)
    site.play(packets)
    steps = np.diff(site.looked_s)
    assert len(steps) >= 15
    assert steps.max() <= 1.15 + 1 / rate_fps
    assert len(site.looked_s) + site.loop.given_up.get("overload", 0) == pytest.approx(check_fps * 20, abs=3)


def test_a_sleeping_camera_whose_keyframes_stop_wakes(film: tuple[StreamInfo, list[Packet]]) -> None:
    info, packets = film
    site = make_site(info, sleep="always")
    site.play(packets[:101])  # the last one is a keyframe
    assert site.loop.sleep.asleep
    for packet in packets[101:120]:
        site.feed.arrive(packet)
        site.clock.now_s = packet.captured_at_s
    assert not site.turn.must_wake
    site.feed.keyframe_waited_s = 5.1  # and none comes
    assert site.turn.must_wake
    site.decode()
    assert not site.loop.sleep.asleep
    assert site.looked_s[-1] == packets[119].captured_at_s - 0.1
    site.clock.now_s += 60
    site.feed.keyframe_waited_s = 65.0
    assert not site.turn.must_wake


def test_keyframes_that_have_become_rare_end_a_sleep_under_load() -> None:
    auto = SleepSchedule("auto")
    auto.allowed = True
    auto.fall_asleep()
    assert not auto.must_wake(2.0)
    assert auto.must_wake(LONGEST_INTERVAL_S + 1)
    assert auto.must_wake(None)
    always = SleepSchedule("always")
    always.fall_asleep()
    assert not always.must_wake(LONGEST_INTERVAL_S + 1)
    assert not always.misses_keyframes(19.0, 10.0)
    assert always.misses_keyframes(21.0, 10.0)


def test_what_comes_while_a_camera_looks_back_is_looked_at_too(film: tuple[StreamInfo, list[Packet]]) -> None:
    """The detector is slow, so a replay of two seconds takes four: what came meanwhile is late by then, and yet it is not skipped."""
    info, packets = film
    site = make_site(info, sleep="always")
    for number, packet in enumerate(packets[:220]):
        site.clock.now_s = packet.captured_at_s
        site.feed.arrive(packet)
        if number < 140 or number > 180:  # nobody had time for it for four seconds
            while site.turn.take() or site.turn.is_replaying:
                site.analysis.work()
            site.analysis.work()
        elif number == 140:
            site.turn.take()  # it wakes, and looks at the first of what it slept through
    assert site.loop.sleep.woken == 1
    assert site.feed.pending.dropped["late"] == 0
    looked = np.array(site.looked_s)
    assert np.diff(looked[looked > 12.0]).max() <= 0.2 + 1e-6


def test_when_looks_are_given_up_a_camera_falls_asleep_sooner_and_makes_up_for_less(film: tuple[StreamInfo, list[Packet]]) -> None:
    info, packets = film
    site = make_site(info, sleep="always")
    site.loop.ease(may_sleep=True, check_fps=2.0, only_floor=False)
    site.play(packets[:50])
    assert site.loop.sleep.asleep  # after five seconds
    site.loop.ease(may_sleep=True, check_fps=5.0, only_floor=False)
    site.play(packets[50:60])
    late = make_site(info, sleep="always")
    for number, packet in enumerate(packets[:220]):
        late.clock.now_s = packet.captured_at_s
        late.feed.arrive(packet)
        if number < 140 or number > 180:
            while late.turn.take() or late.turn.is_replaying:
                late.analysis.work()
            late.analysis.work()
        elif number == 140:
            late.turn.take()
            late.loop.ease(may_sleep=True, check_fps=2.0, only_floor=False)
    assert late.feed.pending.dropped["late"] > 10  # it goes on with what is new


def test_when_pictures_are_left_out_what_was_slept_through_is_too(film: tuple[StreamInfo, list[Packet]]) -> None:
    info, packets = film
    plain, pressed = make_site(info, sleep="always"), make_site(info, sleep="always")
    for site in (plain, pressed):
        site.play(packets[:110])
        assert site.loop.sleep.asleep
    pressed.loop.ease(may_sleep=True, check_fps=1.0, only_floor=True)
    for site in (plain, pressed):
        before = site.loop.counters.decoded
        site.play(packets[110:141])  # somebody comes at 12.1 s, the keyframe at 14 s shows it
        assert not site.loop.sleep.asleep
        assert (site.loop.counters.decoded - before > 20) is (site is plain)
    pressed.play(packets[141:])
    assert len(pressed.events) >= 2  # later, but told


def test_of_a_drowned_process_keyframes_are_looked_at(film: tuple[StreamInfo, list[Packet]]) -> None:
    info, packets = film
    site = make_site(info, sleep="never")
    site.play(packets[:40])
    before = site.loop.counters.decoded
    site.loop.ease(may_sleep=True, check_fps=1.0, only_floor=True, only_keyframes=True)
    site.play(packets[40:])
    keyframes = [round(packet.captured_at_s, 3) for packet in packets[40:] if packet.is_keyframe]
    assert site.loop.counters.decoded - before == len(keyframes)
    assert [at_s for at_s in site.looked_s if at_s >= keyframes[0]] == keyframes
    assert not site.loop.undecodable
    made, missed = len(site.looked_s), site.loop.given_up["overload"]
    assert made + missed == pytest.approx(5 * LENGTH_S, abs=3)


def test_modes_in_words() -> None:
    never = SleepSchedule("never")
    never.note(0.0, active=False)
    assert not never.may_sleep(1e6, 2.0)
    auto = SleepSchedule("auto")
    auto.note(0.0, active=False)
    auto.allowed = True
    assert not auto.may_sleep(REST_S - 0.1, 2.0)
    assert auto.may_sleep(REST_S, 2.0)
    assert not auto.may_sleep(REST_S, None)
    assert not auto.may_sleep(REST_S, 0.1)  # nearly every picture is a keyframe: nothing to gain
    assert not auto.may_sleep(REST_S, LONGEST_INTERVAL_S + 1)
    always = SleepSchedule("always")
    always.note(0.0, active=False)
    assert always.may_sleep(REST_S, LONGEST_INTERVAL_S + 1)
    assert advice("auto", 2.0) == advice("always", None) == advice("never", 60.0) == ""
    assert "12 s apart, so it is not put to sleep" in advice("auto", 12.0)
    assert "1 to 2 s" in advice("always", 12.0)
