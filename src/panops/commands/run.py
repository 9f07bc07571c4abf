"""`panops run`: a site, live."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from panops.commands.apply import apply_noted
from panops.commands.model_offer import offer_general
from panops.commands.site_server import SiteServerSettings, serve_site, set_up_logging
from panops.config.load import load_site
from panops.domain.errors import ConfigError
from panops.models.default import default_model
from panops.models.store import ModelStore
from panops.pipeline.live import SystemNotice
from panops.pipeline.log_format import LogFormat
from panops.pipeline.tracing import send_traces_to
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.home_lock import only_one
from panops.storage.site import SiteRepository

log = logging.getLogger(__name__)


def run(
    site: Annotated[Path | None, typer.Argument(help="A site file. Without one: the site as it is in the database.")] = None,
    home: Annotated[Path | None, typer.Option(help="Where everything is kept; $PANOPS_HOME, else your data folder.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 opens it to the network.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the page and API.")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    traces: Annotated[
        str, typer.Option(metavar="URL", help="Send traces of frames that raise an event to this OpenTelemetry collector (OTLP, HTTP).")
    ] = "",
    log_format: Annotated[LogFormat, typer.Option(help="text, or json: one object a line.")] = "text",
) -> None:
    """Run a site: cameras in, events out, with the page at http://localhost:8440.

    A site file is applied to the database first; cameras and rules that were added on the page stay. When the file has a fault, the
    faults are shown and the last good state runs, so that a typing error never switches the cameras off.
    """
    set_up_logging(log_level, log_format)
    if traces:
        send_traces_to(traces)
    console = Console()
    place = Home(home).create()
    with only_one(place):
        database = Database.at(place.path)
        database.open()
        try:
            sites = SiteRepository(database)
            notices = _apply(site, database, sites)
            state = sites.load()
            server = state.server.model_copy(update={key: value for key, value in (("host", host), ("port", port)) if value is not None})
            models = ModelStore(place.models)
            if not state.model:
                offer_general(models, console)
            model = default_model(models, allow_network=False)
            serve_site(place, database, SiteServerSettings(server, models, model, notices), console)
        finally:
            database.close()


def _apply(site: Path | None, database: Database, sites: SiteRepository) -> tuple[SystemNotice, ...]:
    """Bring the site file into the database; with a bad file and a good earlier state, a notice instead.

    Raises:
        ConfigError: The file is bad and there is no earlier state to run.
    """
    if site is None:
        return ()
    try:
        apply_noted(database, load_site(site))
    except ConfigError as error:
        if not sites.load().cameras:
            raise
        log.error("%s\nthe last good state runs until the file is mended", error)
        return (SystemNotice("config", "alarm", f"{site.name} has faults, so the last good state runs: {error.problems[0]}"),)
    return ()
