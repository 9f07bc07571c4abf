"""Imports OpenVINO silently: importing its package reports to Google Analytics otherwise.

`import openvino` (2024 to 2026 at least) loads its model converter, and that sends a usage event through `openvino_telemetry`, without
asking. panops promises no telemetry. Two entries of `None` in `sys.modules`, which Python documents as "this import fails", keep both
modules out: OpenVINO itself falls back to a stub where the telemetry package is missing, and lives without the converter. Whoever needs
OpenVINO anywhere in panops imports it through here.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

_TELEMETRY = "openvino_telemetry"
_CONVERTER = "openvino.tools.ovc"


def import_openvino() -> Any:
    """The `openvino` module; nothing is sent and the telemetry package stays unloadable for the life of the process.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    if _TELEMETRY in sys.modules and sys.modules[_TELEMETRY] is not None:
        # Another library imported OpenVINO before panops did. What it sent is sent; what comes later can still be stopped.
        logger.warning("openvino was imported by something else first, which reports its use; panops switches that off from here on")
        _mute(sys.modules[_TELEMETRY])
    else:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # None is Python's documented mark for "cannot be imported"
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    # The converter alone is half of OpenVINO's import time, so it stays out during the import; later users may still load it.
    blocked = _CONVERTER not in sys.modules
    if blocked:
        sys.modules[_CONVERTER] = None  # type: ignore[assignment]  # as above
    try:
        return importlib.import_module("openvino")
    finally:
        if blocked:
            sys.modules.pop(_CONVERTER, None)


def _mute(module: Any) -> None:
    """Make every `send_*` and session method of an already loaded telemetry class do nothing."""
    telemetry = getattr(module, "Telemetry", None)
    for name in [name for name in dir(telemetry) if name.startswith("send_") or name in ("start_session", "end_session")]:
        setattr(telemetry, name, _nothing(name))


def _nothing(name: str) -> Callable[..., None]:
    def method(*_: object, **__: object) -> None:
        """Do nothing."""

    method.__name__ = name
    return method
