from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from panops.api.app import create_app
from panops.api.services import KnownModel, NoModels
from panops.api.settings import ApiSettings
from panops.config.load import parse_site
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.storage.site import SiteRepository

from .conftest import SITE, MakeSite, Site

pytestmark = pytest.mark.anyio


class TwoModels(NoModels):
    """A catalogue with one model that is here and one that is not."""

    def known(self) -> Sequence[KnownModel]:
        source = ModelSource(SourceKind.URL, "https://models.example/nano.onnx")
        manifest = ModelManifest(
            "nano", "detection", "yolox", "1", "Apache-2.0", source, "nano.onnx", "ab" * 32, (416, 416), ("person", "car"),
            accuracy={"coco-val2017 AP": 0.258}, not_for="views from above",
        )  # fmt: skip
        return [KnownModel(manifest, True, "", "3", "4", True), KnownModel(manifest, False, "run `panops models add nano`")]

    def default(self) -> tuple[str, str]:
        return "motion", "nano is not installed"


@pytest.fixture
def with_models(make_site: MakeSite, filled_database: Path) -> Site:
    site = make_site(filled_database)
    site.app = create_app(
        ApiSettings(site.home / "evidence"), site.database, site.live, catalogue=TwoModels(), clock=site.clock, accounts=site.accounts
    )
    return site


async def test_models_with_what_is_known_of_them(with_models: Site) -> None:
    answer = (await with_models.get("vera", "/api/v1/models")).json()
    assert (answer["active"], answer["note"]) == ("motion", "nano is not installed")
    assert [model["state"] for model in answer["models"]] == ["installed", "available"]
    first = answer["models"][0]
    assert first["sha256"] == "ab" * 32
    assert first["input_size_wh"] == [416, 416]
    assert first["accuracy"] == {"coco-val2017 AP": 0.258}
    assert (first["version"], first["shadow"], first["builtin"]) == ("3", "4", True)
    assert (first["licence"], first["source_kind"], first["not_for"]) == ("Apache-2.0", "url", "views from above")


async def test_the_page_says_which_model_and_why(with_models: Site) -> None:
    answer = (await with_models.get("vera", "/api/v1/site")).json()
    assert (answer["model"], answer["model_note"]) == ("motion", "nano is not installed")
    SiteRepository(with_models.database).apply(parse_site(SITE + "model: nano\n", "test", {}))
    answer = (await with_models.get("vera", "/api/v1/models")).json()
    assert (answer["active"], answer["note"]) == ("nano", "Cameras use nano, which the site names.")


async def test_an_installation_without_models(site: Site) -> None:
    assert (await site.get("vera", "/api/v1/models")).json() == {"active": "", "note": "", "models": []}
