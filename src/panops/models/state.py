"""Which version of a model is used: one small file a model, replaced as a whole, with its history.

The values are plain: a change makes a new state from the old one, and `save_state` puts it in place. Nothing here looks at the versions
themselves; `store` does, under its lock.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from panops.domain.errors import ModelUnsupported
from panops.models.store_lock import write_whole
from panops.models.version_id import is_version

logger = logging.getLogger(__name__)

STATE_NAME = "state.json"
SHADOW_EVERY = 10
_FORMAT = 1
_MOST_HISTORY = 200
_LARGEST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the history.

    Attributes:
        at_s: When, UTC s.
        who: The user who did it.
        what: `add`, `promote`, `rollback`, `shadow`, `shadow off` or `remove`.
        before: The version that was active (or shadow) until then; empty for none.
        after: The version that is it now; empty for none.
        why: What they said, or empty.
    """

    at_s: float
    who: str
    what: str
    before: str
    after: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class ModelState:
    """What is used of a model.

    Attributes:
        active: The version that cameras use; empty where nobody chose one yet.
        shadow: The version that looks on beside it; empty for none.
        shadow_every: It sees one in so many of the frames that the active one sees.
        previous: The version that was active before, for rolling back; empty for none.
        history: What was done, oldest first.
    """

    active: str = ""
    shadow: str = ""
    shadow_every: int = SHADOW_EVERY
    previous: str = ""
    history: tuple[Change, ...] = ()

    def promoted(self, version: str, change: Change) -> ModelState:
        """`version` is active from now on; a shadow of that version ends."""
        return replace(
            self,
            active=version,
            previous=change.before,
            shadow="" if self.shadow == version else self.shadow,
            history=self._with(change),
        )

    def shadowed(self, version: str, every: int, change: Change) -> ModelState:
        """`version` looks on from now on; empty for none."""
        return replace(self, shadow=version, shadow_every=every, history=self._with(change))

    def without(self, version: str, change: Change) -> ModelState:
        """The version is gone: nothing names it any more."""
        return replace(
            self,
            active="" if self.active == version else self.active,
            shadow="" if self.shadow == version else self.shadow,
            previous="" if self.previous == version else self.previous,
            history=self._with(change),
        )

    def fallen_back(self, version: str) -> ModelState:
        """`version` is active because the one before it is gone."""
        return replace(
            self,
            active=version,
            previous="" if self.previous == version else self.previous,
            shadow="" if self.shadow == version else self.shadow,
        )

    def noted(self, change: Change) -> ModelState:
        """The same with a line more in its history."""
        return replace(self, history=self._with(change))

    def _with(self, change: Change) -> tuple[Change, ...]:
        return (*self.history, change)[-_MOST_HISTORY:]


def load_state(folder: Path) -> ModelState:
    """The state of the model in `folder`; that of a model that nobody decided about where there is none.

    Raises:
        ModelUnsupported: The file is damaged. It is never taken for an empty one: that would change the model in use unasked.
    """
    path = folder / STATE_NAME
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ModelUnsupported(
                f"{path}: expected a small file, got more than {_LARGEST_BYTES} bytes; say the active version anew: {_advice(folder)}"
            )
        data = json.loads(path.read_text(encoding="utf-8"))
        return _state_from(data)
    except FileNotFoundError:
        return ModelState()
    except NotADirectoryError:
        return ModelState()
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelUnsupported(f"{path} is damaged ({reason}); say the active version anew: {_advice(folder)}") from error


def save_state(folder: Path, state: ModelState) -> None:
    """Replace the state at once.

    Raises:
        OSError: It cannot be written; the old one is as it was.
    """
    record = {"format": _FORMAT, **asdict(state)}
    write_whole(folder / STATE_NAME, (json.dumps(record, indent=1) + "\n").encode())


def state_stamp(folder: Path) -> tuple[int, int, int] | None:
    """Something that differs once the state was replaced; None where there is no state. It costs one `stat`."""
    try:
        found = (folder / STATE_NAME).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _state_from(data: Any) -> ModelState:
    if not isinstance(data, Mapping) or data.get("format") != _FORMAT:
        raise ValueError(f"expected format {_FORMAT}")
    versions = {key: data.get(key, "") for key in ("active", "shadow", "previous")}
    for key, version in versions.items():
        if not isinstance(version, str) or (version and not is_version(version)):
            raise ValueError(f"{key} names no version")
    every = data.get("shadow_every", SHADOW_EVERY)
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise ValueError("shadow_every is no whole number above 0")
    history = tuple(
        Change(float(row["at_s"]), str(row["who"]), str(row["what"]), str(row["before"]), str(row["after"]), str(row.get("why", "")))
        for row in data.get("history", [])
    )
    return ModelState(versions["active"], versions["shadow"], every, versions["previous"], history)


def _advice(folder: Path) -> str:
    return f"panops models promote {folder.name} VERSION"
