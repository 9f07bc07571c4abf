"""A client of a running panops, for programs: typed, synchronous, with nothing but the standard library.

    from panops.client import Client

    with Client("http://127.0.0.1:8440", token="panops_...") as site:
        for event in site.events.search(camera=["gate"], status=["new"]):
            print(event.camera_name, event.kind)

Read in this order: `client` holds the parts together, `http` speaks to the server, `errors` is what can go wrong, `values` is what comes
back, and `events`, `cameras`, `rules`, `site`, `models`, `suggestions`, `alerts` are the parts. `docs/client.md` shows each.
"""

from panops.client.client import Client
from panops.client.errors import (
    ApiError,
    BadDownload,
    Conflict,
    Invalid,
    NotAllowed,
    NotSignedIn,
    NotThere,
    ServerFault,
    Stale,
    TooOften,
    Unreachable,
)
from panops.client.values import Camera, Event, EventDetail, EvidenceFile, Told, Understood

__all__ = [
    "ApiError",
    "BadDownload",
    "Camera",
    "Client",
    "Conflict",
    "Event",
    "EventDetail",
    "EvidenceFile",
    "Invalid",
    "NotAllowed",
    "NotSignedIn",
    "NotThere",
    "ServerFault",
    "Stale",
    "Told",
    "TooOften",
    "Understood",
    "Unreachable",
]
