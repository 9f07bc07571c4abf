"""One model: its versions, cards and comparisons for operators; shadow, promotion and the way back for administrators."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from panops.api.cameras import CameraId, Etag
from panops.api.model_schemas import (
    BlockOut,
    CameraAgreementOut,
    ComparisonOut,
    DisagreementOut,
    ModelChangeOut,
    ModelDetailOut,
    VersionDetailOut,
    VersionOut,
)
from panops.api.problems import ProblemError, not_found
from panops.api.security import Admin, Operator
from panops.api.services import Needed, Services
from panops.api.unhidden import MODEL_PICTURE, refuse_unhidden
from panops.api.versions import precondition, strong
from panops.domain.errors import ConfigError, ModelError, ModelNotFound
from panops.models.agreement import Pair, all_agreements
from panops.models.card import model_card
from panops.models.disagreement import disagreement_picture, disagreements
from panops.models.parentage import parent_papers
from panops.models.promotion import meant_version, promote, roll_back, shadow
from panops.models.shelf import Shelf
from panops.models.state import SHADOW_EVERY, ModelState
from panops.models.store import ModelStore
from panops.storage.scope import Scope

router = APIRouter(prefix="/api/v1/models", tags=["models"])

_VERSION = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$"
ModelName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", examples=["street"])]
Version = Annotated[str, Path(pattern=_VERSION, examples=["2"])]
PictureName = Annotated[str, Path(pattern=r"^[0-9]{1,16}\.jpg$", examples=["1790000000000.jpg"])]
Why = Annotated[str, Field(max_length=400, description="a word for the history")]
NamedVersion = Annotated[str, Field(pattern=_VERSION)]


class ShadowIn(BaseModel):
    """Which version looks on; null for none any more. It sees one in `every` of the frames that the version in use sees."""

    model_config = ConfigDict(extra="forbid")

    version: NamedVersion | None
    every: Annotated[int, Field(ge=1, le=100_000)] = SHADOW_EVERY
    why: Why = ""


class PromoteIn(BaseModel):
    """Which version comes into use; null for its shadow, or the only other one. `force` takes one that cannot run on this machine."""

    model_config = ConfigDict(extra="forbid")

    version: NamedVersion | None = None
    force: bool = False
    why: Why = ""


class RollbackIn(BaseModel):
    """Why the version before comes back. `force` takes one that cannot run on this machine."""

    model_config = ConfigDict(extra="forbid")

    force: bool = False
    why: Why = ""


@router.get("/{name}")
def model(name: ModelName, caller: Operator, services: Needed, response: Response) -> ModelDetailOut:
    """One model: its versions, what was decided about them, and how far versions that looked on agreed with the one in use."""
    store = _store(services, name)
    response.headers["ETag"] = strong(_etag(store, name))
    return _detail(store, name, caller.scope)


@router.get("/{name}/versions/{version}")
def version(name: ModelName, version: Version, _caller: Operator, services: Needed) -> VersionDetailOut:
    """One version: its card, made from its papers, and what was measured of it."""
    store = _store(services, name)
    try:
        found = store.shelf_without_state(name).read(version)
    except ModelNotFound:
        raise not_found("version") from None
    try:
        papers = store.papers(found)
    except ConfigError as error:
        raise ProblemError(409, f"the papers of {found.reference} cannot be read: {error.problems[0]}; add the version again") from error
    blocks = model_card(found, papers, parent_papers(store, papers))
    return VersionDetailOut(
        name=name, version=version, builtin=found.builtin, card=[BlockOut.of(block) for block in blocks], figures=dict(papers.figures)
    )


@router.head("/{name}/pictures/{active}/{shadow}/{camera_id}/{picture}", response_class=Response, include_in_schema=False)
@router.get(
    "/{name}/pictures/{active}/{shadow}/{camera_id}/{picture}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "the picture, without boxes"}},
)
def picture(
    name: ModelName, active: Version, shadow: Version, camera_id: CameraId, picture: PictureName, caller: Operator, services: Needed
) -> Response:
    """A frame that two versions saw differently."""
    store = _store(services, name)
    if caller.scope.allows(camera_id):
        refuse_unhidden(services, caller, camera_id, MODEL_PICTURE)
        pair = next((one for one in all_agreements(store.folder / name) if (one.active, one.shadow) == (active, shadow)), None)
        jpeg = disagreement_picture(store.folder / name, pair, camera_id, picture.removesuffix(".jpg")) if pair is not None else None
        if jpeg is not None:
            return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, no-store"})
    raise not_found("picture")


@router.post("/{name}/shadow")
async def let_look_on(
    name: ModelName, body: ShadowIn, caller: Admin, services: Needed, response: Response, if_match: Etag = None
) -> ModelDetailOut:
    """Let a version look on beside the one in use, on live cameras and without any event, or end that."""
    store = await run_in_threadpool(_store, services, name)
    if body.version is not None:
        await run_in_threadpool(_refuse_what_cannot_run, services, store, name, body.version, force=False)
    act = partial(shadow, store, name, body.version or "", every=body.every, who=caller.username, why=body.why)
    detail = {"version": body.version, "every": body.every, "why": body.why}
    return await _decide(services, caller, name, act, ("model.shadow", detail), response, if_match)


@router.post("/{name}/promote")
async def put_into_use(
    name: ModelName, body: PromoteIn, caller: Admin, services: Needed, response: Response, if_match: Etag = None
) -> ModelDetailOut:
    """Put a version into use. Cameras that run take it over within seconds; the one before it is remembered."""
    store = await run_in_threadpool(_store, services, name)
    shelf = await run_in_threadpool(store.shelf_without_state if body.version else store.shelf, name)
    meant = body.version or meant_version(shelf)
    await run_in_threadpool(_refuse_what_cannot_run, services, store, name, meant, force=body.force)
    act = partial(promote, store, name, meant, who=caller.username, why=body.why)
    return await _decide(services, caller, name, act, ("model.promote", {"force": body.force, "why": body.why}), response, if_match)


@router.post("/{name}/rollback")
async def take_back(
    name: ModelName, caller: Admin, services: Needed, response: Response, body: RollbackIn | None = None, if_match: Etag = None
) -> ModelDetailOut:
    """Put the version back into use that was active before; doing it twice goes back and forth."""
    store, asked = await run_in_threadpool(_store, services, name), body or RollbackIn()
    shelf = await run_in_threadpool(store.shelf, name)
    if shelf.state.previous in shelf.places:  # else there is no way back, which `roll_back` tells
        await run_in_threadpool(_refuse_what_cannot_run, services, store, name, shelf.state.previous, force=asked.force)
    act = partial(roll_back, store, name, who=caller.username, why=asked.why)
    return await _decide(services, caller, name, act, ("model.rollback", {"force": asked.force, "why": asked.why}), response, if_match)


async def _decide(
    services: Services,
    caller: Admin,
    name: str,
    act: Callable[[], ModelState],
    noted: tuple[str, dict[str, Any]],
    response: Response,
    if_match: str | None,
) -> ModelDetailOut:
    """Do it, note it, and answer how it is then."""
    store = await run_in_threadpool(_store, services, name)
    async with services.editing:
        precondition(await run_in_threadpool(_etag, store, name), if_match, None)
        state = await run_in_threadpool(act)
    action, detail = noted
    await services.note(caller, action, name, {"active": state.active, "shadow": state.shadow, **detail})
    response.headers["ETag"] = strong(await run_in_threadpool(_etag, store, name))
    return await run_in_threadpool(_detail, store, name, caller.scope)


def _store(services: Services, name: str) -> ModelStore:
    """The store, where the model is in it."""
    store = services.models.store
    if store is None or not store.is_installed(name):
        raise not_found("installed model")
    return store


def _refuse_what_cannot_run(services: Services, store: ModelStore, name: str, version: str, *, force: bool) -> None:
    if version not in store.shelf_without_state(name).places:
        raise not_found("version")
    trouble = "" if force else services.models.trouble(store.get(f"{name}@{version}"))
    if trouble:
        raise ProblemError(409, f"{name}@{version} cannot run here: {trouble}")


def _detail(store: ModelStore, name: str, scope: Scope) -> ModelDetailOut:
    problem = ""
    try:
        shelf = store.shelf(name)
        _ = shelf.active
    except ModelError as error:
        shelf, problem = store.shelf_without_state(name), str(error)
    state = shelf.state
    return ModelDetailOut(
        name=name,
        active="" if problem else shelf.active_or_none,
        shadow=shelf.shadow,
        shadow_every=state.shadow_every if shelf.shadow else None,
        previous=state.previous,
        problem=problem,
        versions=[_version(shelf, one, problem) for one in shelf.places],
        history=[ModelChangeOut.of(change) for change in reversed(state.history)],
        comparisons=_comparisons(store, name, scope),
    )


def _version(shelf: Shelf, version: str, problem: str) -> VersionOut:
    place = shelf.places[version]
    roles: dict[str, Literal["active", "shadow", "previous"]] = {shelf.state.previous: "previous", shelf.shadow: "shadow"}
    if not problem:
        roles[shelf.active_or_none] = "active"
    manifest, damage = None, ""
    try:
        manifest = shelf.read(version).manifest
    except ModelError as error:
        damage = str(error)
    return VersionOut(
        version=version,
        role=roles.get(version, ""),
        builtin=place.builtin,
        licence=manifest.licence if manifest else "",
        sha256=manifest.sha256 if manifest else "",
        classes=list(manifest.classes) if manifest else [],
        accuracy=dict(manifest.accuracy) if manifest else {},
        problem=damage,
    )


def _comparisons(store: ModelStore, name: str, scope: Scope) -> list[ComparisonOut]:
    """The pair that was counted last comes first; of cameras that the caller may see."""
    folder = store.folder / name
    found = []
    for pair, cameras in reversed(all_agreements(folder).items()):
        seen = [CameraAgreementOut.of(camera) for camera in cameras if scope.allows(camera.camera_id)]
        if seen:
            found.append(ComparisonOut(active=pair.active, shadow=pair.shadow, cameras=seen, pictures=_pictures(name, store, pair, scope)))
    return found


def _pictures(name: str, store: ModelStore, pair: Pair, scope: Scope) -> list[DisagreementOut]:
    kept = disagreements(store.folder / name, pair)
    return [DisagreementOut.of(name, pair, one) for one in kept if scope.allows(one.camera_id)]


def _etag(store: ModelStore, name: str) -> str:
    """Changes with the versions that are there and with what was decided about them."""
    try:
        shelf = store.shelf(name)
    except ModelError:
        shelf = store.shelf_without_state(name)
    told = json.dumps([list(shelf.places), asdict(shelf.state), store.stamp(name)])
    return hashlib.sha256(told.encode()).hexdigest()[:16]
