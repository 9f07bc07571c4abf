"""Which NVIDIA GPUs this machine has, asked of the driver itself: no package is needed for it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache

_NO_DEVICE = 100
_REASONS = {
    34: "the driver's library is only a stub",
    100: "the driver finds no GPU",
    803: "the driver and its library are of different versions; restart the machine",
    804: "this GPU does not allow the library's CUDA version",
}


@dataclass(frozen=True, slots=True)
class NvidiaGpus:
    """What the driver says.

    Attributes:
        names: A name for each GPU, by its number.
        problem: Why there are none; empty when there are.
    """

    names: tuple[str, ...]
    problem: str = ""


@lru_cache(maxsize=1)
def nvidia_gpus() -> NvidiaGpus:
    """The GPUs, looked for once."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return NvidiaGpus((), "there is no NVIDIA driver here (libcuda.so.1); install it, and in a container start that with its GPUs")
    code = driver.cuInit(0)
    count = ctypes.c_int(0)
    if code == 0:
        code = driver.cuDeviceGetCount(ctypes.byref(count))
    if code != 0:
        return NvidiaGpus((), f"NVIDIA's driver cannot be used: {_REASONS.get(code, f'its error {code}')}")
    names = tuple(_name(driver, index) for index in range(count.value))
    return NvidiaGpus(names, "" if names else _REASONS[_NO_DEVICE])


def _name(driver: ctypes.CDLL, index: int) -> str:
    device, name = ctypes.c_int(0), ctypes.create_string_buffer(128)
    if driver.cuDeviceGet(ctypes.byref(device), index) or driver.cuDeviceGetName(name, len(name), device):
        return f"GPU {index}"
    return name.value.decode(errors="replace")
