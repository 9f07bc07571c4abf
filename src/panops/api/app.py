"""The application: `create_app` joins the settings, the database and the running site into one FastAPI app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.websockets import WebSocket

from panops.api import (
    account,
    alerts,
    areas,
    audit,
    camera_discovery,
    camera_import,
    cameras,
    compliance,
    detect,
    drift,
    dry_run,
    event_export,
    event_stream,
    events,
    groups,
    health,
    media,
    metrics,
    model_versions,
    models,
    oidc,
    open_inference,
    people,
    places,
    problems,
    recording,
    recording_export,
    rule_kinds,
    rules,
    session,
    setup,
    similar,
    site,
    site_config,
    suggestions,
    tokens,
    users,
    video_socket,
    wall_views,
)
from panops.api.blurred_files import BlurredFiles
from panops.api.clean_body import clean_body, takes_longer
from panops.api.description import describe, operation_id
from panops.api.event_streams import EventStreams
from panops.api.http_counts import HttpCounts
from panops.api.inference_service import MOST_BODY_BYTES, InferenceService
from panops.api.live_socket import LiveSockets, SocketParts
from panops.api.login_limit import CODE_LIMITS, LoginLimit
from panops.api.looks import Looks
from panops.api.rates import CallerRates
from panops.api.readiness import Readiness
from panops.api.request_frame import RequestFrame
from panops.api.resolver import AccountResolver
from panops.api.security import OPEN, Gate
from panops.api.sending import SendingSlots
from panops.api.services import ModelCatalogue, NoModels, Services, services_of
from panops.api.settings import ApiSettings
from panops.api.site_view import SiteView
from panops.api.v2_errors import V2Errors
from panops.domain.clock import Clock, SystemClock
from panops.domain.faces import FaceReader
from panops.pipeline.enrolment import Enrolment
from panops.pipeline.inference_order import Desk
from panops.pipeline.live import LiveSite
from panops.pipeline.suggesting import Suggesting
from panops.storage.accounts import Accounts
from panops.storage.audit import AuditLog
from panops.storage.compliance import ComplianceRepository
from panops.storage.database import Database
from panops.storage.erasure import Erasure
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.face_seal import KEY_NAME, KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.look_shelf import LookShelf
from panops.storage.outbox import Outbox
from panops.storage.second_factor import SecondFactors
from panops.storage.site import SiteRepository
from panops.storage.switches import SwitchStore
from panops.storage.trail import TrackTrail
from panops.storage.wall_views import WallViews

MOST_PROBES = 4
MOST_HASHES = 2
MOST_EXPORTS = 2
# They read and write as fast as the disk can: two at once leave it to the cameras.
MOST_FILMS = 2
MOST_DRY_RUNS = 2

live_router = APIRouter()


@live_router.websocket("/ws", dependencies=[OPEN])
async def live_socket(websocket: WebSocket) -> None:
    """Pictures, events, states and notices; see `live_socket`. It checks the caller itself, after the accept."""
    await services_of(websocket).sockets.serve(websocket)


def create_app(
    settings: ApiSettings,
    database: Database,
    live: LiveSite,
    *,
    catalogue: ModelCatalogue | None = None,
    clock: Clock | None = None,
    accounts: Accounts | None = None,
    desk: Desk | None = None,
    face_reader: Callable[[], FaceReader] | None = None,
) -> FastAPI:
    """Make the app. `panops.web` adds its pages to it afterwards; they find the caller in `request.state.user`, None for a stranger.

    Args:
        settings: What the run command decided.
        database: An open database.
        live: The running site.
        catalogue: What is known of models; none when None.
        clock: Time.
        accounts: Users; made from the database when None (tests give some with cheap hashes).
        desk: Runs models for programs; None where nothing does.
        face_reader: Gives what reads faces of people who are to be known, asked before each picture; None where nothing does.

    Raises:
        StorageError: The evidence folder cannot be made.
    """
    clock = clock or SystemClock()
    accounts = accounts or Accounts(database, clock)
    registry = CollectorRegistry(auto_describe=False)
    sites, events_stored, resolve = SiteRepository(database), EventRepository(database), AccountResolver(accounts, settings)
    view = SiteView(sites)
    looks = Looks(AuditLog(database), clock)
    sockets = LiveSockets(SocketParts(live, view, events_stored, resolve, looks), settings.max_sockets, settings.max_sockets_of_one)
    evidence = EvidenceStore(database, settings.evidence_folder, clock)
    gallery = Gallery(database, KeyPlace(settings.evidence_folder.with_name(KEY_NAME)), clock)
    services = Services(
        settings=settings, clock=clock, database=database, readiness=Readiness(database, clock), live=live,
        models=catalogue or NoModels(), sites=sites, switches=SwitchStore(database), view=view,
        events=events_stored, evidence=evidence, trails=TrackTrail(database),
        blurred=BlurredFiles(view, events_stored, TrackTrail(database), None if catalogue is None else catalogue.store),
        compliance=ComplianceRepository(database), wall_views=WallViews(database),
        videos=video_socket.VideoSockets(video_socket.VideoParts(live, view, resolve), registry, settings.max_sockets_of_one),
        suggesting=Suggesting(database, clock),
        outbox=Outbox(database), accounts=accounts, audit=AuditLog(database),
        second_factors=SecondFactors(database, clock), looks=looks, logins=LoginLimit(clock),
        codes=LoginLimit(clock, CODE_LIMITS), rates=CallerRates(clock), sockets=sockets,
        oidc=None if settings.oidc is None else oidc.provider_of(settings.oidc, settings.public_url, clock),
        streams=EventStreams(resolve), http=HttpCounts(registry),
        exports=SendingSlots(MOST_EXPORTS, "exports"), films=SendingSlots(MOST_FILMS, "exports of recordings"),
        look_shelf=LookShelf(settings.looks_folder or settings.evidence_folder.with_name("looks")),
        inference=InferenceService(desk, registry), gallery=gallery, enrolment=Enrolment(gallery, face_reader),
        erasure=Erasure(database, evidence, clock),
        editing=asyncio.Lock(), probes=asyncio.Semaphore(MOST_PROBES), dry_runs=asyncio.Semaphore(MOST_DRY_RUNS),
        hashing=asyncio.Semaphore(MOST_HASHES), face_reads=asyncio.Semaphore(people.MOST_FACE_READS),
    )  # fmt: skip
    metrics.register_site(registry, live, sockets)
    app = FastAPI(
        title="panops",
        version=settings.version,
        description="Cameras, events, rules and accounts of one panops site.",
        # The description is served to signed-in users only, by `site`; the interactive pages load scripts that the CSP refuses.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(clean_body)],
        generate_unique_id_function=operation_id,
        middleware=[
            Middleware(V2Errors),
            Middleware(
                RequestFrame,
                allowed_hosts=settings.allowed_hosts,
                max_body_bytes=settings.max_body_bytes,
                finished=services.http.finished,
                longer_bodies=lambda path: MOST_BODY_BYTES if takes_longer(path) else None,
            ),
            Middleware(Gate, resolve=resolve),
        ],
    )
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # the way that FastAPI's documentation names
    app.state.services = services
    app.state.metrics = registry
    problems.register(app)
    for room in (
        open_inference,  # first: programs ask hundreds of times a second, and routes are tried in turn
        detect,
        health,
        metrics,
        setup,
        session,
        oidc,
        account,
        users,
        tokens,
        audit,
        groups,
        wall_views,
        site,
        site_config,
        cameras,
        recording,
        recording_export,
        places,
        camera_import,
        camera_discovery,
        drift,
        dry_run,
        rule_kinds,
        rules,
        event_stream,  # before events, whose routes take any name
        event_export,
        similar,
        events,
        media,
        compliance,
        areas,
        suggestions,
        people,
        alerts,
        models,
        model_versions,
    ):
        app.include_router(room.router)
    app.include_router(live_router)
    app.include_router(video_socket.router)
    return app
