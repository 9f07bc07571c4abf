"""The papers of an exported model: those of what it was made from, and what was measured of it, as `panops models add` wants them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from panops.commands.evaluate_facts import data_facts, setting_facts, versions
from panops.datasets.problems import ReadReport
from panops.domain.errors import ModelError, PanopsError
from panops.domain.manifest import ModelManifest
from panops.evaluation.detection_result import DetectionResult, analyse
from panops.export.gate import Measured, Verdict
from panops.export.passport import REPORT_NAME, Exported, write_passport
from panops.models.figures import figures_name, fingerprint_of, own_figures
from panops.models.manifest_file import MANIFEST_NAME
from panops.models.provenance import FIGURES_FOLDER, PROVENANCE_NAME, RECIPE_NAME, Parent, Provenance, read_provenance, write_provenance

logger = logging.getLogger(__name__)

_TOOLS = {"int8": ("nncf", "openvino"), "openvino": ("openvino",), "tflite": ("ai-edge-litert",), "coreml": ("coremltools",)}
_DECODING = "it cannot be decoded, or is not of the size that its labels say"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a model is exported from.

    Attributes:
        papers: Its own.
        file_name: Its file.
        sha256: The file's; empty for a checkpoint.
    """

    papers: Provenance = field(default_factory=Provenance)
    file_name: str = ""
    sha256: str = ""


def file_origin(manifest: ModelManifest, file: Path) -> Origin:
    """Of a model's file: what lies beside it; where nothing does, the file itself is the parent.

    Raises:
        ConfigError: A paper is damaged.
    """
    papers = read_provenance(file.parent)
    if papers.parent is None and not papers.data and not papers.recipe:
        papers = replace(papers, parent=Parent(manifest.name, manifest.version, manifest.sha256))
    return Origin(papers, file.name, manifest.sha256)


def checkpoint_origin(path: Path, content: Mapping[str, Any]) -> Origin:
    """Of a training's checkpoint: the papers that the training's end wrote, else they are made of its recipe now.

    Args:
        path: The checkpoint.
        content: What is in it.
    """
    from panops.commands.train_papers import papers_of  # noqa: PLC0415  # torch: only a checkpoint needs it
    from panops.training.recipe import Recipe  # noqa: PLC0415  # as above

    stored = content.get("recipe")
    if not stored:
        return Origin(file_name=path.name)
    recipe = Recipe.model_validate(stored)
    written = read_provenance(path.parent / "model")
    told = papers_of(recipe, look=False)
    if written.recipe == told.recipe and written.data:
        return Origin(replace(written, export={}, figures={}), path.name)
    try:
        return Origin(papers_of(recipe), path.name)
    except PanopsError as error:
        logger.warning("%s: the papers are without its data, which is not here any more: %s", path, error)
        return Origin(told, path.name)


def check_folder(out: Path, source_folder: Path) -> None:
    """Refuse to export into a folder whose papers are not an earlier export's: they would be replaced.

    Args:
        out: Where the export is to go.
        source_folder: Where the model lies that is exported.

    Raises:
        ModelError: It is the model's own folder, or a training's, or one in which somebody keeps such papers.
    """
    if out.resolve() == source_folder.resolve():
        raise ModelError(f"{out}: expected another folder than the model's own, in which its file and papers would be replaced")
    names = (RECIPE_NAME, PROVENANCE_NAME, FIGURES_FOLDER, "last.pt")
    there = [name for name in names if (out / name).exists()]
    if there and not ((out / MANIFEST_NAME).is_file() and (out / REPORT_NAME).is_file()):
        raise ModelError(f"{out}: expected a new folder or one of an earlier export; there is {' and '.join(there)} of something else")


def write_papers(
    exported: Exported, report: dict[str, Any], origin: Origin, data: ReadReport | None, data_path: Path | None
) -> dict[str, Any]:
    """Write them beside the exported file, in place of what an earlier export left there.

    Args:
        exported: The file.
        report: Of the export.
        origin: What it was made from.
        data: What the gate was given to judge with.
        data_path: Where that is.

    Returns:
        The report with what is known of the source.

    Raises:
        ModelError: They cannot be written.
    """
    papers, verdict = origin.papers, exported.verdict
    figures: dict[str, Mapping[str, Any]] = {}
    if verdict is not None and data is not None and data_path is not None:
        record = _judged_record(exported, verdict, origin, data, data_path)
        same = [name for name, older in papers.figures.items() if fingerprint_of(older) == fingerprint_of(record)]
        figures[same[0] if same else figures_name(data_path.stem if data_path.is_file() else data_path.name)] = record
    else:
        figures = {name: carried for name, older in papers.figures.items() if (carried := _carried(older, origin, exported)) is not None}
    report = {**report, "made_from": _made_from(origin)}
    if report["precision"] == "int8" and "int8" not in report and "int8" in papers.export:
        report["int8"] = papers.export["int8"]  # the very levels that were judged
    tools = versions(("panops", "onnx", *_TOOLS.get(report["format"], ()), *(_TOOLS["int8"] if verdict is not None else ())))
    told = replace(
        papers,
        tools={**{name: version for name, version in tools.items() if version != "not installed"}, **papers.tools},
        created_at=papers.created_at or datetime.now(UTC).isoformat(timespec="seconds"),
        export={},
        figures=figures,
    )
    leave_papers(exported, told, report)
    return report


