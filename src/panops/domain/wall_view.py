"""How somebody arranged the wall, and kept it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What a wall shows, and how. With neither cameras nor a group it shows all cameras.

    Attributes:
        name: What people call it.
        cameras: These, in this order.
        group: Those of this group, when no cameras are named; empty for none.
        columns: So many columns, and as many rows a screen; None for as many as show all.
        turn_s: Where there are more cameras than fit, the next ones follow after so long, s; None: the wall scrolls.
    """

    name: str
    cameras: tuple[str, ...] = ()
    group: str = ""
    columns: int | None = None
    turn_s: float | None = None


@dataclass(frozen=True, slots=True)
class WallView:
    """A stored arrangement, as one person may see it.

    Attributes:
        view_id: Its number, never used again.
        arrangement: What it shows, without cameras that the person may not see or that are gone.
        owner: Whose it is; None for everybody's.
        etag: Changes whenever the view does.
        gone: Whether nothing of what it names is there for the person; no camera in the arrangement does not mean all of them then.
    """

    view_id: int
    arrangement: Arrangement
    owner: str | None
    etag: str
    gone: bool = False
