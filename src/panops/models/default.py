"""Which detector cameras use that name none, and why.

The one that was chosen when it was offered at the first start; else `street`, which comes with panops; else the general one, where it is
here or may be fetched; else `motion`, which needs no model.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from panops.domain.errors import ModelError
from panops.models.disk_faults import told
from panops.models.fetch import Progress, no_progress
from panops.models.store import ModelStore
from panops.models.store_lock import write_whole, writing

logger = logging.getLogger(__name__)

MOTION = "motion"
BUILTIN = "street"
GENERAL = "yolox_nano"
_CHOICE_NAME = "default.json"
_LARGEST_BYTES = 4096
_SHOWN_CLASSES = 6


@dataclass(frozen=True, slots=True)
class DefaultModel:
    """The choice.

    Attributes:
        name: A model's name, or `motion`.
        note: One or two sentences for the page: what is used and why.
        reason: What was in the way of a better one, in full; empty where nothing was.
    """

    name: str
    note: str
    reason: str = ""


def likely_default(store: ModelStore) -> str:
    """The model that cameras which name none are meant for, also where it is not here yet."""
    chosen = chosen_default(store)
    if chosen and store.is_installed(chosen):
        return chosen
    return BUILTIN if store.is_installed(BUILTIN) else GENERAL


def default_model(store: ModelStore, *, allow_network: bool = False, progress: Progress = no_progress) -> DefaultModel:
    """The detector of cameras that name none. Never raises for a missing model.

    Args:
        store: Where models are; without a built-in one, the general one is installed there when it can be had.
        allow_network: Whether it may be fetched.
        progress: Told how far a fetch is.
    """
    troubles: list[str] = []
    chosen = chosen_default(store)
    for name in (GENERAL, BUILTIN) if chosen == GENERAL else (BUILTIN, GENERAL):
        if name == BUILTIN and not store.is_installed(BUILTIN):
            continue
        try:
            if name == GENERAL:
                store.ensure(GENERAL, allow_network=allow_network, progress=progress)
            return DefaultModel(name, default_note(store, name, bool(troubles)), "; ".join(troubles))
        except ModelError as error:
            troubles.append(str(error))
    reason = "; ".join(troubles)
    logger.info("no detector with a model: %s", reason)
    advice = f"{GENERAL} is not installed: get it with: panops models add {GENERAL}"
    if store.is_installed(GENERAL):
        advice = f"{GENERAL} is damaged: get it again with: panops models add {GENERAL} --replace"
    return DefaultModel(MOTION, f"Cameras use motion, which finds whatever moves but cannot tell what it is. {advice}.", reason)


def chosen_default(store: ModelStore) -> str:
    """What somebody chose when they were asked; empty where nobody was asked yet."""
    path = store.folder / _CHOICE_NAME
    try:
        with path.open("rb") as file:
            name = json.loads(file.read(_LARGEST_BYTES))["model"]
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%s cannot be read, so the detector that comes with panops is used: %s", path, error)
        return ""
    return name if isinstance(name, str) and name in (BUILTIN, GENERAL) else ""


def choose_default(store: ModelStore, name: str) -> None:
    """Remember what somebody chose, so that they are not asked again.

    Raises:
        ModelError: It cannot be written.
    """
    with writing(store.folder), told(store.folder):
        write_whole(store.folder / _CHOICE_NAME, (json.dumps({"model": name}) + "\n").encode())


def default_note(store: ModelStore, name: str, damaged: bool = False) -> str:
    """The sentence for the page: what is used, in which version, and why.

    Args:
        store: Where it is.
        name: The model.
        damaged: Whether another one would have been used, and cannot be.

    Raises:
        ModelError: It is damaged or not here.
    """
    model = store.get(name)
    classes, chosen = model.manifest.classes, chosen_default(store)
    some = ", ".join(classes[:_SHOWN_CLASSES]) + (f" and {len(classes) - _SHOWN_CLASSES} more" if len(classes) > _SHOWN_CLASSES else "")
    if name == GENERAL:
        what = "a general detector" + (", as was chosen at the first start" if chosen == GENERAL else "")
        trouble = f" {BUILTIN} is damaged." if damaged else ""
    else:
        what = "the detector that comes with panops" if model.builtin else "a version of your own of the detector that comes with panops"
        trouble = f" {GENERAL}, which was chosen, cannot be used." if damaged and chosen == GENERAL else ""
    return f"Cameras use {name} (version {model.version}), {what}: {some}.{trouble}"
