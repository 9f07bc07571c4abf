"""Whatever way a film is cut into packets, and whatever happens to them, whole pictures come out, or none."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.ingest.access_units import LARGEST_UNIT_BYTES, MOST_NALS, AccessUnit, Depacketiser, exp_golomb, unescaped
from panops.ingest.rtp_h264 import H264Depacketiser
from panops.ingest.rtp_h265 import H265Depacketiser
from panops.testing.films import make_film
from tests.unit.ingest.rtp_streams import PAYLOAD_TYPE, Picture, film_pictures, kind_of, packets_of, rtp, split_units

CODECS = ("h264", "hevc")
_MAKERS: dict[str, type[Depacketiser]] = {"h264": H264Depacketiser, "hevc": H265Depacketiser}


def nal(codec: str, kind: int, body: bytes, *, first: bool = False) -> bytes:
    """A NAL unit; a slice's first bit says whether it is its picture's first one."""
    head = bytes([0x60 | kind]) if codec == "h264" else bytes([kind << 1, 1])
    return head + bytes([body[0] & 0x7F | 0x80 * first]) + body[1:]


def sets(codec: str, version: int = 0) -> list[bytes]:
    """Parameter sets that nobody could decode by, but whose numbers can be read."""
    if codec == "h264":
        return [bytes([0x67, 66, 0, 30, 0x80, version]), bytes([0x68, 0x80, version])]
    sps = bytes([33 << 1, 1, 0]) + bytes(12) + bytes([0x80, version, 1])
    return [bytes([32 << 1, 1, 0, version]), sps, bytes([34 << 1, 1, 0x80, version])]


@st.composite
def films(draw: st.DrawFn, codec: str, *, least: int = 1) -> list[Picture]:
    """Pictures of one to four slices, some with parameter sets, delimiters and messages; their contents are random."""
    count, seed = draw(st.integers(least, 8)), draw(st.integers(0, 2**32))
    sizes = st.one_of(st.integers(2, 60), st.integers(1000, 2500))
    letters = random.Random(seed)
    slice_kinds, sei, delimiter = ((5, 1), 6, 9) if codec == "h264" else ((19, 1), 39, 35)
    pictures = []
    for number in range(count):
        is_key = number == 0 or draw(st.booleans())
        units = [nal(codec, delimiter, b"\x50", first=True)] if draw(st.booleans()) else []
        units += sets(codec) if is_key else []
        units += [nal(codec, sei, _message(letters.randbytes(draw(sizes))))] if draw(st.booleans()) else []
        for index in range(draw(st.integers(1, 4))):
            units.append(nal(codec, slice_kinds[not is_key], letters.randbytes(draw(sizes)), first=index == 0))
        pictures.append(Picture(tuple(units), number * 3000, is_key))
    return pictures


def is_slice(unit: bytes, codec: str) -> bool:
    return kind_of(unit, codec) in ((1, 5) if codec == "h264" else (1, 19))


def _message(text: bytes) -> bytes:
    """A user's own message, which says nothing about decoding."""
    text = text.replace(b"\0", b"\1")
    return b"\x05" + b"\xff" * (len(text) // 255) + bytes([len(text) % 255]) + text + b"\x80"


def run(codec: str, packets: Sequence[bytes], **settings: object) -> tuple[list[AccessUnit], Depacketiser]:
    got: list[AccessUnit] = []
    depacketiser = _MAKERS[codec](got.append, PAYLOAD_TYPE, **settings)  # type: ignore[arg-type]
    for packet in packets:
        # Packets lie somewhere in a larger buffer.
        depacketiser.push(memoryview(b"##" + packet + b"##"), 2, 2 + len(packet))
    return got, depacketiser


def pairs(units: Sequence[AccessUnit]) -> list[tuple[bytes, int, bool]]:
    return [(bytes(unit.data), unit.timestamp, unit.is_keyframe) for unit in units]


def expected(pictures: Sequence[Picture]) -> list[tuple[bytes, int, bool]]:
    return [(picture.annex_b, picture.timestamp, picture.is_keyframe) for picture in pictures]


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.data())
def test_any_cut_gives_the_same_pictures(codec: str, data: st.DataObject) -> None:
    pictures = data.draw(films(codec))
    mtu, aggregate = data.draw(st.integers(20, 1500)), data.draw(st.booleans())
    packets = packets_of(pictures, codec, mtu, aggregate=aggregate, first=data.draw(st.integers(0, 65535)))
    got, depacketiser = run(codec, packets)
    assert pairs(got) == expected(pictures)
    assert depacketiser.lost == 0
    assert not any(unit.changed for unit in got)


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.data())
def test_pictures_end_where_the_next_one_begins_when_there_is_no_marker(codec: str, data: st.DataObject) -> None:
    pictures = data.draw(films(codec, least=2))
    if data.draw(st.booleans()):  # a camera without a clock
        pictures = [Picture(picture.units, 7, picture.is_keyframe) for picture in pictures]
    got, _ = run(codec, packets_of(pictures, codec, data.draw(st.integers(20, 1500)), marker="none"))
    assert pairs(got) == expected(pictures[:-1])


