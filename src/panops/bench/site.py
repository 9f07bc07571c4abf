"""The site that is measured: every camera with a zone and a line, somebody in the zone and somebody over the line raise an alarm."""

from __future__ import annotations

from typing import Any

from panops.bench.offer import Offer


def site_of(offer: Offer, check_fps: float, model: str = "", sleep: str = "") -> dict[str, Any]:
    """The site file's content for the cameras on offer; all else is as it is for anybody who changes nothing.

    Args:
        offer: The cameras, started.
        check_fps: Checks a second of each.
        model: The detector's name; the product's own choice where it is empty.
        sleep: The cameras' `sleep`; the product's own choice where it is empty.
    """
    cameras = {}
    for camera_id, address in offer.addresses.items():
        film = offer.films[camera_id].figures
        settings: dict[str, Any] = {
            "source": address,
            "check_fps": check_fps,
            "zones": {"area": {"polygon": [list(point) for point in film.zone]}},
            "lines": {"way": {"points": [list(point) for point in film.line]}},
        }
        if not address.startswith("rtsp://"):
            settings["loop"] = True
        if sleep:
            settings["sleep"] = sleep
        cameras[camera_id] = settings
    rules = [
        {"id": "in-the-area", "kind": "intrusion", "zone": "area", "classes": ["person"], "after_s": 1.0},
        {"id": "over-the-line", "kind": "line_crossing", "line": "way", "classes": ["person"]},
    ]
    return {"cameras": cameras, "rules": rules, **({"model": model} if model else {})}
