"""What is there of one model: its versions on disk, and which of them is used.

`NAME/VERSION/` holds a version: `manifest.yaml`, the file it names, and the papers of `provenance`. `NAME/state.json` says which one is
active. Models of older installations lie in `NAME/` itself and are read as they are; the first change moves them into a folder of their
version. A model that comes with panops is a version like the others, which nobody can take away.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from panops.domain.errors import ConfigError, ModelNotFound, ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.models.manifest_file import MANIFEST_NAME, read_manifest
from panops.models.state import ModelState, load_state, save_state
from panops.models.version_id import is_version, version_id

logger = logging.getLogger(__name__)

HALF_MADE = ".incoming-"


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A version of a model that is here.

    Attributes:
        manifest: What is known of it.
        path: Its file; the checksum was right when it was handed out by `ModelStore.get`.
        builtin: Whether it comes with panops; then it cannot be removed.
        version: Its version; empty for a file that is in no store.
    """

    manifest: ModelManifest
    path: Path
    builtin: bool = False
    version: str = ""

    @property
    def reference(self) -> str:
        """`NAME@VERSION`, which `ModelStore.get` takes."""
        return f"{self.manifest.name}@{self.version}" if self.version else self.manifest.name


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version is."""

    folder: Path
    builtin: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """One model's versions and what was decided about them.

    Attributes:
        name: The model.
        folder: Where its versions and its state are, whether it exists or not.
        places: Where each version is, in the order of their names.
        state: What was decided.
    """

    name: str
    folder: Path
    places: Mapping[str, Place]
    state: ModelState

    @property
    def builtin_version(self) -> str:
        """The version that comes with panops, or empty."""
        return next((version for version, place in self.places.items() if place.builtin), "")

    @property
    def active(self) -> str:
        """The version in use.

        Raises:
            ModelNotFound: The one that was chosen is gone, or nobody chose and there are several.
        """
        chosen = self.state.active
        if chosen in self.places:
            return chosen
        if self.builtin_version:
            return self.builtin_version  # an update of panops brought another one
        known = ", ".join(self.places)
        if chosen:
            here = f"choose one of those that are here ({known})" if known else "add it again"
            raise ModelNotFound(
                f"model {self.name!r}: its active version {chosen} is gone; {here} with: panops models promote {self.name} VERSION"
            )
        if len(self.places) != 1:
            raise ModelNotFound(
                f"model {self.name!r} has the versions {known} and none is active; choose one: panops models promote {self.name} VERSION"
            )
        return known

    @property
    def active_or_none(self) -> str:
        """The version in use; empty where there is none."""
        try:
            return self.active
        except ModelNotFound:
            return ""

    @property
    def shadow(self) -> str:
        """The version that looks on; empty for none, and for one that is gone or active itself."""
        shadow = self.state.shadow
        return shadow if shadow in self.places and shadow != self.active_or_none else ""

    def read(self, version: str) -> StoredModel:
        """A version as its manifest tells it; its file is not looked at.

        Raises:
            ModelNotFound: There is no such version.
            ModelUnsupported: Its manifest is damaged, or of another model.
        """
        if version not in self.places:
            known = ", ".join(self.places) or "none"
            raise ModelNotFound(f"model {self.name!r} has no version {version!r}; there are: {known}")
        place = self.places[version]
        try:
            manifest = read_manifest(place.folder / MANIFEST_NAME)
        except ConfigError as error:
            raise ModelUnsupported(f"model {self.name!r}: its manifest is damaged: {error.problems[0]}; add it again") from error
        if manifest.name != self.name:
            raise ModelUnsupported(f"{place.folder}: its manifest is of a model named {manifest.name!r}")
        return StoredModel(manifest, place.folder / manifest.file_name, place.builtin, version)


def open_shelf(name: str, folder: Path, builtin: Path) -> Shelf:
    """What is there of the model `name`.

    Args:
        name: A model's name.
        folder: Where its versions are kept.
        builtin: Where it lies if it comes with panops.

    Raises:
        ModelUnsupported: Its state is damaged.
    """
    return Shelf(name, folder, find_places(folder, builtin), load_state(folder))


def bare_shelf(name: str, folder: Path, builtin: Path) -> Shelf:
    """The same without its state, for putting a damaged one right."""
    return Shelf(name, folder, find_places(folder, builtin), ModelState())


def find_places(folder: Path, builtin: Path) -> dict[str, Place]:
    """Where each version is that lies in a model's `folder`, or comes with panops in `builtin`, in the order of their names."""
    places: dict[str, Place] = {}
    if folder.is_dir():
        for manifest in folder.glob(f"*/{MANIFEST_NAME}"):
            if is_version(manifest.parent.name):
                places[manifest.parent.name] = Place(manifest.parent)
    if (folder / MANIFEST_NAME).is_file():
        places.setdefault(_version_in(folder), Place(folder))
    if (builtin / MANIFEST_NAME).is_file():
        places[_version_in(builtin)] = Place(builtin, builtin=True)
    return {version: places[version] for version in sorted(places, key=_order)}


def _order(version: str) -> tuple[int, str]:
    """Whole numbers by their size, before all others."""
    return (int(version), "") if version.isdecimal() and len(version) < 10 else (10**10, version)


def _version_in(folder: Path) -> str:
    """The version that a manifest tells; a damaged one still has a place, so that its damage is told."""
    try:
        return version_id(read_manifest(folder / MANIFEST_NAME).version)
    except ConfigError:
        return version_id("")


def make_room(shelf: Shelf) -> None:
    """Bring a model of the older layout into the present one. The caller holds the store's lock.

    Each step leaves a model that is whole: the version's folder appears at once, with hard links to the same files; then the state names
    it; then the old manifest goes, and with the next change the old file, which somebody may be opening just now. A process that is
    killed in between leaves what the next call finishes.

    Raises:
        OSError: The folder cannot be written.
    """
    folder = shelf.folder
    flat = folder / MANIFEST_NAME
    if not flat.is_file():
        _drop_old_files(shelf)
        return
    try:
        manifest = read_manifest(flat)
    except ConfigError as error:
        logger.warning("model %s: a damaged manifest is taken away: %s", shelf.name, error)
        flat.unlink()
        return
    version = version_id(manifest.version)
    if not (folder / version / MANIFEST_NAME).is_file():
        made = Path(tempfile.mkdtemp(prefix=HALF_MADE, dir=folder))
        for name in (MANIFEST_NAME, manifest.file_name):
            if (folder / name).is_file():
                _link(folder / name, made / name)
        made.chmod(0o755)
        made.rename(folder / version)
    state = shelf.state
    if not state.active and not shelf.builtin_version:
        save_state(folder, ModelState(active=version))
    flat.unlink()


def _drop_old_files(shelf: Shelf) -> None:
    """The files that a move left beside the folders of versions."""
    for place in shelf.places.values():
        with suppress(ConfigError):
            (shelf.folder / read_manifest(place.folder / MANIFEST_NAME).file_name).unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """A hard link; a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