@pytest.mark.parametrize("marker", ["unit", "every"])
@pytest.mark.parametrize("codec", CODECS)
@given(data=st.data())
def test_a_marker_in_the_wrong_places_costs_one_group_at_most(codec: str, marker: str, data: st.DataObject) -> None:
    pictures = data.draw(films(codec, least=2))
    got, _ = run(codec, packets_of(pictures, codec, data.draw(st.integers(20, 1500)), marker=marker))
    whole, found = expected(pictures), pairs(got)
    damaged = [number for number, pair in enumerate(found) if pair not in whole]
    if not damaged:
        assert found in (whole, whole[:-1])
        return
    # One picture was taken for finished before its end; from the next keyframe on the marker is not believed any more.
    assert damaged == [damaged[0]]
    later = [number for number, picture in enumerate(pictures) if picture.is_keyframe and number > damaged[0]]
    assert found[: damaged[0]] == whole[: damaged[0]]
    assert found[damaged[0] + 1 :] == (whole[later[0] : -1] if later else [])


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.data())
def test_what_is_lost_or_repeated_never_damages_a_picture(codec: str, data: st.DataObject) -> None:
    pictures = data.draw(films(codec, least=3))
    packets = packets_of(pictures, codec, data.draw(st.integers(100, 1500)))
    fates = random.Random(data.draw(st.integers(0, 2**32))).choices(
        ["keep", "lose", "twice"], [data.draw(st.integers(1, 99)), 1, 1], k=len(packets)
    )
    received = [packet for packet, fate in zip(packets, fates, strict=True) for _ in range({"lose": 0, "twice": 2}.get(fate, 1))]
    got, depacketiser = run(codec, received)
    numbers = [unit.timestamp // 3000 for unit in got]
    assert numbers == sorted(set(numbers))
    for unit, picture in zip(got, (pictures[number] for number in numbers), strict=True):
        # What stands before the slices may be missing; the decoder has an earlier one.
        missing = picture.annex_b.removesuffix(bytes(unit.data))
        assert len(missing) + len(unit.data) == len(picture.annex_b)
        assert not any(is_slice(one, codec) for one in split_units(missing))
    # After a gap decoding begins again with a keyframe.
    assert all(after == before + 1 or pictures[after].is_keyframe for before, after in itertools.pairwise(numbers))
    if "lose" not in fates:
        assert pairs(got) == expected(pictures)
        assert depacketiser.lost == 0


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.data())
def test_junk_is_refused_or_passed_over(codec: str, data: st.DataObject) -> None:
    pictures = data.draw(films(codec, least=2))
    packets = packets_of(pictures, codec, 300)
    letters = random.Random(data.draw(st.integers(0, 2**32)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = letters.randrange(len(packets))
        damage = letters.choice(["cut", "flip", "junk"])
        if damage == "cut":
            packets[at] = packets[at][: letters.randrange(len(packets[at]) + 1)]
        elif damage == "flip":
            place = letters.randrange(max(1, len(packets[at])))
            packets[at] = packets[at][:place] + bytes([letters.randrange(256)]) + packets[at][place + 1 :]
        else:
            packets.insert(at, letters.randbytes(letters.randrange(200)))
    try:
        got, _ = run(codec, packets)
    except ValueError:
        return
    assert all(len(unit.data) <= LARGEST_UNIT_BYTES for unit in got)


@pytest.mark.parametrize("codec", CODECS)
def test_a_viewer_that_comes_in_the_middle_of_a_picture_begins_with_the_next(codec: str) -> None:
    pictures = [Picture((nal(codec, 1, bytes(900), first=True),), number * 3000, False) for number in range(3)]
    packets = packets_of(pictures, codec, 300)
    per_picture = len(packets) // 3
    got, _ = run(codec, packets[1:])
    assert pairs(got) == expected(pictures[1:])
    got, _ = run(codec, packets[per_picture - 1 :])
    assert pairs(got) == expected(pictures[1:])
    got, _ = run(codec, packets)
    assert pairs(got) == expected(pictures)


@pytest.mark.parametrize("codec", CODECS)
def test_after_a_loss_nothing_comes_until_a_keyframe(codec: str) -> None:
    key, other = (5, 1) if codec == "h264" else (19, 1)
    pictures = [
        Picture((nal(codec, key if number % 4 == 0 else other, bytes(9), first=True),), number, number % 4 == 0) for number in range(9)
    ]
    packets = packets_of(pictures, codec)
    got, depacketiser = run(codec, packets[:2] + packets[3:])
    assert [unit.timestamp for unit in got] == [0, 1, 4, 5, 6, 7, 8]
    assert depacketiser.lost == 1  # of those that came
    # The gap is right before a keyframe that is whole.
    got, _ = run(codec, packets[:3] + packets[4:])
    assert [unit.timestamp for unit in got] == [0, 1, 2, 4, 5, 6, 7, 8]


def test_a_stream_without_any_keyframe_is_not_waited_for_for_ever() -> None:
    pictures = [Picture((nal("h264", 1, bytes(9), first=True),), number, False) for number in range(400)]
    packets = packets_of(pictures)
    with pytest.raises(ValueError, match="no whole keyframe"):
        run("h264", packets[:2] + packets[3:])
    got, _ = run("h264", packets)
    assert len(got) == 400


@pytest.mark.parametrize("codec", CODECS)
def test_changed_parameter_sets_are_told_once(codec: str) -> None:
    key = 5 if codec == "h264" else 19
    frame = nal(codec, key, bytes(9), first=True)
    versions = [0, 0, 1, 1, 0]
    pictures = [Picture((*sets(codec, version), frame), number, True) for number, version in enumerate(versions)]
    got, depacketiser = run(codec, packets_of(pictures, codec), parameter_sets=sets(codec))
    assert [unit.changed for unit in got] == [False, False, True, False, True]
    assert depacketiser.has_all_sets()
    assert depacketiser.annex_b() == b"".join(b"\0\0\0\1" + one for one in sets(codec))
    got, depacketiser = run(codec, packets_of([Picture((frame,), 0, True)], codec))
    assert not depacketiser.has_all_sets()


def test_picture_parameter_sets_alone_are_the_decoders_business() -> None:
    frame = nal("h264", 5, bytes(9), first=True)
    pictures = [Picture((sets("h264")[0], sets("h264", version)[1], frame), version, True) for version in range(3)]
    got, _ = run("h264", packets_of(pictures))
    assert not any(unit.changed for unit in got)


def test_padding_extensions_and_contributing_sources() -> None:
    picture = Picture((nal("h264", 5, bytes(20), first=True),), 0, True)
    plain = packets_of([picture], first=9)[0]
    head, payload = plain[:12], plain[12:]
    dressed = {
        "padding": bytes([head[0] | 0x20]) + head[1:] + payload + b"\0\0\0\4",
        "sources": bytes([head[0] | 2]) + head[1:] + bytes(8) + payload,
        "extension": bytes([head[0] | 0x10]) + head[1:] + b"\xbe\xde\0\1" + bytes(4) + payload,
        "all": bytes([head[0] | 0x31]) + head[1:] + bytes(4) + b"\xbe\xde\0\1" + bytes(4) + payload + b"\0\2",
    }
    for packet in dressed.values():
        got, _ = run("h264", [packet])
        assert pairs(got) == expected([picture])
    assert run("h264", [bytes([head[0] | 0x20]) + head[1:] + b"\1"])[0] == []
    assert run("h264", [bytes([0x40]) + plain[1:], rtp(payload, 9, 0, marker=True, payload_type=97)])[0] == []


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        ("h264", bytes([24, 0, 9, 1, 2])),  # longer than the packet
        ("h264", bytes([24, 0, 0, 1, 2])),  # empty
        ("h264", bytes([28, 0x85])),  # a fragment without contents
        ("hevc", bytes([48 << 1, 1, 0, 9, 1, 2])),
        ("hevc", bytes([48 << 1, 1, 0, 2, 1, 2])),
        ("hevc", bytes([49 << 1, 1, 0x93])),
        ("hevc", bytes([2, 1])),
    ],
)
def test_wrong_lengths_are_refused(codec: str, payload: bytes) -> None:
    begin = nal(codec, 5 if codec == "h264" else 19, bytes(5), first=True)
    with pytest.raises(ValueError, match="wrong length"):
        run(codec, [rtp(begin, 1, 0, marker=True), rtp(payload, 2, 1)])


