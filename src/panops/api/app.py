"""The application: `create_app` joins the settings, the database and the running site into one FastAPI app."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.websockets import WebSocket

from panops.api import (
    alerts,
    camera_discovery,
    camera_import,
    cameras,
    compliance,
    drift,
    events,
    health,
    media,
    metrics,
    models,
    problems,
    rules,
    session,
    setup,
    site,
    suggestions,
    users,
)
from panops.api.clean_body import clean_body
from panops.api.http_counts import HttpCounts
from panops.api.live_socket import LiveSockets, SocketParts
from panops.api.login_limit import LoginLimit
from panops.api.readiness import Readiness
from panops.api.request_frame import RequestFrame
from panops.api.resolver import resolver_for
from panops.api.security import OPEN, Gate
from panops.api.services import ModelCatalogue, NoModels, Services, services_of
from panops.api.settings import ApiSettings
from panops.api.site_view import SiteView
from panops.domain.clock import Clock, SystemClock
from panops.pipeline.live import LiveSite
from panops.pipeline.suggesting import Suggesting
from panops.storage.accounts import Accounts
from panops.storage.audit import AuditLog
from panops.storage.compliance import ComplianceRepository
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.outbox import Outbox
from panops.storage.site import SiteRepository
from panops.storage.switches import SwitchStore
from panops.storage.trail import TrackTrail

MOST_PROBES = 4
MOST_HASHES = 2

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
) -> FastAPI:
    """Make the app. `panops.web` adds its pages to it afterwards; they find the caller in `request.state.user`, None for a stranger.

    Args:
        settings: What the run command decided.
        database: An open database.
        live: The running site.
        catalogue: What is known of models; none when None.
        clock: Time.
        accounts: Users; made from the database when None (tests give some with cheap hashes).

    Raises:
        StorageError: The evidence folder cannot be made.
    """
    clock = clock or SystemClock()
    accounts = accounts or Accounts(database, clock)
    registry = CollectorRegistry(auto_describe=False)
    sites, events_stored, resolve = SiteRepository(database), EventRepository(database), resolver_for(accounts)
    view = SiteView(sites)
    sockets = LiveSockets(SocketParts(live, view, events_stored, resolve), settings.max_sockets, settings.max_sockets_of_one)
    services = Services(
        settings=settings, clock=clock, database=database, readiness=Readiness(database, clock), live=live,
        models=catalogue or NoModels(), sites=sites, switches=SwitchStore(database), view=view,
        events=events_stored, evidence=EvidenceStore(database, settings.evidence_folder, clock), trails=TrackTrail(database),
        compliance=ComplianceRepository(database),
        suggesting=Suggesting(database, clock),
        outbox=Outbox(database), accounts=accounts, audit=AuditLog(database), logins=LoginLimit(clock), sockets=sockets,
        http=HttpCounts(registry),
        editing=asyncio.Lock(), probes=asyncio.Semaphore(MOST_PROBES), hashing=asyncio.Semaphore(MOST_HASHES),
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
        responses={"default": {"description": "what is wrong, as RFC 9457 says", "content": {"application/problem+json": {}}}},
        middleware=[
            Middleware(
                RequestFrame, allowed_hosts=settings.allowed_hosts, max_body_bytes=settings.max_body_bytes, finished=services.http.finished
            ),
            Middleware(Gate, resolve=resolve),
        ],
    )
    app.state.services = services
    app.state.metrics = registry
    problems.register(app)
    for room in (
        health,
        metrics,
        setup,
        session,
        users,
        site,
        cameras,
        camera_import,
        camera_discovery,
        drift,
        rules,
        events,
        media,
        compliance,
        suggestions,
        alerts,
        models,
    ):
        app.include_router(room.router)
    app.include_router(live_router)
    return app
