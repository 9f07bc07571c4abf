"""The model that an evaluation or a bench is about: from the store, from a folder, or a file with its manifest beside it; at any size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from panops.commands.model_trial import trouble_with
from panops.domain.errors import ModelNotFound, ModelUnsupported, PluginError
from panops.domain.manifest import ModelManifest
from panops.inference.formats import ONNX, model_format
from panops.inference.open_backend import open_backend
from panops.models.checksum import check_sha256, sha256_of
from panops.models.manifest_file import MANIFEST_NAME, read_manifest
from panops.models.store import ModelStore, StoredModel

_CORE_ML = ".mlpackage"


def find_model(what: str, store: ModelStore) -> StoredModel:
    """The model that somebody names.

    Args:
        what: A name of the store or catalogue; a manifest or a folder with one; or a model's file beside which there is a manifest,
            `NAME.yaml` for NAME.onnx or else `manifest.yaml`. That manifest may be of another file (the FP32 one of an INT8 file, say):
            then it tells how pictures go in, and the checksum is the file's own.
        store: Where installed models are.

    Raises:
        ModelError: There is no such model, or its file is damaged.
        ConfigError: The manifest has mistakes.
    """
    path = Path(what).expanduser()
    if path.is_dir() and (path.suffix == _CORE_ML or any(path.glob(f"*{_CORE_ML}"))):
        raise ModelUnsupported(
            f"{what}: expected a model that runs here, got a Core ML package, which Apple's systems alone run; give its TFLite file"
        )
    if path.is_dir():
        path /= MANIFEST_NAME
    if path.suffix in (".yaml", ".yml") and path.is_file():
        manifest = read_manifest(path)
        return _checked(manifest, path.parent / manifest.file_name)
    if path.is_file():
        return _beside(path)
    # `street@gate.1` is a version in the store, not a file.
    if "/" in what or (path.suffix and "@" not in what):
        raise ModelNotFound(f"{what}: expected a model's file, or a folder with a {MANIFEST_NAME}; there is none")
    return store.get(what)


def told_apart(models: Sequence[StoredModel], typed: Sequence[str]) -> list[str]:
    """What to call each model where several stand side by side.

    Args:
        models: The models.
        typed: What each was asked for by.

    Returns:
        Names; of one name in several versions `NAME@VERSION`; of one version in several places what was typed, with a number where that
        is the same, too.
    """
    names = [model.manifest.name for model in models]
    versions = [f"{name}@{model.version or model.manifest.version}" for name, model in zip(names, models, strict=True)]
    numbered = [f"{words} ({number})" for number, words in enumerate(typed, 1)]
    levels = (names, versions, list(typed))
    return [next((level[row] for level in levels if level.count(level[row]) == 1), numbered[row]) for row in range(len(names))]


def _beside(path: Path) -> StoredModel:
    places = [path.with_suffix(".yaml"), path.parent / MANIFEST_NAME]
    place = next((place for place in places if place.is_file()), None)
    if place is None:
        raise ModelNotFound(
            f"{path}: expected its manifest beside it, as {places[0].name} or {MANIFEST_NAME}; docs/models.md has one to copy"
        )
    manifest = read_manifest(place)
    if manifest.file_name == path.name:
        return _checked(manifest, path)
    return StoredModel(replace(manifest, name=path.stem, file_name=path.name, sha256=sha256_of(path), accuracy={}), path)


def _checked(manifest: ModelManifest, path: Path) -> StoredModel:
    if not path.is_file():
        raise ModelNotFound(f"{path}: its manifest names this file, and there is none")
    check_sha256(path, manifest.sha256, f"model {manifest.name!r}", "write the manifest anew, or get the file it is of")
    return StoredModel(manifest, path)


@contextmanager
def at_size(model: StoredModel, size_wh: tuple[int, int] | None) -> Iterator[StoredModel]:
    """The model for another input size; an ONNX file of a fixed one is rewritten for the time of the block.

    Args:
        model: The model.
        size_wh: The input wanted, px; None, or the model's own, changes nothing.

    Raises:
        ModelUnsupported: The file has one size and is not ONNX, or its graph does not work at another one.
        PluginError: The file must be rewritten, and the package onnx is not installed.
    """
    if size_wh is None or size_wh == model.manifest.input_size_wh:
        yield model
        return
    manifest = replace(model.manifest, input_size_wh=size_wh)
    if _takes(model, size_wh):
        yield replace(model, manifest=manifest)
        return
    with TemporaryDirectory(prefix="panops-size-") as folder:
        rewritten = replace(model, manifest=manifest, path=_rewritten(model, size_wh, Path(folder)))
        # A graph may have its own size in its middle, which shows only when it runs.
        if trouble := trouble_with(rewritten):
            raise ModelUnsupported(f"{manifest.name}: its graph does not work at {size_wh[0]}x{size_wh[1]}; export it anew ({trouble})")
        yield rewritten


def _takes(model: StoredModel, size_wh: tuple[int, int]) -> bool:
    """Whether the file itself takes pictures of this size."""
    backend = open_backend(model.path)
    try:
        shape = backend.inputs[0].shape
    finally:
        backend.close()
    across, down = _axes(model)
    return len(shape) == 4 and shape[across] in (-1, size_wh[0]) and shape[down] in (-1, size_wh[1])


def _axes(model: StoredModel) -> tuple[int, int]:
    """Which dimensions of the input are width and height."""
    return (3, 2) if model.manifest.preprocessing.get("layout", "nchw") == "nchw" else (2, 1)


def _rewritten(model: StoredModel, size_wh: tuple[int, int], folder: Path) -> Path:
    if model_format(model.path) != ONNX:
        name = model.manifest.name
        raise ModelUnsupported(f"{name}: only ONNX files can be run at another size than their own; this one is {model.path.suffix}")
    try:
        import onnx  # noqa: PLC0415 - from the extra [train]
    except ImportError as error:
        raise PluginError("another input size needs the package onnx; get it with: pip install 'panops[train]'") from error
    graph: Any = onnx.load(str(model.path))
    across, down = _axes(model)
    dimensions = graph.graph.input[0].type.tensor_type.shape.dim
    dimensions[across].dim_value, dimensions[down].dim_value = size_wh
    # What the file says of sizes further in holds for the old size only; backends work it out again.
    del graph.graph.value_info[:]
    for output in graph.graph.output:
        for dimension in output.type.tensor_type.shape.dim:
            dimension.Clear()
    path = folder / model.path.name
    onnx.save(graph, str(path))
    return path
