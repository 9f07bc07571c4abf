"""Where a recorded file is: in the recordings' folder, or in the archive."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from panops.api.problems import ProblemError
from panops.config.schema import SiteConfig
from panops.domain.errors import PanopsError
from panops.domain.recordings import Place, Segment
from panops.storage.archive import Archive, NotInArchive, open_archive
from panops.storage.errors import from_os
from panops.storage.recording_folder import EXPORT, RecordingFolder

_PIECE_BYTES = 4 * 1024 * 1024


class RecordedFiles:
    """A site's recorded files, wherever they are.

    Args:
        site: Its settings.
        folder: The recordings' folder.
    """

    def __init__(self, site: SiteConfig, folder: RecordingFolder) -> None:
        self._config = site.recording.archive
        self.folder = folder

    def here(self, one: Segment) -> Path | None:
        """The file in the recordings' folder. The archive's folder may lie on a network disk that hangs, and is not looked into."""
        return self.folder.find(one.path)

    def local(self, one: Segment) -> Path | None:
        """The file itself, where this machine can open it. May wait for the archive's disk."""
        found = self.here(one)
        if found is not None or not is_archived(one) or self._config is None:
            return found
        return self.archive().local(one.path)

    def archive(self) -> Archive:
        """The archive.

        Raises:
            ProblemError: 503: the settings name none, or it cannot be used.
        """
        if self._config is None:
            raise ProblemError(503, "this recording lies in an archive that the settings do not name any more")
        try:
            return open_archive(self._config)
        except PanopsError as error:
            raise away() from error

    def to_fetch(self, segments: Sequence[Segment]) -> list[Segment]:
        """Those that this machine cannot open."""
        return [one for one in segments if is_archived(one) and self.local(one) is None]

    @contextmanager
    def opened(self, segments: Sequence[Segment]) -> Iterator[list[tuple[Segment, Path]]]:
        """Files that can be read, while the block runs: what is elsewhere is fetched into the recordings' folder, and compared.

        Files that are missing are left out, as gaps.

        Raises:
            ProblemError: 503: the archive does not answer. 409: it gave something else than was recorded.
            StorageError: The disk refuses.
        """
        fetched: list[Path] = []
        try:
            found = []
            for one in segments:
                path = self.local(one)
                if path is None and is_archived(one):
                    path = self.folder.path / f"{EXPORT}{secrets.token_hex(8)}.mp4"
                    fetched.append(path)
                    if not self._fetch(one, path):
                        continue
                if path is not None:
                    found.append((one, path))
            yield found
        finally:
            for path in fetched:
                path.unlink(missing_ok=True)

    def _fetch(self, one: Segment, target: Path) -> bool:
        archive, digest = self.archive(), hashlib.sha256()
        try:
            with target.open("wb") as file:
                for start in range(0, one.size_bytes, _PIECE_BYTES):
                    piece = archive.read(one.path, start, min(_PIECE_BYTES, one.size_bytes - start))
                    digest.update(piece)
                    file.write(piece)
        except NotInArchive:
            return False
        except PanopsError as error:
            raise away() from error
        except OSError as error:
            raise from_os(error, self.folder.path, self.folder.label) from error
        if digest.hexdigest() != one.sha256:
            raise ProblemError(409, f"the archive gave something else than was recorded of {one.path}: its sha256 is another one")
        return True


def is_archived(one: Segment) -> bool:
    """Whether the archive has it."""
    return one.place in (Place.ARCHIVE, Place.BOTH)


def away() -> ProblemError:
    """503: the archive does not answer."""
    return ProblemError(503, "the archive of recordings does not answer now; try again later", headers={"Retry-After": "30"})
