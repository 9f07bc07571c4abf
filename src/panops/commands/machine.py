"""What stands beside a figure: the machine that it was measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

# What decides how fast networks run, 8-bit ones above all; x86 calls them flags, ARM features.
_TELLING = (
    *("avx", "avx2", "fma", "avx_vnni", "avx_vnni_int8", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"),
)
_GIB = 2**30


def machine() -> dict[str, Any]:
    """The machine's name, for results that are read elsewhere: processor and what it can, cores, memory, system and Python."""
    cpu = _cpu()
    return {
        "processor": cpu.get("model name") or platform.processor(),
        "cores": os.cpu_count(),
        "cpu_flags": cpu_flags(cpu.get("flags") or cpu.get("Features") or ""),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def cpu_flags(text: str) -> list[str]:
    """Of a processor's flags those that decide how fast networks run."""
    found = set(text.split())
    return [flag for flag in _TELLING if flag in found]


def _cpu() -> dict[str, str]:
    """What the kernel says of the first processor; nothing where it is not Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n", 1)[0].splitlines()
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GIB, 1)
    except (ValueError, OSError, AttributeError):
        return None  # not a system that says so
