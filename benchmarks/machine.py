"""What a figure was measured on."""

from __future__ import annotations

import os

from panops.commands.evaluate_facts import versions
from panops.commands.machine import machine

_PACKAGES = ("panops", "numpy", "av", "openvino", "opencv-python-headless", "scipy")


def describe() -> dict[str, object]:
    """Processor, cores, load and versions."""
    return {**machine(), "load_1_min": os.getloadavg()[0], "versions": versions(_PACKAGES)}
