from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.api.preview_batch import CameraIndex, pack_batch, unpack_batch
from panops.domain.face_votes import FaceVerdict
from panops.pipeline.live import LiveBox, LiveIdentity, Preview

EDGE = st.integers(0, 10_000).map(lambda number: number / 10_000)
BOXES = st.lists(
    st.builds(
        LiveBox, st.integers(0, 2**53), st.text(max_size=8), st.integers(0, 1000).map(lambda n: n / 1000), st.tuples(EDGE, EDGE, EDGE, EDGE)
    ),
    max_size=4,
).map(tuple)
PREVIEWS = st.lists(
    st.builds(Preview, st.sampled_from("abcdef"), st.floats(0, 4e9), st.just("s"), st.binary(max_size=50), BOXES), max_size=6
)
INDEX = {"a": 0, "b": 65535, "c": 7}


@given(PREVIEWS)
def test_packing_and_unpacking_agree(previews: list[Preview]) -> None:
    known = [preview for preview in previews if preview.camera_id in INDEX]
    found = unpack_batch(pack_batch(previews, INDEX))
    assert found == [(INDEX[item.camera_id], item.time_s, item.jpeg, item.boxes) for item in known]


@given(st.floats(-1e6, 1e6), st.tuples(*[st.floats(-10, 10)] * 4), st.text(max_size=8))
def test_boxes_are_written_as_a_plain_encoder_writes_them(score: float, edges: tuple[float, float, float, float], name: str) -> None:
    message = pack_batch([Preview("a", 1.0, "s", b"", (LiveBox(7, name, score, edges),))], INDEX)
    rows = [[7, name, round(score, 3), *(round(edge, 4) for edge in edges)]]
    assert json.loads(message[struct.calcsize("<HHIdI") :]) == json.loads(json.dumps(rows))


def test_the_bytes_are_those_of_the_contract() -> None:
    box = LiveBox(7, "person", 0.91234, (0.1, 0.2, 0.30001, 0.4))
    message = pack_batch([Preview("b", 12.5, "s", b"JPEG", (box,)), Preview("a", 13.0, "s", b"X")], {"a": 1, "b": 2})
    body = b'[[7,"person",0.912,0.1000,0.2000,0.3000,0.4000]]'
    wanted = (
        struct.pack("<HHId", 2, 1, 4, 12.5) + b"JPEG" + struct.pack("<I", len(body)) + body + struct.pack("<HHId", 1, 0, 1, 13.0) + b"X"
    )
    assert message == wanted


@given(st.integers(1, 70))
def test_a_batch_that_is_cut_off_says_so(cut: int) -> None:
    message = pack_batch([Preview("a", 1.0, "s", b"J" * 20, (LiveBox(1, "x", 0.5, (0, 0, 1, 1)),))], INDEX)
    with pytest.raises(ValueError, match="cut off"):
        unpack_batch(message[: -min(cut, len(message) - 1)])


@given(st.sampled_from(FaceVerdict), st.text(max_size=200))
def test_who_it_is_is_packed_only_where_it_is_asked_for(verdict: FaceVerdict, name: str) -> None:
    boxes = (LiveBox(1, "person", 0.5, (0, 0, 1, 1), LiveIdentity(verdict, "0123abcd", name)), LiveBox(2, "person", 0.5, (0, 0, 1, 1)))
    previews = [Preview("a", 1.0, "s", b"J", boxes)]
    message = pack_batch(previews, INDEX, names=True)
    assert b"0123abcd" not in message
    ((_, _, _, found),) = unpack_batch(message)
    assert [box.who for box in found] == [LiveIdentity(verdict, "", name), None]
    ((_, _, _, found),) = unpack_batch(pack_batch(previews, INDEX))
    assert [box.who for box in found] == [None, None]


@given(st.lists(st.sets(st.sampled_from("abcdefgh")), max_size=10))
def test_a_number_belongs_to_one_camera_for_ever(steps: list[set[str]]) -> None:
    index, owner, before = CameraIndex(), {}, {}
    for cameras in steps:
        changed = index.update(cameras)
        assert set(index.numbers) == cameras
        assert changed is (set(before) != cameras)
        for camera, number in index.numbers.items():
            # A camera that went and came back has a new number; one that stayed keeps it.
            assert owner.setdefault(number, camera) == camera
            assert camera not in before or before[camera] == number
        before = dict(index.numbers)


def test_numbers_fit_into_sixteen_bits() -> None:
    index = CameraIndex()
    index.update(f"camera{number}" for number in range(65_536))
    index.update(["another"])
    assert index.numbers == {}
