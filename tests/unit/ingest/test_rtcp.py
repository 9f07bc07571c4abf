from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from panops.ingest.rtcp import receiver_report, says_goodbye


def test_a_report_is_a_compound_of_whole_packets() -> None:
    data = receiver_report(7, 0x1234, 0x1FFFF)
    kinds, at = [], 0
    while at < len(data):
        flags, kind, words = struct.unpack_from(">BBH", data, at)
        assert flags == 0x81
        kinds.append(kind)
        at += 4 + 4 * words
    assert (at, kinds) == (len(data), [201, 202])
    assert struct.unpack_from(">II", data, 4) == (7, 0x1234)
    assert struct.unpack_from(">I", data, 16) == (0x1FFFF,)
    assert b"panops" in data
    assert not says_goodbye(memoryview(data), 0, len(data))


def test_a_goodbye_is_found_behind_a_report() -> None:
    data = memoryview(b"#" + receiver_report(7, 8, 9) + struct.pack(">BBHI", 0x81, 203, 1, 7))
    assert says_goodbye(data, 1, len(data))
    assert not says_goodbye(data, 1, len(data) - 8)


@given(st.binary(max_size=200))
def test_no_bytes_hang_it(data: bytes) -> None:
    assert says_goodbye(memoryview(data), 0, len(data)) in {True, False}
