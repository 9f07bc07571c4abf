"""Which detector cameras use that name none, and why."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from panops.domain.errors import ModelChecksumMismatch, ModelError
from panops.models.fetch import Progress, no_progress
from panops.models.store import ModelStore

logger = logging.getLogger(__name__)

MOTION = "motion"
_BUILTIN = "street"
_GENERAL = "yolox_nano"


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
    """The model that cameras which name none are meant for: the built-in one, else the general one, also where it is not here yet."""
    return _BUILTIN if store.is_installed(_BUILTIN) else _GENERAL


def default_model(store: ModelStore, *, allow_network: bool = False, progress: Progress = no_progress) -> DefaultModel:
    """The best detector that can be had: the built-in one, else the general one, else movement. Never raises for a missing model.

    Args:
        store: Where models are; the general one is installed there when a mirror has it, or the network may be used.
        allow_network: Whether it may be fetched.
        progress: Told how far a fetch is.
    """
    trouble = ""
    if store.is_installed(_BUILTIN):
        try:
            store.get(_BUILTIN)
        except ModelError as error:
            trouble = str(error)
        else:
            return DefaultModel(_BUILTIN, f"Cameras use {_BUILTIN}, the detector that comes with panops.")
    try:
        store.ensure(_GENERAL, allow_network=allow_network, progress=progress)
    except ModelError as error:
        reason = "; ".join(filter(None, [trouble, str(error)]))
        logger.info("no detector with a model: %s", reason)
        advice = f"{_GENERAL} is damaged: get it again with: panops models add {_GENERAL} --replace"
        if not isinstance(error, ModelChecksumMismatch):
            advice = f"{_GENERAL} is not installed: get it with: panops models add {_GENERAL}"
        return DefaultModel(MOTION, f"Cameras use motion, which finds whatever moves but cannot tell what it is. {advice}.", reason)
    note = f"Cameras use {_GENERAL}, a general detector of the 80 COCO classes"
    return DefaultModel(_GENERAL, f"{note}; {_BUILTIN} is damaged." if trouble else f"{note}.", trouble)
