"""Compressed bodies: both codings both ways, and those that are damaged or hold more than they may."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest

from panops.pipeline.body_coding import BodyRefused, decoded, encoded

BODY = bytes(range(256)) * 40
BOTH = pytest.mark.parametrize(
    ("coding", "pack", "unpack"), [("gzip", gzip.compress, gzip.decompress), ("deflate", zlib.compress, zlib.decompress)]
)
Coder = Callable[[bytes], bytes]


@BOTH
def test_a_body_comes_and_goes_as_it_was(coding: str, pack: Coder, unpack: Coder) -> None:
    assert decoded(memoryview(pack(BODY)), coding, len(BODY)) == BODY
    array = np.arange(1000, dtype=np.float32).reshape(10, 100)
    assert unpack(encoded([b"head", array, b""], coding)) == b"head" + array.tobytes()


def test_a_body_that_is_not_compressed_is_not_copied() -> None:
    body = memoryview(BODY)
    assert decoded(body, "", 1) is body


@BOTH
def test_one_that_holds_too_much_is_unpacked_no_further(coding: str, pack: Coder, unpack: Coder) -> None:
    del unpack
    bomb = memoryview(pack(bytes(200_000_000)))
    assert len(bomb) < 300_000
    tracemalloc.start()
    try:
        with pytest.raises(BodyRefused, match="unpacks to more than 1000000 bytes") as caught:
            decoded(bomb, coding, 1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.status == 413


@BOTH
def test_one_that_is_damaged_is_refused(coding: str, pack: Coder, unpack: Coder) -> None:
    del unpack
    whole = pack(BODY)
    for body, complaint in ((b"x", f"is not {coding}"), (whole[:-1], "its end is missing"), (whole + b"x", "bytes follow its end")):
        with pytest.raises(BodyRefused, match=complaint) as caught:
            decoded(memoryview(body), coding, len(BODY))
        assert caught.value.status == 400
