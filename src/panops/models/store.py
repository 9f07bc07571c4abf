"""The models that are here, each with its versions (`shelf`).

A version's folder appears whole or not at all: it is filled beside its place and then renamed. A model's file is hashed each time it is
handed out; that takes milliseconds, and nothing else proves that it is the one that was tested. Which version is used is decided in
`promotion`; a new version never becomes active by itself.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from panops.domain.errors import ModelError, ModelNotFound, ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.models.catalogue import Catalogue, load_catalogue
from panops.models.checksum import check_sha256
from panops.models.disk_faults import told
from panops.models.fetch import Progress, Wanted, fetch, no_progress
from panops.models.figures import checked_figures, is_figures_name
from panops.models.manifest_file import MANIFEST_NAME, dump_manifest, is_model_name
from panops.models.mirrors import Mirrors, mirrors_from_environment
from panops.models.provenance import Provenance, read_provenance, write_provenance
from panops.models.removal import next_active, to_remove
from panops.models.shelf import HALF_MADE, Shelf, StoredModel, bare_shelf, find_places, make_room, open_shelf
from panops.models.state import Change, save_state, state_stamp
from panops.models.store_lock import writing
from panops.models.version_id import is_version, next_version, split_reference, version_id
from panops.models.wish import Wish, understand

__all__ = ["ModelStore", "StoredModel"]

logger = logging.getLogger(__name__)

# The detector without weights has this name, so no model can.
RESERVED_NAMES = frozenset({"motion"})
_STALE_S = 86400.0
_NO_PAPERS = Provenance()


class ModelStore:
    """Models on disk. Several processes may use one folder at once.

    Args:
        folder: Where installed models are; made when the first one is added.
        mirrors: Folders looked into before any network, by checksum; those of `PANOPS_MODEL_MIRROR` when None.
        catalogue: Models that can be added by name; the project's own when None.
        builtin: Where the models that come with panops are; the package's own folder when None.
    """

    def __init__(
        self, folder: Path, mirrors: Sequence[Path] | None = None, catalogue: Catalogue | None = None, builtin: Path | None = None
    ) -> None:
        self.folder = folder
        self.catalogue = catalogue or load_catalogue()
        self._mirrors = Mirrors(mirrors_from_environment() if mirrors is None else mirrors)
        self._builtin = package_builtin() if builtin is None else builtin

    # --- what is there ----------------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The names of all models that are here, right or damaged."""
        found = {path.name for folder in (self.folder, self._builtin) if folder.is_dir() for path in folder.iterdir()}
        return sorted(name for name in found if self.is_installed(name))

    def shelf(self, name: str) -> Shelf:
        """The versions of a model, none where it is not here.

        Raises:
            ModelNotFound: That is no model name.
            ModelUnsupported: Its state is damaged.
        """
        _check_name(name)
        return open_shelf(name, self.folder / name, self._builtin / name)

    def shelf_without_state(self, name: str) -> Shelf:
        """The same as if nobody had decided anything, for putting a damaged state right."""
        _check_name(name)
        return bare_shelf(name, self.folder / name, self._builtin / name)

    def list(self) -> list[StoredModel]:
        """The active version of every model, by name; checksums are not looked at. A damaged one is left out with a warning."""
        found = []
        for name in self.names():
            try:
                shelf = self.shelf(name)
                found.append(shelf.read(shelf.active))
            except ModelError as error:
                logger.warning("model %s cannot be used: %s", name, error)
        return found

    def is_installed(self, name: str) -> bool:
        """Whether a model of this name is here, right or damaged."""
        return is_model_name(name) and bool(find_places(self.folder / name, self._builtin / name))

    def stamp(self, name: str) -> tuple[int, int, int] | None:
        """Something that differs once somebody decided about the versions of a model; it costs one `stat`."""
        return state_stamp(self.folder / name)

    def get(self, reference: str) -> StoredModel:
        """A model, its file checked. One that is not here but whose file is in a mirror is installed from there; never by the network.

        Args:
            reference: A name, for its active version, or `NAME@VERSION`.

        Raises:
            ModelNotFound: It is not here; the message says how to get it.
            ModelChecksumMismatch: Its file is not the one its manifest names.
            ModelUnsupported: Its manifest or its state is damaged.
        """
        name, version = split_reference(reference)
        shelf = self.shelf_without_state(name) if version else self.shelf(name)
        if shelf.places:
            return _checked(shelf.read(version or shelf.active))
        entry = self.catalogue.models.get(name)
        if entry is None:
            known = ", ".join(sorted({*self.catalogue.models, *self.names()}))
            raise ModelNotFound(f"there is no model {name!r}; known are: {known}")
        if version or not self.in_mirror(name):
            instead = self._without_network(entry.manifest.task)
            raise ModelNotFound(f"model {name!r} is not installed; get it with: panops models add {name}{instead}")
        return self._install(Wish(entry.manifest, entry.wanted, _NO_PAPERS), allow_network=False, progress=no_progress)

    def _without_network(self, task: str) -> str:
        """What can be named instead, for the end of a sentence: only a model for the same task could do its work."""
        names = [model.manifest.name for model in self.list() if model.builtin and model.manifest.task == task]
        return f"; without a network name one that comes with panops: {', '.join(names)}" if names else ""

    def in_mirror(self, name: str) -> bool:
        """Whether a model of the catalogue could be installed without the network."""
        entry = self.catalogue.models[name]
        return self._mirrors.find(entry.wanted.sha256, entry.wanted.size_bytes) is not None

    def papers(self, model: StoredModel) -> Provenance:
        """Where a version comes from and what was measured of it.

        Raises:
            ConfigError: A paper is damaged.
        """
        return read_provenance(model.path.parent)

    # --- changes ----------------------------------------------------------------------------------------------------------------

    def ensure(self, name: str, *, allow_network: bool, progress: Progress = no_progress) -> StoredModel:
        """`get`, and `add` when it is not here.

        Raises:
            ModelError: It cannot be had or used.
        """
        try:
            return self.get(name)
        except ModelNotFound:
            entry = self.catalogue.models.get(name)
            if entry is None or self.is_installed(name):
                raise
            wish = Wish(entry.manifest, entry.wanted, _NO_PAPERS)
            return self._install(wish, allow_network=allow_network, progress=progress)

    def add(
        self,
        what: str,
        *,
        manifest: ModelManifest | None = None,
        name: str = "",
        version: str = "",
        allow_network: bool = True,
        replace_installed: bool = False,
        progress: Progress = no_progress,
        papers: Provenance | None = None,
        who: str = "",
    ) -> StoredModel:
        """Install a version of a model, and the models that it needs. The first version of a new model is active; a further one is not.

        Args:
            what: A name of the catalogue; a manifest or a folder with one; or, with `manifest`, a model's file or its https address.
            manifest: What is known of a file that brings no manifest. Its source becomes `what`; an empty sha256 is filled in from a
                local file, but never from an address: there it must be known beforehand.
            name: What to call the model; its manifest's name when empty.
            version: What to call the version; its manifest's when empty.
            allow_network: Whether anything may be fetched.
            replace_installed: Whether a version that is here already is replaced.
            progress: Told how far it is.
            papers: Where it comes from; what lies beside its manifest when None.
            who: The user, for the history.

        Raises:
            ModelNotFound: There is no such thing, or it cannot be fetched.
            ModelChecksumMismatch: What came is another file.
            ModelUnsupported: The name or version is taken or not allowed, or the model is OpenVINO IR, which is two files.
            ConfigError: The manifest or a paper has mistakes.
        """
        if version and not is_version(version):
            raise ModelUnsupported(f"{version[:80]!r} is no version: expected letters, digits, '.', '_', '+' and '-', at most 63")
        wish = understand(what, manifest, self.catalogue, name=name, version=version)
        wish = replace(wish, papers=self._fit(wish if papers is None else replace(wish, papers=papers)))
        self._check_free(wish, replace_installed=replace_installed)
        return self._install(wish, allow_network=allow_network, progress=progress, replace_installed=replace_installed, who=who)

    def add_figures(self, model: StoredModel, figures: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep evaluations with a version, by the data set's name; earlier ones of the same name are replaced.

        Raises:
            ConfigError: One is no evaluation, or of another file.
            ModelUnsupported: The version comes with panops, or a name cannot be used.
        """
        if model.builtin:
            raise ModelUnsupported(f"{model.reference} comes with panops: what is known of it cannot be changed")
        papers = Provenance(figures=_fit_figures(figures, model.manifest.sha256))
        with writing(self.folder), told(self.folder):
            write_provenance(model.path.parent, papers)

    def remove(self, name: str, version: str = "", *, force: bool = False, who: str = "") -> tuple[str, ...]:
        """Delete a version, or all of them that did not come with panops.

        Args:
            name: The model.
            version: Which one; empty for all.
            force: Also the active one. Then the one before it is active, else the one that comes with panops, else the newest.
            who: The user, for the history.

        Returns:
            The versions that are gone.

        Raises:
            ModelNotFound: There is nothing to remove.
            ModelUnsupported: It comes with panops, or is active and `force` was not said.
        """
        _check_name(name)
        with writing(self.folder), told(self.folder):
            shelf = self.shelf(name)
            gone = to_remove(shelf, version, force=force)
            if set(gone) == set(shelf.places):
                self._discard(shelf.folder)
                return gone
            make_room(shelf)
            shelf = self.shelf(name)
            state, active = shelf.state, shelf.active_or_none
            for one in gone:
                state = state.without(one, Change(time.time(), who, "remove", one, "" if one == active else active))
            if not state.active and not shelf.builtin_version:
                state = state.fallen_back(next_active(shelf, gone))
            save_state(shelf.folder, state)
            for one in gone:
                self._discard(shelf.places[one].folder)
            return gone

    # --- inside -----------------------------------------------------------------------------------------------------------------

    def _fit(self, wish: Wish) -> Provenance:
        """The papers, as they may be kept with this file."""
        return replace(wish.papers, figures=_fit_figures(wish.papers.figures, wish.manifest.sha256))

    def _check_free(self, wish: Wish, *, replace_installed: bool) -> None:
        name, version = wish.manifest.name, version_id(wish.manifest.version)
        _check_name(name)
        if name in RESERVED_NAMES:
            raise ModelUnsupported(f"the name {name!r} belongs to panops itself; choose another one")
        shelf = self.shelf(name)
        place = shelf.places.get(version)
        if place is None or (replace_installed and not place.builtin):
            return
        further = f"add this one as another version: --version {next_version(tuple(shelf.places))}"
        if place.builtin:
            raise ModelUnsupported(f"{name}@{version} belongs to panops itself; {further}, or under another name: --as NAME")
        if _is_file(shelf, version, wish.manifest.sha256):
            raise ModelUnsupported(f"model {name!r} is installed already; replace it with --replace, or remove it first")
        raise ModelUnsupported(
            f"model {name!r} has a version {version} already, which is another file; {further}, or replace it: --replace"
        )

    def _install(
        self, wish: Wish, *, allow_network: bool, progress: Progress, replace_installed: bool = False, who: str = ""
    ) -> StoredModel:
        manifest, wanted = wish.manifest, wish.wanted
        for needed in manifest.needs.values():
            self.ensure(needed, allow_network=allow_network, progress=progress)
        version = version_id(manifest.version)
        with told(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            made = Path(tempfile.mkdtemp(prefix=HALF_MADE, dir=self.folder))
        try:
            with told(self.folder):
                self._fill(made, manifest, wanted, wish.papers, allow_network=allow_network, progress=progress)
                with writing(self.folder):
                    self._put_in_place(made, manifest.name, version, replace_installed=replace_installed, who=who)
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return self.get(f"{manifest.name}@{version}")

    def _fill(
        self, made: Path, manifest: ModelManifest, wanted: Wanted, papers: Provenance, *, allow_network: bool, progress: Progress
    ) -> None:
        fetch(wanted, made / manifest.file_name, self._mirrors, allow_network=allow_network, progress=progress)
        write_provenance(made, papers)
        (made / MANIFEST_NAME).write_text(dump_manifest(manifest), encoding="utf-8")
        made.chmod(0o755)

    def _put_in_place(self, made: Path, name: str, version: str, *, replace_installed: bool, who: str) -> None:
        """The caller holds the lock. The state is written first: at no moment do two versions lie there and none is active."""
        (self.folder / name).mkdir(exist_ok=True)
        make_room(self.shelf(name))
        shelf = self.shelf(name)
        target = shelf.folder / version
        if target.exists():
            if not replace_installed:
                return  # another process was faster; what it installed was checked as well
            self._discard(target)
        state, active = shelf.state, shelf.active_or_none
        change = Change(time.time(), who, "add", "", version)
        if not state.active:
            state = replace(state, active=active or ("" if shelf.places else version))
        save_state(shelf.folder, state.noted(change))
        made.rename(target)

    def _discard(self, folder: Path) -> None:
        """Take a model away at once, then delete it: nobody sees half of one."""
        away = Path(tempfile.mkdtemp(prefix=HALF_MADE, dir=self.folder))
        folder.rename(away / folder.name)
        shutil.rmtree(away)

    def _sweep(self) -> None:
        """Remove what a killed process left half made."""
        top = _entries(self.folder)
        below = [path for folder in top for path in _entries(folder)]
        for left in [path for path in (*top, *below) if path.match(f"{HALF_MADE}*") or path.match(".state.json-*.part")]:
            try:
                age_s = time.time() - left.stat().st_mtime
            except FileNotFoundError:
                continue  # another process has just finished with it
            if age_s > _STALE_S:
                left.unlink() if left.is_file() else shutil.rmtree(left, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder; nothing where it is none, or where another process has just taken it away (`Path.glob` fails there)."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def package_builtin() -> Path:
    """Where the models are that come with panops."""
    with as_file(files("panops.models").joinpath("builtin")) as folder:
        return folder


def _check_name(name: str) -> None:
    if not is_model_name(name):
        raise ModelNotFound(f"{name[:80]!r} is no model name: expected letters, digits, _ and -, at most 63")


def _checked(model: StoredModel) -> StoredModel:
    name = model.manifest.name
    advice = "install panops again" if model.builtin else f"get it again with: panops models add {name} --replace"
    if not model.path.is_file():
        raise ModelNotFound(f"model {name!r}: its file {model.path.name} is gone; {advice}")
    check_sha256(model.path, model.manifest.sha256, f"model {name!r}", advice)
    return model


def _is_file(shelf: Shelf, version: str, sha256: str) -> bool:
    """Whether the version is the file with this digest; a damaged one is not."""
    try:
        return shelf.read(version).manifest.sha256 == sha256
    except ModelError:
        return False


def _fit_figures(figures: Mapping[str, Mapping[str, Any]], sha256: str) -> dict[str, dict[str, Any]]:
    for name in figures:
        if not is_figures_name(name):
            raise ModelUnsupported(f"{name[:80]!r}: expected a name for figures of letters, digits, '.', '_' and '-', at most 63")
    return {name: checked_figures(record, sha256, name) for name, record in figures.items()}
