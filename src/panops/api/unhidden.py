"""Pictures and film that were kept as the camera saw them, of cameras whose faces or people are not to be seen: for administrators."""

from __future__ import annotations

from typing import Literal

from panops.api.problems import ProblemError
from panops.api.security import Caller
from panops.api.services import Services
from panops.storage.scope import Role


def refuse_unhidden(services: Services, caller: Caller, camera_id: str, where: Literal["live", "snapshots", "exports"], what: str) -> None:
    """Nothing, where the caller may see it.

    Args:
        services: Know how the camera's privacy is set.
        caller: Who asks.
        camera_id: The camera.
        where: As what it would be hidden.
        what: What it is, for people.

    Raises:
        ProblemError: 403; something is hidden there, and the caller is no administrator.
    """
    privacy = services.blurred.privacy(camera_id)
    if privacy.hides(where) and not caller.role.covers(Role.ADMIN):
        whom = "people are masked" if where in privacy.mask_persons else "faces are blurred"
        raise ProblemError(403, f"this camera's {whom} in what is shown, so only administrators may see {what}")
