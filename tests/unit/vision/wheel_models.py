"""Model files out of a published wheel, for tests: fetched once for all of pytest's workers, or taken from a folder."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import zipfile
from pathlib import Path

MEDIAPIPE = "mediapipe==0.10.21"
_TAGS = ("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64")


def in_folders(member: str) -> Path | None:
    """The member in a folder that `PANOPS_TEST_WHEELS` names, or in a folder of that one; None where it is not."""
    for named in os.environ.get("PANOPS_TEST_WHEELS", "").split(os.pathsep):
        folder = Path(named)
        if named and folder.is_dir():
            for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
                if (place / member).is_file():
                    return place / member
    return None


def unpacked(requirement: str, folder: Path) -> tuple[Path, str]:
    """A folder with the wheel's files in it, and why it is empty where it is.

    Args:
        requirement: `name==version`.
        folder: One that all of pytest's workers share; the first one fetches, the others wait for it.
    """
    target = folder / requirement.replace("==", "-")
    with (folder / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reason = target / "why-not.txt"
        if not target.exists():
            target.mkdir()
            reason.write_text(_fetch(requirement, target), encoding="utf-8")
        return target, reason.read_text(encoding="utf-8")


def _fetch(requirement: str, target: Path) -> str:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", *_TAGS, "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--retries", "0", "--timeout", "20", "--dest", str(target), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    except subprocess.TimeoutExpired:
        return f"pip needs longer than 240 s for {requirement}"
    wheels = list(target.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        return f"pip cannot get {requirement}: {done.stderr.strip().splitlines()[-1:]}"
    with zipfile.ZipFile(wheels[0]) as archive:
        archive.extractall(target, [name for name in archive.namelist() if name.endswith(".tflite")])
    wheels[0].unlink()
    return ""
