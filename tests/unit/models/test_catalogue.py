from __future__ import annotations

import re
from pathlib import Path

import pytest

from panops.domain.errors import ConfigError
from panops.domain.manifest import SourceKind
from panops.models.catalogue import load_catalogue, parse_catalogue
from panops.models.checksum import sha256_of
from panops.vision.composites import COMPOSITES
from panops.vision.face_embedding import EMBEDDING_HEADS, FACE_EMBEDDING
from panops.vision.face_liveness import LIVENESS
from panops.vision.registry import HEADS, PART, SEGMENTATION, open_part, open_segmentation, open_task
from panops.vision.reid import REID

CATALOGUE = load_catalogue()


@pytest.mark.parametrize("name", CATALOGUE.models)
def test_every_model_has_what_people_must_know(name: str) -> None:
    manifest = CATALOGUE.models[name].manifest
    assert manifest.licence
    assert manifest.credit
    assert manifest.not_for
    assert manifest.accuracy or manifest.needs or manifest.threshold or manifest.task == PART
    assert "GPL" not in manifest.licence
    if manifest.task == SEGMENTATION:
        open_segmentation(manifest)
    elif manifest.task == FACE_EMBEDDING:
        assert manifest.head in EMBEDDING_HEADS
        assert manifest.threshold is not None
    elif manifest.task == REID:
        assert manifest.head == REID
    elif manifest.needs:
        assert manifest.task == LIVENESS or callable(COMPOSITES.load(manifest.head))
        assert all(needed in CATALOGUE.models for needed in manifest.needs.values())
    elif manifest.task == PART:
        if manifest.head in HEADS.names():  # others are no pictures' models, or are read by the model that needs them
            open_part(manifest)
    else:
        open_task(manifest)


@pytest.mark.parametrize("name", CATALOGUE.models)
def test_every_address_is_pinned_to_a_commit_or_a_release(name: str) -> None:
    source = CATALOGUE.models[name].manifest.source
    if source.kind is SourceKind.WHEEL:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", source.location)
        assert source.member
        return
    if source.kind is SourceKind.SDIST:
        assert re.fullmatch(r"[a-z0-9_-]+==[0-9.]+", source.location)
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", source.tags[1])
        return
    assert source.kind is SourceKind.URL
    assert re.match(r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{12,40}/.+", source.location)


@pytest.mark.parametrize("name", CATALOGUE.models)
def test_sizes_and_checksums_are_those_of_the_files(shared_data: Path, name: str) -> None:
    entry = CATALOGUE.models[name]
    path = shared_data / "models" / entry.manifest.file_name
    if entry.manifest.source.kind in (SourceKind.WHEEL, SourceKind.SDIST) and not path.exists():
        pytest.skip(f"{name} comes out of a package: tests/unit/vision looks at it")
    assert (path.stat().st_size, sha256_of(path)) == (entry.size_bytes, entry.manifest.sha256)


def test_mistakes_come_at_once_with_their_places() -> None:
    text = "models:\n- {name: a, task: detection}\n- {name: b}\nassets:\n- {name: c}\n"
    with pytest.raises(ConfigError) as caught:
        parse_catalogue(text, "catalogue.yaml")
    fields = [problem.field for problem in caught.value.problems]
    assert "models.a.head" in fields
    assert "models.b.task" in fields
    assert "assets.c" in fields
