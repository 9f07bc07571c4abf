"""What every route works with, made once by `create_app`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from panops.api.blurred_files import BlurredFiles
from panops.api.event_streams import EventStreams
from panops.api.http_counts import HttpCounts
from panops.api.inference_service import InferenceService
from panops.api.live_socket import LiveSockets
from panops.api.login_limit import LoginLimit
from panops.api.looks import Looks
from panops.api.rates import CallerRates
from panops.api.readiness import Readiness
from panops.api.security import Caller
from panops.api.sending import SendingSlots
from panops.api.settings import ApiSettings
from panops.api.site_view import SiteView
from panops.domain.clock import Clock
from panops.domain.manifest import ModelManifest
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore
from panops.pipeline.enrolment import Enrolment
from panops.pipeline.live import LiveSite
from panops.pipeline.suggesting import Suggesting
from panops.storage.accounts import Accounts
from panops.storage.audit import AuditLog
from panops.storage.compliance import ComplianceRepository
from panops.storage.database import Database
from panops.storage.erasure import Erasure
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.gallery import Gallery
from panops.storage.look_shelf import LookShelf
from panops.storage.outbox import Outbox
from panops.storage.second_factor import SecondFactors
from panops.storage.site import SiteRepository
from panops.storage.switches import SwitchStore
from panops.storage.trail import TrackTrail
from panops.storage.wall_views import WallViews

if TYPE_CHECKING:
    from panops.api.oidc_sign_in import OidcSignIn
    from panops.api.video_socket import VideoSockets


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model as the page shows it.

    Attributes:
        manifest: What is known of it.
        installed: Whether its file is here and has the right checksum.
        note: One sentence for people, or empty.
        version: The version in use; empty where it is not installed.
        shadow: The version that looks on beside it, or empty.
        builtin: Whether the version in use comes with panops.
    """

    manifest: ModelManifest
    installed: bool
    note: str = ""
    version: str = ""
    shadow: str = ""
    builtin: bool = False


class ModelCatalogue(Protocol):
    """What the API may know of models. Everything may block; it is asked in a thread."""

    @property
    def store(self) -> ModelStore | None:
        """Where the versions are; None for an installation that has none."""
        ...

    def known(self) -> Sequence[KnownModel]:
        """Every model that is installed or can be had, by name."""
        ...

    def default(self) -> tuple[str, str]:
        """The name of the site's default model, and one sentence why it is that one (empty when there is nothing to say)."""
        ...

    def trouble(self, model: StoredModel) -> str:
        """Why a version cannot run on this machine; empty where it can. It is loaded for that, so this takes up to some seconds."""
        ...


class NoModels:
    """A catalogue without models, for an installation that has none."""

    @property
    def store(self) -> ModelStore | None:
        """Nowhere."""
        return None

    def known(self) -> Sequence[KnownModel]:
        """Nothing."""
        return ()

    def default(self) -> tuple[str, str]:
        """Nothing."""
        return "", ""

    def trouble(self, model: StoredModel) -> str:
        """None that anybody looked for."""
        del model
        return ""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that routes use.

    Attributes:
        settings: What the run command decided.
        clock: Time.
        database: The open database.
        readiness: Whether the database can be used.
        live: The running site; only called on the event loop.
        models: The models.
        sites: Desired state, for writing.
        switches: What of cameras is switched off beside that.
        view: Desired state, for reading.
        events: Events.
        evidence: Files that prove events.
        blurred: Copies of them without faces.
        trails: Boxes over time.
        compliance: What people wore who have left.
        wall_views: Saved views of the wall.
        suggesting: What judged events suggest to change.
        look_shelf: What was followed in the last hours.
        outbox: What is told to whom, and what became of it.
        accounts: Users, sessions, tokens.
        audit: Who did what.
        second_factors: Codes of apps, and recovery codes.
        looks: Notes who looked at what proof.
        logins: Slows down the guessing of passwords.
        codes: Slows down the guessing of second factors.
        rates: How often one caller may ask for what is dear.
        oidc: The provider where people may sign in instead, or None.
        sockets: The open websockets.
        videos: The open players of live video.
        streams: The open event streams.
        http: What the metrics say of requests.
        inference: Models for programs.
        gallery: The people who are known.
        enrolment: Adds pictures of them, and says who is in one.
        erasure: Deletes them.
        editing: Held while desired state is checked and written, so that two edits do not mix.
        probes: Bounds how many connection tests run at once.
        exports: Bounds how many exports of events are sent at once: each reads the disk as fast as its reader takes it.
        films: The same for films of recordings, which keep their space on the disk until they are sent.
        dry_runs: Bounds how many rules are tried at once.
        hashing: Bounds how many passwords are hashed at once: each takes a tenth of a second and 32 MiB, and strangers can ask for it.
    """

    settings: ApiSettings
    clock: Clock
    database: Database
    readiness: Readiness
    live: LiveSite
    models: ModelCatalogue
    sites: SiteRepository
    switches: SwitchStore
    view: SiteView
    events: EventRepository
    evidence: EvidenceStore
    blurred: BlurredFiles
    trails: TrackTrail
    compliance: ComplianceRepository
    wall_views: WallViews
    suggesting: Suggesting
    look_shelf: LookShelf
    outbox: Outbox
    accounts: Accounts
    audit: AuditLog
    second_factors: SecondFactors
    looks: Looks
    logins: LoginLimit
    codes: LoginLimit
    rates: CallerRates
    oidc: OidcSignIn | None
    sockets: LiveSockets
    videos: VideoSockets
    streams: EventStreams
    http: HttpCounts
    inference: InferenceService
    gallery: Gallery
    enrolment: Enrolment
    erasure: Erasure
    editing: asyncio.Lock
    probes: asyncio.Semaphore
    face_reads: asyncio.Semaphore
    exports: SendingSlots
    films: SendingSlots
    dry_runs: asyncio.Semaphore
    hashing: asyncio.Semaphore

    async def note(self, caller: Caller | str, action: str, target: str = "", detail: Mapping[str, Any] | None = None) -> None:
        """Write into the audit log."""
        user = caller if isinstance(caller, str) else caller.username
        await run_in_threadpool(self.audit.record, self.clock.utc_s(), user, action, target, detail)

    def event_reviewed(self, event_id: str, camera_id: str) -> None:
        """Somebody reviewed an event: tell the open pages and streams."""
        self.sockets.event_changed(event_id, camera_id)
        self.streams.event_changed(event_id, camera_id)

    async def site_changed(self) -> None:
        """The desired state was written: let the running site follow, and tell the open pages."""
        await self.live.reload()
        self.sockets.check()


def services_of(connection: HTTPConnection) -> Services:
    """The app's services."""
    services = connection.app.state.services
    assert isinstance(services, Services)  # noqa: S101 - set by create_app before any request
    return services


async def _services(connection: HTTPConnection) -> Services:
    """The same as a dependency. It is a coroutine so that it does not take a thread of its own for each request."""
    return services_of(connection)


Needed = Annotated[Services, Depends(_services)]
Size = Literal["s", "m", "l"]
