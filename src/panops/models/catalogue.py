"""The models and clips that panops knows where to find: `catalogue.yaml`, checked like any other input."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from panops.domain.errors import ConfigError, ConfigProblem
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.fetch import Wanted
from panops.models.manifest_file import manifest_from

_ASSET_KEYS = ("name", "what", "licence", "source", "file_name", "size_bytes", "sha256", "credit")


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A model that can be had.

    Attributes:
        manifest: What is known of it.
        size_bytes: The file's size.
    """

    manifest: ModelManifest
    size_bytes: int

    @property
    def wanted(self) -> Wanted:
        """What to fetch."""
        return Wanted(self.manifest.name, self.manifest.source, self.manifest.sha256, self.size_bytes)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that is no model, a sample clip.

    Attributes:
        what: What it is, in a few words.
        licence: SPDX identifier, or what its publisher says.
        file_name: Its name on disk.
        wanted: What to fetch.
        credit: Whom to credit.
    """

    what: str
    licence: str
    file_name: str
    wanted: Wanted
    credit: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Both, by name."""

    models: Mapping[str, CatalogueEntry]
    assets: Mapping[str, Asset]


@lru_cache(maxsize=1)
def load_catalogue() -> Catalogue:
    """The catalogue that comes with panops."""
    return parse_catalogue(files("panops.models").joinpath("catalogue.yaml").read_text(encoding="utf-8"), "catalogue.yaml")


def parse_catalogue(text: str, origin: str) -> Catalogue:
    """Check a catalogue's text.

    Raises:
        ConfigError: It has mistakes; all of them are listed, with the entry's name.
    """
    data: Any = yaml.safe_load(text)
    problems: list[ConfigProblem] = []
    models: dict[str, CatalogueEntry] = {}
    for raw in data.get("models", []):
        entry = dict(raw)
        size_bytes = entry.pop("size_bytes", None)
        name = str(entry.get("name"))
        try:
            manifest = manifest_from(entry, name)
        except ConfigError as error:
            problems += [ConfigProblem(f"models.{name}.{problem.field}", problem.message) for problem in error.problems]
            continue
        if not isinstance(size_bytes, int) or size_bytes < 1:
            problems.append(ConfigProblem(f"models.{name}.size_bytes", f"expected the file's size in bytes, got {size_bytes!r}"))
            continue
        if name in models:
            problems.append(ConfigProblem(f"models.{name}", "is there twice"))
        models[name] = CatalogueEntry(manifest, size_bytes)
    assets: dict[str, Asset] = {}
    for raw in data.get("assets", []):
        name = str(raw.get("name"))
        wrong = _asset_problems(raw)
        problems += [ConfigProblem(f"assets.{name}", message) for message in wrong]
        if not wrong:
            assets[name] = _asset(raw)
    if problems:
        raise ConfigError(origin, problems)
    return Catalogue(models, assets)


def _asset_problems(raw: Mapping[str, Any]) -> list[str]:
    missing = [f"{key} is missing" for key in _ASSET_KEYS if key not in raw]
    if missing:
        return missing
    if not re.fullmatch(r"[0-9a-f]{64}", str(raw["sha256"])):
        return [f"sha256: expected 64 hexadecimal digits, got {raw['sha256']!r}"]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", str(raw["file_name"])):
        return [f"file_name: expected a plain file name, got {raw['file_name']!r}"]
    return []


def _asset(raw: Mapping[str, Any]) -> Asset:
    where = raw["source"]
    source = ModelSource(SourceKind(where["kind"]), str(where["location"]), str(where.get("member", "")), tuple(where.get("tags", ())))
    wanted = Wanted(str(raw["name"]), source, str(raw["sha256"]), int(raw["size_bytes"]))
    return Asset(str(raw["what"]), str(raw["licence"]), str(raw["file_name"]), wanted, str(raw["credit"]))
