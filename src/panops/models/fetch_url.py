"""Fetches a file over HTTPS, and over nothing else."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from panops import __version__
from panops.domain.errors import ModelNotFound

_CHUNK_BYTES = 256 * 1024
_TIMEOUT_S = 30.0


class _HttpsOnlyRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects (10 at most), but never out of HTTPS."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        """Refuse any other scheme."""
        _check_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]  # typeshed: HTTPMessage


def fetch_url(
    address: str,
    target: Path,
    limit_bytes: int,
    progress: Callable[[int, int | None], None],
    context: ssl.SSLContext | None = None,
) -> None:
    """Write what is at `address` to `target`. Proxies of the environment are used as usual.

    Args:
        address: An `https://` address without a user name.
        target: The file to write.
        limit_bytes: Stop when there is more.
        progress: Called with the bytes so far and in all (None where the server does not say).
        context: TLS settings; the system's certificates when None.

    Raises:
        ModelNotFound: It is no HTTPS address, nobody answers, it is not there, or it is too large.
    """
    _check_https(address)
    handler = urllib.request.HTTPSHandler(context=context or ssl.create_default_context())
    opener = urllib.request.build_opener(handler, _HttpsOnlyRedirects())
    opener.addheaders = [("User-Agent", f"panops/{__version__}")]
    try:
        with opener.open(address, timeout=_TIMEOUT_S) as response, target.open("wb") as writer:
            _copy(response, writer, address, limit_bytes, progress)
    except urllib.error.HTTPError as error:
        error.close()
        raise ModelNotFound(f"{address}: the server answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise ModelNotFound(f"{address}: cannot be reached: {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise ModelNotFound(f"{address}: the connection broke: {error or type(error).__name__}") from error


def _copy(response: Any, writer: IO[bytes], address: str, limit_bytes: int, progress: Callable[[int, int | None], None]) -> None:
    length = response.headers.get("Content-Length")
    total = int(length) if length and length.isdigit() else None
    done = 0
    while chunk := response.read(_CHUNK_BYTES):
        done += len(chunk)
        if done > limit_bytes:
            raise ModelNotFound(f"{address}: expected at most {limit_bytes} bytes, got more")
        writer.write(chunk)
        progress(done, total)
    if total is not None and done < total:
        raise ModelNotFound(f"{address}: the connection broke after {done} of {total} bytes")


def _check_https(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        raise ModelNotFound(f"{parts.scheme or 'this'} is not fetched: expected an https:// address")
    if parts.username or parts.password:
        raise ModelNotFound(
            f"{parts.hostname}: an address with a user name or password is not fetched; download the file and add it as a file"
        )
