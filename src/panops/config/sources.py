"""What is surely wrong with a camera's address, told before anything is opened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from panops.config.problems import problems_of
from panops.config.schema import NO_SCHEME_ADVICE, SOURCE_CHOICES, CameraConfig, SimulationConfig
from panops.config.spelling import did_you_mean

SCENES: tuple[str, ...] = get_args(SimulationConfig.model_fields["scene"].annotation)
# As `panops.simulation` has it; a test holds the two together.
_LEAST_PX, _MOST_PX = 64, 4096

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_NETWORK = re.compile(r"(?P<scheme>rtsps?|https?):(?://)?(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_SURE_PATH = re.compile(r"/(?!/)|\.{1,2}/|~/")
_DEVICE = re.compile(r"/dev/video\d+$")
# `192.168.1.20/live`, `[fe80::1]/live`, `localhost`, `//host/live`, `user:password@host`.
_HOST = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?:[:/]|$)|\[[0-9A-Fa-f:.]+\]|localhost(?:[:/]|$)|//|[^/\s]*:[^\s]*@")
_FILM = re.compile(
    r"\.(?:mp4|m4v|mkv|mov|avi|webm|m?ts|m2ts|mpe?g|wmv|flv|f4v|3gp|ogv|asf|vob|mxf|nut|dav|y4m|m3u8|h?26[45]|hevc|m?jpe?g|png|gif|bmp|webp)$",
    re.IGNORECASE,
)


def source_problem(camera: CameraConfig) -> str:
    """What cannot be right about a camera's address, as a sentence without the address's password; empty when nothing is."""
    text = camera.source.get_secret_value()
    if text.lower().startswith("sim:"):
        return _simulation_problem(text, camera)
    network = _NETWORK.match(text)
    if network:
        return "" if re.match(r"[^/?#]", network["rest"]) else f"expected a host after {network['scheme']}://, got none"
    if _SCHEME.match(text):
        return ""
    if _DEVICE.match(text):
        return f"a USB camera is written as device:{text}"
    if _HOST.match(text) and not _exists(text):
        return f"expected an address with its scheme; did you forget rtsp://? It can be {SOURCE_CHOICES}; {NO_SCHEME_ADVICE}"
    return ""


def nameless_source_problem(camera: CameraConfig) -> str:
    """What is most likely wrong about an address without a scheme: nothing says that it is a file, and there is none of that name here."""
    text = camera.source.get_secret_value()
    if _SCHEME.match(text) or _SURE_PATH.match(text) or _FILM.search(text) or text.endswith("/"):
        return ""
    if any(letter in text for letter in "*?[") or _exists(text):
        return ""
    hint = f"did you mean sim://{text.lower()}? " if text.lower() in SCENES else ""
    return f"it has no scheme, and there is no file of that name here; {hint}expected {SOURCE_CHOICES}; {NO_SCHEME_ADVICE}"


def _simulation_problem(text: str, camera: CameraConfig) -> str:
    parts = urlsplit(text)
    # Whoever put a login there meant another scheme, and the password is not repeated.
    if "@" in text or parts.path.strip("/") or (not parts.netloc and not text.lower().startswith("sim://")):
        return f"expected sim://SCENE?seed=1, where SCENE is one of: {', '.join(SCENES)}"
    if parts.netloc and parts.netloc not in SCENES:
        return f"no simulated scene {parts.netloc!r}{did_you_mean(parts.netloc, SCENES)}"
    settings = (camera.simulation or SimulationConfig()).model_dump()
    known = sorted({*settings, "size"} - {"scene", "size_wh"})
    given: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = [key for key in given if key not in known]
    if unknown:
        return f"a simulated scene has no option {unknown[0]!r}{did_you_mean(unknown[0], known)}"
    if "size" in given:
        size = re.fullmatch(r"(\d{1,5})x(\d{1,5})", given.pop("size"))
        if size is None:
            return "size: expected WIDTHxHEIGHT such as 640x360"
        given["size_wh"] = size.groups()
    return _settings_problem({**settings, **given})


def _settings_problem(settings: dict[str, Any]) -> str:
    try:
        width, height = SimulationConfig.model_validate(settings).size_wh
    except ValidationError as error:
        return "; ".join(f"{problem.field}: {problem.message}" for problem in problems_of(error))
    if any(side % 2 or not _LEAST_PX <= side <= _MOST_PX for side in (width, height)):
        return f"expected an even width and height from {_LEAST_PX} to {_MOST_PX} px for a simulated camera, got {width}x{height}"
    return ""


def _exists(text: str) -> bool:
    try:
        return Path(text).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # a name that cannot be one, or a home that nobody has
        return False
