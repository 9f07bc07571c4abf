"""`panops cameras discover`: which ONVIF cameras are on the network."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from panops.commands.options import JsonOption
from panops.ingest.discovery import discover
from panops.ingest.onvif_device import Camera


def discover_cameras(
    username: Annotated[str, typer.Option(help="Of the cameras; most tell their streams only with one.")] = "",
    password: Annotated[
        str, typer.Option(envvar="PANOPS_CAMERA_PASSWORD", help="Of the cameras; asked for when it is not given.", show_default=False)
    ] = "",
    host: Annotated[str, typer.Option(help="Ask this one only, also behind a router.")] = "",
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="How long to wait for answers.")] = 3.0,
    as_json: JsonOption = False,
) -> None:
    """Ask the network for ONVIF cameras, and each of them for its streams.

    A digest of the password goes to every device that answers: use one that is for cameras only. Exit code 1 when nobody answers.
    """
    if username and not password:
        password = typer.prompt("Password of the cameras", hide_input=True, err=True)
    found = discover(seconds, username=username, password=password, host=host)
    typer.echo(json.dumps([_plain(one) for one in found], indent=2) if as_json else _sentences(found))
    raise typer.Exit(0 if found else 1)


def _plain(found: Camera) -> dict[str, object]:
    return {**asdict(found.device), "streams": [asdict(one) for one in found.profiles], "problem": found.problem}


def _sentences(found: list[Camera]) -> str:
    if not found:
        return "nobody answered: multicast does not cross routers and bridges; ask one camera with --host, or wait longer with --seconds"
    lines = []
    for one in found:
        device = one.device
        lines.append("  ".join(text for text in (device.host, device.name, device.hardware, device.location) if text))
        for stream in one.profiles:
            width, height = stream.size_wh
            lines.append(f"    {stream.source}  {stream.name} {stream.codec} {width}x{height}, {stream.rate_fps:g}/s")
        if one.problem:
            lines.append(f"    {one.problem}")
    return "\n".join(lines)