def leave_papers(exported: Exported, told: Provenance, report: dict[str, Any]) -> None:
    """Write the papers and the passport of a file beside it, in place of what lay there.

    Raises:
        ModelError: They cannot be written.
    """
    folder = exported.path.parent
    try:
        clear_papers(folder)
        write_provenance(folder, told)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {error.strerror or error}") from error
    write_passport(exported, report)


def clear_papers(folder: Path) -> None:
    """Remove the papers of what was in a model's folder before.

    Raises:
        OSError: They cannot be removed.
    """
    for path in [folder / PROVENANCE_NAME, folder / RECIPE_NAME, *(folder / FIGURES_FOLDER).glob("*.json")]:
        path.unlink(missing_ok=True)


def _judged_record(exported: Exported, verdict: Verdict, origin: Origin, data: ReadReport, path: Path) -> dict[str, Any]:
    """What the gate measured, as `panops evaluate detector --json` would tell it: the 8-bit file, and the float one beside it."""
    kept = {picture.path for picture in verdict.dataset.pictures}
    left_out = {picture.path.name: _DECODING for picture in data.dataset.pictures if picture.path not in kept}
    after, before = _result(verdict.after).record(), _result(verdict.before).record()
    # The float file was written anew to be measured.
    before |= {"name": f"{before['name']} in float", "file": origin.file_name, "sha256": origin.sha256 or before["sha256"]}
    rows = [{**after, "file": exported.path.name}, before]
    if verdict.after.manifest.sha256 != exported.manifest.sha256:
        rows[0] = _taken_over(rows[0], f"{exported.path.stem}.onnx", "the 8-bit ONNX file whose levels it has", exported)
    told = data_facts(path, "", verdict.dataset, len(data.problems), left_out)
    return {"evaluation": "detection", "data": {**told, "path": path.name}, **setting_facts(), "models": rows}


def _result(measured: Measured) -> DetectionResult:
    manifest, run = measured.manifest, measured.run
    facts = {
        "version": manifest.version,
        "bytes": measured.size_bytes,
        "sha256": manifest.sha256,
        "licence": manifest.licence,
        "classes_of_model": list(manifest.classes),
        "input_size_wh": list(run.size_wh),
        "backend": run.backend,
    }
    return analyse(manifest.name, facts, run.speed.record(), measured.score)


def _carried(record: Mapping[str, Any], origin: Origin, exported: Exported) -> dict[str, Any] | None:
    """An evaluation of the source for another form of it: the same figures, saying of which file; None where it is not of the source."""
    own = own_figures(record, origin.sha256)
    if own is None:
        return None
    if own["sha256"] == exported.manifest.sha256:
        return dict(record)
    taken = _taken_over(own, origin.file_name, "which this file was made from", exported)
    return {**record, "models": [taken, *(model for model in record["models"] if model is not own)]}


def _taken_over(own: Mapping[str, Any], file: str, words: str, exported: Exported) -> dict[str, Any]:
    """Figures of one file for another that computes the same; its speed is not the other's."""
    taken = {key: value for key, value in own.items() if key not in ("speed", "bytes")}
    backend = f"{own.get('backend', 'an unknown backend')} on {file}, {words}"
    return {
        **taken,
        "name": exported.manifest.name,
        "file": exported.path.name,
        "sha256": exported.manifest.sha256,
        "backend": backend,
        "measured_of": {"file": file, "sha256": own["sha256"]},
    }


def _made_from(origin: Origin) -> dict[str, Any]:
    """The source, and its figures in short."""
    figures = {}
    for name, record in origin.papers.figures.items():
        overall = (own_figures(record, origin.sha256) or {}).get("overall", {})
        figures[name] = {key: overall[key] for key in ("AP", "AP50") if key in overall}
    told = {"file": origin.file_name, "sha256": origin.sha256, "figures": figures}
    return {key: value for key, value in told.items() if value}
