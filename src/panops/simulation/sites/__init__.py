"""The five sites, one file each: `yard`, `street`, `gate`, `room` and `fence`; `daylight` is the light of those outdoors."""

from __future__ import annotations

from panops.simulation.scenery import Site
from panops.simulation.sites.fence import fence
from panops.simulation.sites.gate import gate
from panops.simulation.sites.room import room
from panops.simulation.sites.street import street
from panops.simulation.sites.yard import yard

_MAKERS = {"yard": yard, "street": street, "gate": gate, "room": room, "fence": fence}
SCENES = tuple(_MAKERS)


def site(name: str) -> Site:
    """The site of a scene's name.

    Raises:
        ValueError: No scene has that name.
    """
    if name not in _MAKERS:
        raise ValueError(f"expected one of {', '.join(SCENES)} as a scene, got {name!r}")
    return _MAKERS[name]()
