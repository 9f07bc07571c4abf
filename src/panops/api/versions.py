"""ETags of settings, and the conditions that requests make with them."""

from __future__ import annotations

from panops.api.problems import ProblemError


def strong(etag: str) -> str:
    """A stored version as an `ETag` header."""
    return f'"{etag}"'


def precondition(etag: str | None, if_match: str | None, if_none_match: str | None) -> None:
    """Check `If-Match` and `If-None-Match` for a thing whose version is `etag`, None when it does not exist.

    Raises:
        ProblemError: 412.
    """
    if if_match is not None and (etag is None or not _names(if_match, etag)):
        raise ProblemError(412, "it was changed or removed since it was read; read it again, then change it")
    if if_none_match is not None and etag is not None and _names(if_none_match, etag):
        raise ProblemError(412, "it exists already")


def _names(header: str, etag: str) -> bool:
    return header.strip() == "*" or strong(etag) in [part.strip() for part in header.split(",")]
