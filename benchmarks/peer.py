"""Whether the peer of the whole product can be measured here."""

from __future__ import annotations

from panops.bench.peer import MODEL, check_peer
from panops.domain.errors import PanopsError
from panops.models.store import ModelStore
from panops.storage.home import Home


def peer_options() -> list[str]:
    """`--peer`, or nothing, with the reason printed, where its packages or its model cannot be had."""
    try:
        check_peer()
        ModelStore(Home().models).ensure(MODEL, allow_network=True)
    except PanopsError as error:
        print(f"without a peer: {error}", flush=True)
        return []
    return ["--peer"]
