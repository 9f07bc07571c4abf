"""The models that are here: one folder each, with `manifest.yaml` and the file it names.

A folder appears whole or not at all: it is filled beside its place and then renamed. A model's file is hashed each time it is handed
out; that takes milliseconds, and nothing else proves that it is the one that was tested.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path

from panops.domain.errors import ConfigError, ModelError, ModelNotFound, ModelUnsupported
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.catalogue import Catalogue, load_catalogue
from panops.models.checksum import check_sha256, sha256_of
from panops.models.fetch import Progress, Wanted, fetch, no_progress
from panops.models.manifest_file import MANIFEST_NAME, dump_manifest, is_model_name, read_manifest
from panops.models.mirrors import Mirrors, mirrors_from_environment

logger = logging.getLogger(__name__)

# The detector without weights has this name, so no model can.
RESERVED_NAMES = frozenset({"motion"})
_HALF_MADE = ".incoming-"
_STALE_S = 86400.0


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model that is here.

    Attributes:
        manifest: What is known of it.
        path: Its file; the checksum was right when it was handed out by `get`.
        builtin: Whether it comes with panops; then it cannot be removed.
    """

    manifest: ModelManifest
    path: Path
    builtin: bool = False


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
        if builtin is None:
            with as_file(files("panops.models").joinpath("builtin")) as package_folder:
                builtin = package_folder
        self._builtin = builtin

    def list(self) -> list[StoredModel]:
        """Every model that is here, by name; checksums are not looked at. A folder whose manifest is damaged is left out with a warning."""
        found: dict[str, StoredModel] = {}
        for folder, builtin in ((self.folder, False), (self._builtin, True)):
            for manifest_path in sorted(folder.glob(f"*/{MANIFEST_NAME}")):
                name = manifest_path.parent.name
                if not is_model_name(name):
                    continue
                try:
                    found[name] = self._read(manifest_path.parent, builtin=builtin)
                except (ConfigError, ModelError) as error:
                    logger.warning("model %s cannot be used: %s", name, error)
        return [found[name] for name in sorted(found)]

    def get(self, name: str) -> StoredModel:
        """The model, its file checked. One that is not here but whose file is in a mirror is installed from there; never by the network.

        Raises:
            ModelNotFound: It is not here; the message says how to get it.
            ModelChecksumMismatch: Its file is not the one its manifest names.
            ModelUnsupported: Its manifest is damaged.
        """
        _check_name(name)
        for folder, builtin in ((self._builtin, True), (self.folder, False)):
            if (folder / name / MANIFEST_NAME).is_file():
                return self._checked(folder / name, builtin=builtin)
        entry = self.catalogue.models.get(name)
        if entry is None:
            known = ", ".join(sorted({*self.catalogue.models, *(model.manifest.name for model in self.list())}))
            raise ModelNotFound(f"there is no model {name!r}; known are: {known}")
        if self._mirrors.find(entry.wanted.sha256, entry.wanted.size_bytes) is None:
            raise ModelNotFound(f"model {name!r} is not installed; get it with: panops models add {name}")
        return self._install(entry.manifest, entry.wanted, allow_network=False, progress=no_progress)

    def ensure(self, name: str, *, allow_network: bool, progress: Progress = no_progress) -> StoredModel:
        """`get`, and `add` when it is not here.

        Raises:
            ModelError: It cannot be had or used.
        """
        try:
            return self.get(name)
        except ModelNotFound:
            if name not in self.catalogue.models:
                raise
            return self.add(name, allow_network=allow_network, progress=progress)

    def add(
        self,
        what: str,
        *,
        manifest: ModelManifest | None = None,
        allow_network: bool = True,
        replace_installed: bool = False,
        progress: Progress = no_progress,
    ) -> StoredModel:
        """Install a model.

        Args:
            what: A name of the catalogue; a manifest or a folder with one; or, with `manifest`, a model's file or its https address.
            manifest: What is known of a file that brings no manifest. Its source becomes `what`; an empty sha256 is filled in from a
                local file, but never from an address: there it must be known beforehand.
            allow_network: Whether anything may be fetched.
            replace_installed: Whether a model of that name that is here already is replaced.
            progress: Told how far it is.

        Raises:
            ModelNotFound: There is no such thing, or it cannot be fetched.
            ModelChecksumMismatch: What came is another file.
            ModelUnsupported: The name is taken or not allowed, or the model is OpenVINO IR, which is two files.
            ConfigError: The manifest has mistakes.
        """
        entry = self.catalogue.models.get(what)
        if entry is not None and manifest is None:
            wanted, passport = entry.wanted, entry.manifest
        else:
            passport = _passport(what, manifest)
            wanted = Wanted(passport.name, passport.source, passport.sha256)
        _refuse_two_files(passport)
        self._check_free(passport.name, replace_installed=replace_installed)
        return self._install(passport, wanted, allow_network=allow_network, progress=progress, replace_installed=replace_installed)

    def remove(self, name: str) -> None:
        """Delete an installed model.

        Raises:
            ModelNotFound: It is not installed.
            ModelUnsupported: It comes with panops.
        """
        _check_name(name)
        if (self._builtin / name / MANIFEST_NAME).is_file():
            raise ModelUnsupported(f"model {name!r} comes with panops and cannot be removed")
        if not (self.folder / name).is_dir():
            raise ModelNotFound(f"model {name!r} is not installed; there is nothing to remove")
        try:
            self._discard(self.folder / name)
        except OSError as error:
            raise ModelError(f"{self.folder / name}: cannot be removed: {error.strerror or error}") from error

    def is_installed(self, name: str) -> bool:
        """Whether a model of this name is here, right or damaged."""
        return is_model_name(name) and any((folder / name / MANIFEST_NAME).is_file() for folder in (self._builtin, self.folder))

    def _read(self, folder: Path, *, builtin: bool) -> StoredModel:
        manifest = read_manifest(folder / MANIFEST_NAME)
        if manifest.name != folder.name:
            raise ModelUnsupported(f"{folder}: its manifest is of a model named {manifest.name!r}")
        return StoredModel(manifest, folder / manifest.file_name, builtin)

    def _checked(self, folder: Path, *, builtin: bool) -> StoredModel:
        try:
            model = self._read(folder, builtin=builtin)
        except ConfigError as error:
            raise ModelUnsupported(f"model {folder.name!r}: its manifest is damaged: {error.problems[0]}; add it again") from error
        advice = "install panops again" if builtin else f"get it again with: panops models add {folder.name} --replace"
        if not model.path.is_file():
            raise ModelNotFound(f"model {folder.name!r}: its file {model.path.name} is gone; {advice}")
        check_sha256(model.path, model.manifest.sha256, f"model {folder.name!r}", advice)
        return model

    def _check_free(self, name: str, *, replace_installed: bool) -> None:
        _check_name(name)
        if name in RESERVED_NAMES or (self._builtin / name).exists():
            raise ModelUnsupported(f"the name {name!r} belongs to panops itself; choose another one")
        if (self.folder / name).exists() and not replace_installed:
            raise ModelUnsupported(f"model {name!r} is installed already; replace it with --replace, or remove it first")

    def _install(
        self, manifest: ModelManifest, wanted: Wanted, *, allow_network: bool, progress: Progress, replace_installed: bool = False
    ) -> StoredModel:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            made = Path(tempfile.mkdtemp(prefix=_HALF_MADE, dir=self.folder))
        except OSError as error:
            raise ModelError(f"{self.folder}: cannot be written: {error.strerror or error}") from error
        try:
            fetch(wanted, made / manifest.file_name, self._mirrors, allow_network=allow_network, progress=progress)
            (made / MANIFEST_NAME).write_text(dump_manifest(manifest), encoding="utf-8")
            made.chmod(0o755)
            self._put_in_place(made, manifest.name, replace_installed=replace_installed)
        except OSError as error:
            raise ModelError(f"{self.folder}: cannot be written: {error.strerror or error}") from error
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return self.get(manifest.name)

    def _put_in_place(self, made: Path, name: str, *, replace_installed: bool) -> None:
        target = self.folder / name
        if replace_installed and target.exists():
            self._discard(target)
        try:
            made.rename(target)
        except OSError:
            # Another process was faster; what it installed was checked as well.
            if not (target / MANIFEST_NAME).is_file():
                raise

    def _discard(self, folder: Path) -> None:
        """Take a model away at once, then delete it: nobody sees half of one."""
        away = Path(tempfile.mkdtemp(prefix=_HALF_MADE, dir=self.folder))
        folder.rename(away / folder.name)
        shutil.rmtree(away)

    def _sweep(self) -> None:
        """Remove what a killed process left half made."""
        for left in self.folder.glob(f"{_HALF_MADE}*"):
            try:
                age_s = time.time() - left.stat().st_mtime
            except FileNotFoundError:
                continue  # another process has just finished with it
            if age_s > _STALE_S:
                shutil.rmtree(left, ignore_errors=True)