@pytest.mark.parametrize(
    "packet", [b"", bytes(11), bytes([0x8F]) + bytes(20), bytes([0x90]) + bytes(11), bytes([0xA0]) + bytes(11) + b"\x09"]
)
def test_packets_that_are_too_short_are_refused(packet: bytes) -> None:
    packet = packet[:1] + bytes([PAYLOAD_TYPE]) + packet[2:] if len(packet) > 11 else packet
    with pytest.raises(ValueError, match="too short"):
        run("h264", [packet])


@pytest.mark.parametrize("codec", CODECS)
def test_nothing_grows_without_bound(codec: str) -> None:
    head = bytes([28, 0x85, 0x80]) if codec == "h264" else bytes([49 << 1, 1, 0x93, 0x80])
    more = bytes([28, 0x05]) if codec == "h264" else bytes([49 << 1, 1, 0x13])
    endless = [rtp((more if number else head) + bytes(60_000), number, 0) for number in range(LARGEST_UNIT_BYTES // 60_000 + 2)]
    with pytest.raises(ValueError, match="more than 8 MB"):
        run(codec, endless)
    tiny = nal(codec, 1, b"\0", first=False)
    with pytest.raises(ValueError, match=f"more than {MOST_NALS} pieces"):
        run(codec, [rtp(nal(codec, 1, b"\0", first=True), 0, 0)] + [rtp(tiny, 1 + number, 0) for number in range(MOST_NALS)])
    many = [bytes([0x67, 66, 0, 30]) + bytes([0, 0x40 | number]) + bytes(9) for number in range(32)]
    many += [bytes([0x68]) + (0x8000 + number).to_bytes(3, "big") + bytes(9) for number in range(200)]
    _, depacketiser = run("h264", packets_of([Picture((*many, nal("h264", 5, bytes(9), first=True)), 0, True)]))
    assert len(depacketiser.parameter_sets) <= 64


def test_sequence_numbers_wrap_and_are_counted_for_reports() -> None:
    pictures = [Picture((nal("h264", 5, bytes(9), first=True),), number, True) for number in range(6)]
    got, depacketiser = run("h264", packets_of(pictures, first=65_533))
    assert len(got) == 6
    assert depacketiser.highest == 65_533 + 5
    assert depacketiser.source == 0x1234
    packets = packets_of(pictures, first=65_533)
    got, depacketiser = run("h264", packets[:1] + packets[5:])
    assert depacketiser.highest == 65_533 + 5
    assert _MAKERS["h264"](got.append, PAYLOAD_TYPE).highest == -1


def test_recovery_points_are_keyframes_as_ffmpeg_sees_them(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "intra-refresh=1:scenecut=0:threads=1"}
    pictures = film_pictures(make_film(tmp_path / "refresh.mp4", options=options, count=40))
    got, _ = run("h264", packets_of(pictures))
    marked = [unit.timestamp for unit in got if unit.is_keyframe]
    assert len(marked) > 1
    assert sum(any(one[0] & 31 == 5 for one in picture.units) for picture in pictures) == 1
    long = bytes([6, 0xFF, 0x05]) + bytes([0xFF, 0x02])  # a message of type 260, of 257 bytes
    for message, is_key in [
        (b"\x06\x06\x01\xc4\x80", True),
        (b"\x06\x05\x02\x06\x06\x06\x01\xc4\x80", True),
        (b"\x06\x05\x02\x06\x06\x80", False),
        (long + bytes(257) + b"\x06\x01\xc4\x80", True),
        (long, False),
        (b"\x06\xff\xff\xff", False),
        (b"\x06", False),
        (b"\x06\x05\x03\x00\x00\x03\x01\x06\x01\xc4", True),  # with an emulation prevention byte
    ]:
        got, _ = run("h264", packets_of([Picture((message, nal("h264", 1, bytes(9), first=True)), 0, False)]))
        assert got[0].is_keyframe is is_key, message


@pytest.mark.parametrize(
    ("data", "number"), [(b"\x80", 0), (b"\x40", 1), (b"\x60", 2), (b"\x20", 3), (b"\x01\x00", 127), (b"\0\0\0\0\0", None), (b"", None)]
)
def test_exp_golomb(data: bytes, number: int | None) -> None:
    assert exp_golomb(data, 0) == number


def test_emulation_prevention() -> None:
    assert unescaped(b"\0\0\3\1\0\0\3\0\0\3") == b"\0\0\1\0\0\0\0"


@pytest.mark.parametrize(("encoder", "codec"), [("libx264", "h264"), ("libx265", "hevc")])
def test_real_parameter_sets_have_numbers(encoder: str, codec: str, tmp_path: Path) -> None:
    pictures = film_pictures(make_film(tmp_path / "film.mp4", encoder, count=3), codec=codec)
    got, depacketiser = run(codec, packets_of(pictures, codec))
    assert {number for _, number in depacketiser.parameter_sets} == {0}
    assert depacketiser.has_all_sets()
    assert pairs(got) == expected(pictures)
