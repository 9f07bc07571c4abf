"""What a `sim://SCENE?seed=1&activity=6&weather=rain&rate_fps=10&size=640x360` address asks for."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from panops.config.schema import CameraConfig, SimulationConfig
from panops.domain.errors import SourceUnsupported

SMALLEST_PX = 64
LARGEST_PX = 4096


def simulation_of(camera: CameraConfig) -> SimulationConfig:
    """The settings of a simulated camera: those of the site file, overridden by the address.

    Raises:
        SourceUnsupported: The address is no `sim://` address, names an unknown scene or setting, or asks for a size that cannot be encoded.
    """
    text = camera.source.get_secret_value().strip()
    parts = urlsplit(text)
    if parts.scheme != "sim":
        raise SourceUnsupported(f"expected an address such as sim://yard?seed=1, got one that begins with {parts.scheme or 'no scheme'!r}")
    wanted: dict[str, Any] = (camera.simulation or SimulationConfig()).model_dump()
    if parts.netloc:
        wanted["scene"] = parts.netloc
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key == "size":
            width, _, height = value.partition("x")
            wanted["size_wh"] = (width, height)
        elif key in wanted and key not in ("scene", "size_wh"):
            wanted[key] = value
        else:
            known = ", ".join(sorted({*wanted, "size"} - {"scene", "size_wh"}))
            raise SourceUnsupported(f"{text}: unknown setting {key!r}; a simulated camera has {known}")
    try:
        settings = SimulationConfig.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SourceUnsupported(f"{text}: {field}: {first['msg']}, got {first['input']!r}") from error
    check_size(settings.size_wh)
    return settings


def check_size(size_wh: tuple[int, int]) -> None:
    """H.264 with halved colour needs even sides.

    Raises:
        SourceUnsupported: A side is odd, too small or too large.
    """
    if any(side % 2 or not SMALLEST_PX <= side <= LARGEST_PX for side in size_wh):
        width, height = size_wh
        raise SourceUnsupported(
            f"expected an even width and height from {SMALLEST_PX} to {LARGEST_PX} px for a simulated camera, got {width}x{height}"
        )
