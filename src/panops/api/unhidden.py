"""Who may have the pictures and films of cameras whose faces or people are not to be seen: the one place that says so.

Live pictures and pictures of events are hidden before they are shown or stored. All else lies on the disk as the camera saw it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from panops.api.problems import ProblemError
from panops.api.security import Caller
from panops.api.services import Services
from panops.config.schema import PrivacyConfig
from panops.storage.scope import Role

Where = Literal["live", "snapshots", "exports"]

_WORDS: dict[Where, str] = {"live": "in live pictures", "snapshots": "in pictures of events", "exports": "in what is taken away"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.

    Args:
        words: What it is, for people.
        shown_as: A camera that hides anything there does not show it as it is.
        can_be_blurred: Whether a copy without faces can be made.
        instead: What else to do, for people.
    """

    words: str
    shown_as: tuple[Where, ...]
    can_be_blurred: bool = False
    instead: str = ""


EVENT_PICTURE = Kind("its pictures of events", (), can_be_blurred=True)  # hidden as they are stored
CLIP = Kind("its clips", ("snapshots",), can_be_blurred=True)
RECORDING = Kind("its recordings", ("live",))
RECORDED_FILM = Kind(
    "films of its recordings", ("live", "snapshots", "exports"), instead=", with `unblurred=true`; its events can be exported without it"
)
FIRST_PICTURE = Kind("what it looked like then", ("snapshots",))
MODEL_PICTURE = Kind("pictures that models saw differently", ("snapshots",))


def goes_without_faces(privacy: PrivacyConfig, kind: Kind, *, taken_away: bool, unhidden: bool) -> bool:
    """Whether a file is given as a copy without faces; where not, it is given as it is.

    Args:
        privacy: What its camera asks for.
        kind: Of the file.
        taken_away: Whether it is to be kept elsewhere, not only looked at.
        unhidden: Whether the caller may have what is hidden, and means that.

    Raises:
        ProblemError: 403; it is not given.
    """
    is_copy = taken_away and kind.can_be_blurred and "exports" in privacy.blur_faces
    if not unhidden:
        for where in kind.shown_as:
            if where in privacy.mask_persons:
                raise _refused(kind, f"people are masked {_WORDS[where]}")
            if where in privacy.blur_faces and not is_copy:
                raise _refused(kind, f"faces are blurred {_WORDS[where]}")
    return is_copy


def refuse_unhidden(services: Services, caller: Caller, camera_id: str, kind: Kind) -> None:
    """Nothing, where the caller may look at a camera's files of that kind.

    Raises:
        ProblemError: 403; something is hidden there, and the caller is no administrator.
    """
    goes_without_faces(services.blurred.privacy(camera_id), kind, taken_away=False, unhidden=caller.role.covers(Role.ADMIN))


def _refused(kind: Kind, why: str) -> ProblemError:
    return ProblemError(403, f"this camera's {why}, so only administrators may have {kind.words}{kind.instead}")
