from __future__ import annotations

import threading

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from panops.config.schema import CameraConfig, SimulationConfig
from panops.domain.errors import SourceError, SourceUnsupported
from panops.domain.packets import Packet
from panops.ingest.codec_context import make_decoder
from panops.ingest.registry import open_source
from panops.ingest.remux import write_clip
from panops.simulation.sim_address import simulation_of
from panops.simulation.source import SimulatedSource

ADDRESS = "sim://yard?seed=3&activity=6&rate_fps=10&size=320x180"


class FakeClock:
    """Time that passes by waiting, and by `lag_s` at each look to stand for work."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lag_s = 0.0
        self.waited: list[float] = []

    def utc_s(self) -> float:
        return 1_700_000_000.0 + self.now

    def monotonic_s(self) -> float:
        self.now += self.lag_s
        return self.now

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waited.append(seconds)
        self.now += max(0.0, seconds)
        return stop.is_set()


def source(clock: FakeClock, address: str = ADDRESS, *, realtime: bool = True) -> SimulatedSource:
    return SimulatedSource("yard", CameraConfig.model_validate({"source": address}), clock, realtime=realtime)


def packets(made: SimulatedSource, count: int) -> list[Packet]:
    read = [made.read() for _ in range(count)]
    assert all(packet is not None for packet in read)
    return [packet for packet in read if packet is not None]


def test_packets_decode_to_what_was_rendered() -> None:
    made = source(FakeClock(), realtime=False)
    info = made.open()
    assert (info.codec, info.size_wh, info.rate_fps, info.live) == ("h264", (320, 180), 10.0, False)
    decoder = make_decoder(info)
    assert made.scene is not None
    pictures: list[NDArray[np.uint8]] = []
    for packet in packets(made, 45):
        pictures += [frame.to_ndarray(format="rgb24") for frame in decoder.decode(packet.payload)]
    assert len(pictures) == 45
    for number in (0, 7, 19, 20, 44):
        error = float(np.mean((pictures[number].astype(float) - made.scene.render(number)) ** 2))
        assert 10 * np.log10(255**2 / error) >= 30


def test_keyframes_come_every_two_seconds_and_decoding_can_begin_at_each() -> None:
    made = source(FakeClock(), realtime=False)
    info = made.open()
    read = packets(made, 61)
    assert [number for number, packet in enumerate(read) if packet.is_keyframe] == [0, 20, 40, 60]
    decoder = make_decoder(info)
    assert sum(len(decoder.decode(packet.payload)) for packet in read[40:]) == 21
    assert {packet.epoch for packet in read} == {0}
    assert all(packet.size_bytes == packet.payload.size for packet in read)


def test_in_real_time_each_frame_waits_until_it_is_due() -> None:
    clock = FakeClock()
    made = source(clock)
    assert made.open().live
    began = clock.utc_s()
    read = packets(made, 30)
    assert [packet.pts_s for packet in read] == pytest.approx([number / 10 for number in range(30)])
    assert [packet.captured_at_s for packet in read] == pytest.approx([began + number / 10 for number in range(30)])
    assert clock.utc_s() == pytest.approx(began + 2.9, abs=0.01)
    assert made.skipped == 0


def test_a_slow_machine_skips_frames_and_never_drifts() -> None:
    clock = FakeClock()
    clock.lag_s = 0.26  # a frame takes longer than its time
    made = source(clock)
    made.open()
    read = packets(made, 20)
    assert made.skipped > 10
    assert made.origin_s is not None
    for packet in read:
        assert packet.captured_at_s == pytest.approx(made.origin_s + packet.pts_s)
        assert round(packet.pts_s * 10, 6) % 1 == pytest.approx(0)
    assert np.all(np.diff([packet.pts_s for packet in read]) > 0)
    assert clock.utc_s() - read[-1].captured_at_s < 0.7


def test_as_fast_as_it_goes_never_waits_and_leaves_nothing_out() -> None:
    clock = FakeClock()
    clock.lag_s = 5.0
    made = source(clock, realtime=False)
    made.open()
    read = packets(made, 12)
    assert [packet.captured_at_s for packet in read] == pytest.approx([number / 10 for number in range(12)])
    assert clock.waited == []


def test_closing_ends_a_waiting_read() -> None:
    clock = FakeClock()
    made = source(clock)
    made.open()
    assert made.read() is not None
    made.close()
    made.close()
    assert made.read() is None
    with pytest.raises(SourceError, match="closed"):
        made.open()


def test_reading_before_opening_says_so() -> None:
    with pytest.raises(SourceError, match="not open"):
        source(FakeClock()).read()


def test_the_same_address_gives_the_same_packets() -> None:
    first, second = source(FakeClock(), realtime=False), source(FakeClock(), realtime=False)
    first.open()
    second.open()
    assert [bytes(packet.payload) for packet in packets(first, 25)] == [bytes(packet.payload) for packet in packets(second, 25)]


def test_packets_can_be_put_into_a_clip(tmp_path: object) -> None:
    made = open_source("yard", CameraConfig.model_validate({"source": ADDRESS}), FakeClock(), realtime=False)
    info = made.open()
    path = f"{tmp_path}/clip.mp4"
    write_clip([packet for packet in (made.read() for _ in range(30)) if packet is not None], info, path)
    with av.open(path) as container:
        assert len(list(container.decode(video=0))) == 30


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("sim://street", {"scene": "street", "seed": 9, "weather": "rain"}),
        ("sim://gate?seed=5&weather=night&activity=2.5&rate_fps=12.5&size=800x450",
         {"scene": "gate", "seed": 5, "weather": "night", "activity": 2.5, "rate_fps": 12.5, "size_wh": (800, 450)}),
        ("sim://?seed=1", {"scene": "fence", "seed": 1}),
    ],
)  # fmt: skip
def test_the_address_overrides_the_settings(address: str, expected: dict[str, object]) -> None:
    camera = CameraConfig.model_validate({"source": address, "simulation": {"scene": "fence", "seed": 9, "weather": "rain"}})
    found = simulation_of(camera)
    assert isinstance(found, SimulationConfig)
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("sim://moon", "scene"),
        ("sim://yard?seeds=1", "unknown setting 'seeds'"),
        ("sim://yard?activity=lots", "activity"),
        ("sim://yard?rate_fps=0", "rate_fps"),
        ("sim://yard?size=641x360", "even width"),
        ("sim://yard?size=big", "size_wh"),
        ("file:clip.mp4", "sim://"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(address: str, says: str) -> None:
    with pytest.raises(SourceUnsupported, match=says):
        simulation_of(CameraConfig.model_validate({"source": address}))
