"""What somebody wants to add: a name of the catalogue, a folder, a file or an address, made into a manifest and a file to fetch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from panops.domain.errors import ModelNotFound, ModelUnsupported
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.catalogue import Catalogue
from panops.models.checksum import sha256_of
from panops.models.fetch import Wanted
from panops.models.manifest_file import MANIFEST_NAME, read_manifest
from panops.models.provenance import Provenance, read_provenance


@dataclass(frozen=True, slots=True)
class Wish:
    """A version to install.

    Attributes:
        manifest: What is known of it.
        wanted: The file to fetch.
        papers: Where it comes from, as far as its folder tells.
    """

    manifest: ModelManifest
    wanted: Wanted
    papers: Provenance


def understand(what: str, manifest: ModelManifest | None, catalogue: Catalogue, *, name: str = "", version: str = "") -> Wish:
    """What is wanted.

    Args:
        what: A name of the catalogue; a manifest or a folder with one; or, with `manifest`, a model's file or its https address.
        manifest: What is known of a file that brings no manifest.
        catalogue: What can be had by name.
        name: What to call the model, instead of its manifest's name.
        version: What to call the version, instead of its manifest's.

    Raises:
        ModelNotFound: There is no such thing.
        ModelUnsupported: An address without a checksum, a bare file, or a format of two files.
        ConfigError: The manifest or a paper has mistakes.
    """
    entry = catalogue.models.get(what)
    papers = Provenance()
    if entry is not None and manifest is None:
        passport, wanted = entry.manifest, entry.wanted
    else:
        passport, folder = _passport(what, manifest)
        wanted = Wanted(passport.name, passport.source, passport.sha256)
        papers = read_provenance(folder) if folder is not None else papers
    _refuse_two_files(passport)
    named = replace(passport, name=name or passport.name, version=version or passport.version)
    return Wish(named, wanted, papers)


def _refuse_two_files(manifest: ModelManifest) -> None:
    """A model here is one file with one checksum; OpenVINO IR keeps its weights in a second one, without which it does not open."""
    if manifest.file_name.lower().endswith((".xml", ".bin")):
        raise ModelUnsupported(
            f"{manifest.file_name}: OpenVINO IR is two files (.xml and .bin), and a model here is one; add the ONNX or TFLite file that it"
            " was made from, or convert it to ONNX"
        )


def _passport(what: str, manifest: ModelManifest | None) -> tuple[ModelManifest, Path | None]:
    """The manifest of something that is not in the catalogue, with its source set to where it is; and the folder with its papers."""
    if what.startswith(("https://", "http://")):
        if manifest is None or not manifest.sha256:
            raise ModelUnsupported(f"{what}: a model from an address needs a manifest with its sha256, so that it can be checked")
        return replace(manifest, source=ModelSource(SourceKind.URL, what)), None
    path = Path(what).expanduser()
    if manifest is not None:
        found = sha256_of(path)
        return replace(manifest, sha256=manifest.sha256 or found, source=ModelSource(SourceKind.FILE, str(path.absolute()))), None
    if path.is_dir():
        path /= MANIFEST_NAME
    if path.suffix not in (".yaml", ".yml"):
        if path.is_file():
            raise ModelUnsupported(f"{path.name}: a model's file needs a manifest; see docs/models.md for one to copy")
        raise ModelNotFound(f"there is no model {what!r}: expected a name of the catalogue, a manifest, or a folder with one")
    passport = read_manifest(path)
    beside = path.parent / passport.file_name
    if beside.is_file():
        return replace(passport, source=ModelSource(SourceKind.FILE, str(beside.absolute()))), path.parent
    return passport, path.parent
