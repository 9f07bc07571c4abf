from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from panops.ingest.memory import FreedMemory
from tests.unit.ingest.fakes import FakeClock


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library has no malloc_trim")
def test_it_is_done_now_and_then() -> None:
    clock, freed = FakeClock(), FreedMemory(spacing_s=30.0)
    assert freed.give_back(clock)
    assert not freed.give_back(clock)
    clock.advance(31.0)
    assert freed.give_back(clock)


def test_without_the_function_nothing_is_done() -> None:
    freed = FreedMemory()
    freed._trim = None
    assert not freed.give_back(FakeClock())


HEAPS = """
import ctypes, os, sys, tempfile, threading
from panops.ingest.memory import share_heaps
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
if sys.argv[1] == "shared":
    assert share_heaps(2)
held = threading.Barrier(9)
def work():
    libc.malloc(5000)
    held.wait()
for _ in range(8):
    threading.Thread(target=work).start()
held.wait()
libc.fopen.restype = ctypes.c_void_p
path = tempfile.mktemp().encode()
file = ctypes.c_void_p(libc.fopen(path, b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(open(path).read().count("<heap nr="))
os.unlink(path)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="this C library has no malloc_info")
def test_threads_share_heaps() -> None:
    def heaps(how: str) -> int:
        return int(subprocess.run([sys.executable, "-c", HEAPS, how], check=True, capture_output=True, text=True, timeout=60).stdout)

    assert heaps("shared") <= 2 < heaps("own")
