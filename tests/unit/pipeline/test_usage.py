"""Processor and memory of a changing set of processes, read of real ones."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from panops.pipeline.usage import UsageMeter, cpu_s

BUSY = "while True: pass"


def test_further_processes_count_with_the_others() -> None:
    meter, further = UsageMeter(), list[int]()
    meter.also(lambda: further)
    alone = meter.rss_bytes([])
    assert alone == 0
    with subprocess.Popen([sys.executable, "-c", BUSY]) as process:
        try:
            further.append(process.pid)
            began_s = time.monotonic()
            while cpu_s(process.pid) < 0.2 and time.monotonic() - began_s < 60:
                os.sched_yield()
            assert 0 < meter.cores([]) <= 1.5
            assert meter.rss_bytes([]) == meter.rss_bytes([process.pid]) > 1e6, "counted once"
        finally:
            process.kill()
    further.clear()
    assert meter.rss_bytes([process.pid]) == 0, "it is gone"
