"""Runs a whole site in the foreground: database, supervisor, page. Shared by `panops run` and `panops demo`."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from panops.api.app import create_app
from panops.api.grpc_server import grpc_served
from panops.api.request_frame import RequestIdFilter
from panops.api.serve import open_listener, run_server
from panops.api.settings import ApiSettings
from panops.commands.enrolment_reader import reader_opener
from panops.commands.model_shelf import ModelShelf
from panops.config.schema import ServerConfig
from panops.domain.clock import SystemClock
from panops.models.default import DefaultModel
from panops.models.store import ModelStore
from panops.pipeline.inference_desk import InferenceDesk
from panops.pipeline.live import SystemNotice
from panops.pipeline.log_format import FORMAT_VARIABLE, LEVEL_VARIABLE, JsonFormatter, LogFormat, TextFormatter
from panops.pipeline.supervisor import Supervisor, SupervisorSettings
from panops.storage.accounts import Accounts, SessionLimits
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.scope import Role
from panops.storage.site import SiteRepository
from panops.web.pages import mount

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SiteServerSettings:
    """What a command decided before the site starts.

    Attributes:
        server: Address and port.
        models: Where models are.
        model: The default detector and the sentence about it.
        notices: What the page should say from the start (a bad site file, say).
    """

    server: ServerConfig
    models: ModelStore
    model: DefaultModel
    notices: tuple[SystemNotice, ...] = ()


def set_up_logging(level: str, form: LogFormat = "text") -> None:
    """Log to standard error: readable on a terminal, plain in a file, or one JSON object a line. The shards do the same."""
    stderr = Console(stderr=True)
    if stderr.is_terminal and form == "text":
        handler: logging.Handler = RichHandler(console=stderr, show_path=False, log_time_format="%H:%M:%S")
        handler.setFormatter(TextFormatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.addFilter(RequestIdFilter())
        text = "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s"
        handler.setFormatter(JsonFormatter("supervisor") if form == "json" else TextFormatter(text))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    os.environ[LEVEL_VARIABLE], os.environ[FORMAT_VARIABLE] = level.upper(), form
    logging.getLogger("alembic").setLevel(logging.WARNING)


def serve_site(home: Home, database: Database, settings: SiteServerSettings, console: Console) -> None:
    """Run until SIGTERM or Ctrl-C, then drain: open events end, clips are written, nothing stored is lost.

    Raises:
        PanopsError: It cannot start (the port is taken, the database cannot be used ...).
    """
    asyncio.run(_serve(home, database, settings, console))


async def _serve(home: Home, database: Database, settings: SiteServerSettings, console: Console) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    setup_code = secrets.token_hex(4)
    supervisor = Supervisor(home, database, SupervisorSettings(default_model=settings.model.name), initial_notices=settings.notices)
    desk = InferenceDesk(
        home, lambda: max((shard.relief for shard in supervisor.shards()), default=0.0), lambda: SiteRepository(database).load().device
    )
    supervisor.usage.also(lambda: [] if desk.pid is None else [desk.pid])
    app = create_app(
        ApiSettings(
            setup_code=setup_code,
            allowed_hosts=tuple(settings.server.allowed_hosts),
            trusted_proxies=tuple(settings.server.trusted_proxies),
            # Behind a proxy on this machine every stranger comes from 127.0.0.1.
            loopback_is_local=not settings.server.trusted_proxies,
            require_second_factor=frozenset(map(Role, settings.server.require_second_factor)),
            oidc=settings.server.oidc,
            proxy_login=settings.server.proxy_login,
            public_url=settings.server.public_url,
            port=settings.server.port,
            allowed_addresses=tuple(settings.server.allowed_addresses),
            evidence_folder=home.evidence,
            recordings_folder=home.recordings,
            looks_folder=home.looks,
            allowed_file_roots=(home.clips, *map(Path, settings.server.file_roots)),
        ),
        database,
        supervisor,
        catalogue=ModelShelf(settings.models, settings.model),
        accounts=Accounts(
            database, SystemClock(), limits=SessionLimits(settings.server.session_idle_h * 3600, settings.server.session_max_h * 3600)
        ),
        desk=desk,
        face_reader=reader_opener(settings.models, lambda: SiteRepository(database).load()),
    )
    mount(app)
    open_listener(settings.server.host, settings.server.port).close()  # a port that is taken is said before any camera is started
    async with grpc_served(app.state.services, settings.server.grpc):
        await supervisor.start()
        try:
            await run_server(
                app,
                settings.server.host,
                settings.server.port,
                stop,
                lambda address: _greet(address, database, settings, setup_code, console),
            )
        finally:
            console.print("stopping: ending open events and writing their clips ...", style="dim")
            await desk.stop()
            await supervisor.stop()
            console.print("stopped", style="dim")


def _greet(address: str, database: Database, settings: SiteServerSettings, setup_code: str, console: Console) -> None:
    console.print(f"\n[bold]panops runs on {address}[/bold]")
    console.print(settings.model.note, style="dim")
    if Accounts(database, SystemClock()).count() == 0:
        console.print("Open that address to create the first account.", style="bold")
        console.print(f"From another machine, or through a proxy, it asks for this one-time code: [bold]{setup_code}[/bold]", style="dim")
    console.print("Stop with Ctrl-C.\n", style="dim")
