"""A file with a checksum, and wheels made on the spot."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

CONTENT = b"not a real network, but a file with a checksum " * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def make_wheel(folder: Path, name: str, version: str, members: dict[str, bytes], tag: str = "py3-none-any") -> Path:
    """A wheel that pip accepts."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        **members,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    record = "".join(f"{member},,\n" for member in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in files.items():
            archive.writestr(member, content)
        archive.writestr(f"{info}/RECORD", record)
    return path
