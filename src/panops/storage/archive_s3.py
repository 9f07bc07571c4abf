"""Recordings in a bucket of an object store that speaks S3, by obstore (the Rust crate `object_store`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from panops.config.archive_schema import ArchiveConfig
from panops.domain.errors import StorageError
from panops.storage.archive import PART_BYTES, ArchiveAway, NotInArchive, Pace, PacedFile, Stopped, open_source

_CONNECT = timedelta(seconds=5)
# One request: the longest is a part of a file, through a line of a quarter of a Mbit/s; a player does not wait so long.
_SENDING, _READING = timedelta(seconds=180), timedelta(seconds=20)
_MOST_TRIES = {"max_retries": 2, "retry_timeout": timedelta(seconds=30)}
_LONGEST_REASON = 160
_STATUS = re.compile(r"status code: (\d{3} [A-Za-z ]+)")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_Given = TypeVar("_Given")


class S3Archive:
    """An archive in a bucket. The keys are given to the library and stand in no message.

    Args:
        config: Where it is. `config.bucket` is not empty.
    """

    def __init__(self, config: ArchiveConfig) -> None:
        where = config.endpoint or f"Amazon S3, {config.region}"
        self.label = f"the archive in the bucket {config.bucket} of {where}"
        self.known_free_bytes: int | None = None
        self._secrets = (config.access_key.get_secret_value(), config.secret_key.get_secret_value())
        self._sending, self._reading = (_store(config, timeout) for timeout in (_SENDING, _READING))

    def begin(self, *, is_new: bool) -> None:
        """See `Archive.begin`. A bucket that is not there says so when it is asked for the first time."""
        del is_new
        self._ask(lambda: next(iter(obstore.list(self._reading, chunk_size=1)), None))

    def put(self, source: Path, stored: str, size_bytes: int, sha256: str, pace: Pace) -> None:
        """See `Archive.put`. The store says by the ETag what it has; where that says nothing, the file is read back."""
        with open_source(source) as opened:
            file = PacedFile(opened, pace)
            try:
                sent = self._ask(lambda: self._put(stored, file, size_bytes), pace)
            except ArchiveAway:
                if file.failure is not None:
                    raise file.failure from None
                raise
        try:
            file.check(source.name, size_bytes, sha256)
        except StorageError:
            self.remove([stored])
            raise
        if str(sent.get("e_tag") or "").strip('"') in file.etags():
            return
        if self._hash_of(stored, size_bytes, pace) != sha256:
            raise ArchiveAway(f"{self.label} gave back something else than was sent to it")

    def _put(self, stored: str, file: PacedFile, size_bytes: int) -> Any:
        if size_bytes <= PART_BYTES:
            return obstore.put(self._sending, stored, file.read(), use_multipart=False)
        parts = iter(lambda: file.read(PART_BYTES), b"")
        return obstore.put(self._sending, stored, parts, use_multipart=True, chunk_size=PART_BYTES, max_concurrency=1)

    def _hash_of(self, stored: str, size_bytes: int, pace: Pace) -> str:
        digest = hashlib.sha256()
        for start in range(0, size_bytes, PART_BYTES):
            if pace.is_stopped:
                raise Stopped
            digest.update(self.read(stored, start, min(PART_BYTES, size_bytes - start)))
        return digest.hexdigest()

    def read(self, stored: str, start: int, length: int) -> bytes:
        """See `Archive.read`."""
        return bytes(self._ask(lambda: obstore.get_range(self._reading, stored, start=start, length=length)))

    def local(self, stored: str) -> Path | None:
        """See `Archive.local`: never."""
        del stored
        return None

    def remove(self, stored: Iterable[str]) -> None:
        """See `Archive.remove`."""
        names = list(stored)
        if names:
            self._ask(lambda: obstore.delete(self._reading, names))

    def sizes(self, camera_id: str) -> Mapping[str, int]:
        """See `Archive.sizes`."""

        def listed() -> dict[str, int]:
            return {str(one["path"]): int(one["size"]) for page in obstore.list(self._reading, prefix=f"{camera_id}/") for one in page}

        return self._ask(listed)

    def free_bytes(self) -> int | None:
        """See `Archive.free_bytes`: a bucket has no end."""
        return None

    def _ask(self, act: Callable[[], _Given], pace: Pace | None = None) -> _Given:
        try:
            return act()
        except (BaseError, OSError, ValueError) as error:
            if pace is not None and pace.is_stopped:
                raise Stopped from None
            if "<Code>NoSuchBucket<" in str(error):
                raise ArchiveAway(f"{self.label} is not there: make the bucket, or change recording.archive") from None
            if isinstance(error, FileNotFoundError):
                raise NotInArchive(f"{self.label} does not have that file") from None
            # Not chained: the library's own words may hold what the store said of the key.
            raise ArchiveAway(f"{self.label} cannot be used: {self._reason(str(error))}") from None

    def _reason(self, text: str) -> str:
        found = [match[1].strip() for pattern in (_STATUS, _CODE) if (match := pattern.search(text))]
        reason = ", ".join(found) or text.partition("\n")[0][:_LONGEST_REASON]
        for secret in self._secrets:
            reason = reason.replace(secret, "***")
        return reason


def _store(config: ArchiveConfig, timeout: timedelta) -> Any:
    endpoint = {"endpoint": config.endpoint} if config.endpoint else {}
    return S3Store(
        config.bucket,
        prefix=config.prefix or None,
        region=config.region,
        access_key_id=config.access_key.get_secret_value(),
        secret_access_key=config.secret_key.get_secret_value(),
        checksum_algorithm="sha256",
        client_options={"allow_http": config.endpoint.startswith("http://"), "connect_timeout": _CONNECT, "timeout": timeout},
        retry_config={**_MOST_TRIES},
        **endpoint,
    )