def _check_name(name: str) -> None:
    if not is_model_name(name):
        raise ModelNotFound(f"{name[:80]!r} is no model name: expected letters, digits, _ and -, at most 63")


def _refuse_two_files(manifest: ModelManifest) -> None:
    """A model here is one file with one checksum; OpenVINO IR keeps its weights in a second one, without which it does not open."""
    if manifest.file_name.lower().endswith((".xml", ".bin")):
        raise ModelUnsupported(
            f"{manifest.file_name}: OpenVINO IR is two files (.xml and .bin), and a model here is one; add the ONNX or TFLite file that it"
            " was made from, or convert it to ONNX"
        )


def _passport(what: str, manifest: ModelManifest | None) -> ModelManifest:
    """The manifest of something that is not in the catalogue, with its source set to where it is."""
    if what.startswith(("https://", "http://")):
        if manifest is None or not manifest.sha256:
            raise ModelUnsupported(f"{what}: a model from an address needs a manifest with its sha256, so that it can be checked")
        return replace(manifest, source=ModelSource(SourceKind.URL, what))
    path = Path(what).expanduser()
    if manifest is not None:
        found = sha256_of(path)
        return replace(manifest, sha256=manifest.sha256 or found, source=ModelSource(SourceKind.FILE, str(path.absolute())))
    if path.is_dir():
        path /= MANIFEST_NAME
    if path.suffix not in (".yaml", ".yml"):
        if path.is_file():
            raise ModelUnsupported(f"{path.name}: a model's file needs a manifest; see docs/models.md for one to copy")
        raise ModelNotFound(f"there is no model {what!r}: expected a name of the catalogue, a manifest, or a folder with one")
    passport = read_manifest(path)
    beside = path.parent / passport.file_name
    if beside.is_file():
        return replace(passport, source=ModelSource(SourceKind.FILE, str(beside.absolute())))
    return passport
