"""Checkpoints: everything that a training needs to go on as if it had never stopped, in one file that is there whole or not at all."""

from __future__ import annotations

import os
import pickle
import zipfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from panops.domain.errors import ModelNotFound, ModelUnsupported, PanopsError
from panops.training.network import DetectorNetwork, NetworkShape

FORMAT = 1


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write `content` beside `path` first, so that a kill at any moment leaves the old file or the new one.

    Raises:
        PanopsError: It cannot be written; the old file is still there.
    """
    half_made = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with half_made.open("wb") as file:
            torch.save({"format": FORMAT, **content}, file)
            file.flush()
            os.fsync(file.fileno())
        half_made.replace(path)
    # A write that fails reaches us from torch's archive as a RuntimeError without the system's reason.
    except (OSError, RuntimeError) as error:
        with suppress(OSError):
            half_made.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else "the disk is full, or cannot be written to"
        raise PanopsError(f"cannot write {path}: {reason}; make room and start again: it goes on from the checkpoint before") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's content.

    Raises:
        ModelNotFound: There is no such file.
        ModelUnsupported: It is damaged, or not one of ours.
    """
    if not path.is_file():
        raise ModelNotFound(f"{path}: expected a checkpoint, there is no such file")
    try:
        # weights_only: a checkpoint is data, and must not be able to run code.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        # torch's own words fill a screen, and advise to switch the safety off.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged, or another kind of file"
        raise ModelUnsupported(f"{path}: expected a checkpoint of panops, but it cannot be read: {reason}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT or "shape" not in content:
        raise ModelUnsupported(f"{path}: expected a checkpoint of panops (format {FORMAT}), got another kind of file")
    return content


def shape_fields(shape: NetworkShape) -> dict[str, Any]:
    """A shape as plain values for a checkpoint."""
    return {**asdict(shape), "classes": list(shape.classes)}


def shape_of(content: dict[str, Any]) -> NetworkShape:
    """The shape that a checkpoint's weights have."""
    fields = content["shape"]
    return NetworkShape(fields["size"], tuple(fields["classes"]), fields["activation"])


def load_network(path: Path) -> DetectorNetwork:
    """The network of a checkpoint with its averaged weights, in evaluation mode.

    Raises:
        ModelNotFound: There is no such file.
        ModelUnsupported: It is damaged, or not one of ours.
    """
    content = read_checkpoint(path)
    network = DetectorNetwork(shape_of(content))
    state: dict[str, Tensor] = content["ema"]
    network.load_state_dict(state)
    return network.eval()
