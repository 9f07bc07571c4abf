"""Camera addresses at the API's edge: hidden passwords, kept passwords, and which addresses may be given at all."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from panops.api.problems import FieldError, ProblemError
from panops.domain.errors import SourceError
from panops.ingest.address import HIDDEN, AddressKind, parse_address

MOST_MATCHES = 1000
_ON_DISK = frozenset({AddressKind.FILE, AddressKind.FOLDER, AddressKind.GLOB, AddressKind.DEVICE})


def masked(source: str) -> str:
    """The address for people: its passwords, in the login and in parameters such as `pwd=`, replaced by `***`.

    Where a raw password could be read in two ways (`u:p@ss/word@host`), the reading that hides more is shown.
    """
    try:
        shown = parse_address(source).masked
    except SourceError:
        # It cannot be read, so nobody can say where a password would be.
        return HIDDEN
    scheme, separator, rest = shown.partition("://")
    user, colon, _ = re.split(r"[/?#@]", rest, maxsplit=1)[0].partition(":")
    if separator and colon and "@" in rest:
        return f"{scheme}://{user}:{HIDDEN}@{rest.rpartition('@')[2]}"
    return shown


def resolved(given: str, stored: str | None, *others: str) -> str:
    """The address that is meant by what a page sent back.

    Args:
        given: From the request: empty or the masked address for "as it is", or a new one; a new one at the same host for the same user
            may keep the mask in place of the password.
        stored: The address in the database, or None for a new camera.
        *others: Further addresses of the same camera: a mask may stand for their passwords, too, at their own host and user.

    Raises:
        ProblemError: 422: a mask whose password cannot be known. The password is never put into an address of another host: that would
            hand it to whoever runs that host.
    """
    given = given.strip()
    if stored is not None and given in ("", masked(stored)):
        return stored
    if HIDDEN not in given:
        return given
    known = [address for address in (stored, *others) if address]
    kept = next((address for address in known if masked(address) == given), None)
    if kept is None:
        kept = next((whole for address in known if (whole := _with_password_of(given, address)) is not None), None)
    if kept is None:
        raise _refusal(f"the address holds {HIDDEN} in place of the password; for a new address, type the password again")
    return kept


def refuse_forbidden(source: str, file_roots: Sequence[Path]) -> None:
    """Check that an address given over the API may be opened. Looks at the disk for a file or pattern.

    Network addresses may be opened: adding cameras is what an administrator does. A file or device is read only inside `file_roots`, else
    whoever can add a camera could read any file of this machine.

    Raises:
        ProblemError: 422: a file or device outside the folders, or an address that cannot be read.
    """
    try:
        address = parse_address(source)
    except SourceError as error:
        raise _refusal(str(error)) from error
    if address.kind is AddressKind.PLUGIN:
        raise _refusal(f"expected an address that begins with rtsp, rtsps, http, https or sim, got {address.scheme}:")
    if address.kind in _ON_DISK and not _is_inside(address.target, file_roots):
        folders = ", ".join(str(root) for root in file_roots) or "none are set"
        if not address.target.startswith("/"):
            raise _refusal(
                f"is it a camera? then begin with rtsp://; a file must lie in one of the allowed folders ({folders}), as an absolute path"
            )
        raise _refusal(
            f"over the API a camera's file or device must lie in one of the allowed folders ({folders}), given as an absolute path"
        )


def _refusal(detail: str) -> ProblemError:
    return ProblemError(422, detail, [FieldError("source", detail)])


def _is_inside(path: str, file_roots: Sequence[Path]) -> bool:
    names = Path(path).parts
    if not path.startswith("/") or "\x00" in path or ".." in names:
        return False
    # Of a pattern only the part before its first wildcard can be resolved; what it finds today is looked at one by one.
    fixed = next((index for index, name in enumerate(names) if glob.has_magic(name)), len(names))
    places = [Path(path), Path(*names[:fixed])]
    if fixed < len(names):
        found = sorted(glob.iglob(path))[: MOST_MATCHES + 1]  # noqa: PTH207 - Path.glob takes no absolute pattern
        if len(found) > MOST_MATCHES:
            return False
        places += [Path(name) for name in found]
    try:
        roots = [root.resolve() for root in file_roots]
        return all(any(place.resolve().is_relative_to(root) for root in roots) for place in places)
    except (OSError, RuntimeError):
        return False  # a loop of links


def _with_password_of(given: str, stored: str) -> str | None:
    """`given` with the stored password in place of its mask; None unless it is for the same user at the same host and port."""
    before, after = _login(stored), _login(given)
    if before is None or after is None or after[2] != HIDDEN or (before[:2], before[3]) != (after[:2], after[3]):
        return None
    kept = given.replace(f":{HIDDEN}@", f":{before[2]}@", 1)
    try:
        was, becomes = parse_address(stored), parse_address(kept)
    except SourceError:
        return None
    same_place = (was.scheme, was.host, was.port) == (becomes.scheme, becomes.host, becomes.port)
    return kept if same_place and HIDDEN not in kept.replace(before[2], "", 1) else None


def _login(source: str) -> tuple[str, str, str, str] | None:
    """Scheme, user, password and host with port, or None where there is no password."""
    scheme, separator, rest = source.partition("://")
    login, at, tail = rest.rpartition("@")
    user, colon, password = login.partition(":")
    if not (separator and at and colon):
        return None
    return scheme.lower(), user, password, re.split(r"[/?#]", tail, maxsplit=1)[0].lower()
