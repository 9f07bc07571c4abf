"""Which models there are."""

from __future__ import annotations

from fastapi import APIRouter

from panops.api.schemas import ModelOut, ModelsOut
from panops.api.security import Viewer
from panops.api.services import KnownModel, Needed

router = APIRouter(prefix="/api/v1", tags=["models"])


@router.get("/models")
def models(_caller: Viewer, services: Needed) -> ModelsOut:
    """Every model that is installed or can be had."""
    default, note = services.models.default()
    chosen = services.view.current().model
    why = f"Cameras use {chosen}, which the site names." if chosen else note
    return ModelsOut(active=chosen or default, note=why, models=[_model_out(known) for known in services.models.known()])


def _model_out(known: KnownModel) -> ModelOut:
    manifest = known.manifest
    return ModelOut(
        name=manifest.name,
        task=manifest.task,
        licence=manifest.licence,
        source_kind=str(manifest.source.kind),
        state="installed" if known.installed else "available",
        sha256=manifest.sha256,
        input_size_wh=manifest.input_size_wh,
        classes=list(manifest.classes),
        accuracy=dict(manifest.accuracy),
        not_for=manifest.not_for,
        note=known.note,
        version=known.version,
        shadow=known.shadow,
        builtin=known.builtin,
    )
