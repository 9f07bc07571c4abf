"""Options of commands that ask a running panops, and the client that they use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from panops.client import Client
from panops.domain.errors import PanopsError

DEFAULT_URL = "http://127.0.0.1:8440"

UrlOption = Annotated[
    str, typer.Option("--url", metavar="URL", envvar="PANOPS_URL", help="Ask a running panops at this address; needs a token.")
]
# Not from the environment: a command that works on this machine's own site must not go elsewhere unasked.
AlsoUrlOption = Annotated[str, typer.Option("--url", metavar="URL", help="Ask a running panops at this address instead; needs a token.")]
TokenFileOption = Annotated[
    Path | None, typer.Option("--token-file", metavar="FILE", help="A file with a token of it; $PANOPS_TOKEN where it is not said.")
]
CaFileOption = Annotated[Path | None, typer.Option("--ca-file", metavar="FILE", help="Certificates to trust for https.")]


def connect(url: str, token_file: Path | None, ca_file: Path | None = None) -> Client:
    """A client of the panops at `url`.

    Raises:
        PanopsError: There is no token, or no such address.
    """
    try:
        token = token_file.read_text(encoding="utf-8").strip() if token_file is not None else os.environ.get("PANOPS_TOKEN", "").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PanopsError(f"cannot read the token in {token_file}: {getattr(error, 'strerror', None) or 'it is no text'}") from error
    if not token:
        raise PanopsError(
            f"expected a token for {url}: set PANOPS_TOKEN, or give --token-file; an administrator makes one with POST /api/v1/tokens"
        )
    return Client(url, token, ca_file=ca_file)
