"""The network of a refit as files with manifest and papers, in the form of the one in use, and how each does."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import onnx
from rich.console import Console

from panops.commands.data_sets import writing
from panops.commands.evaluate_detector import measure
from panops.commands.refit_begin import HELD, OTHERS_TRAIN, OTHERS_VAL, RECIPE_NAME, TRAIN, RefitPlan, score_held
from panops.commands.train_finish import weights_of
from panops.commands.train_papers import papers_of
from panops.datasets.coco import read_coco
from panops.domain.errors import PanopsError
from panops.domain.labels import DetectionSet
from panops.domain.manifest import ModelManifest
from panops.evaluation.refit_gate import GateDecision, decide
from panops.evaluation.verdict_score import VerdictScore
from panops.export.exporter import ExportSettings, export, torch_source
from panops.export.gate import Limits
from panops.export.int8 import Int8Settings
from panops.export.onnx_source import is_quantised
from panops.export.passport import detector_manifest
from panops.models.manifest_file import MANIFEST_NAME, dump_manifest
from panops.models.provenance import write_provenance
from panops.models.store import ModelStore, StoredModel
from panops.training.checkpoint import load_network
from panops.training.network import ExportedNetwork
from panops.training.recipe import read_recipe

FLOAT, EIGHT_BITS = "float", "8 bits"
EVALUATION = "evaluation.json"
_FIGURES = "other-pictures"
# The refit's own gate judges what 8 bits cost: on what was held back and on other data.
_NO_LIMIT = 100.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may become the new version.

    Attributes:
        form: `float` or `8 bits`.
        folder: With the file, its manifest and its papers.
        after: What it makes of the pictures that were held back.
        ap: AP of the old version and of this file on other pictures, 0..1; None where there are none.
        decision: Of the gate.
    """

    form: str
    folder: Path
    after: VerdictScore
    ap: tuple[float, float] | None
    decision: GateDecision

    def record(self) -> dict[str, Any]:
        """For JSON."""
        ap = None if self.ap is None else {"before": self.ap[0], "after": self.ap[1]}
        return {"form": self.form, "after": self.after.record(), "AP": ap, "gate": self.decision.record()}


def candidates(
    plan: RefitPlan, old: StoredModel, store: ModelStore, folder: Path, console: Console, threads: int, *, keep_float: bool
) -> Iterator[Candidate]:
    """The files of a trained refit, measured, the one most like the version in use first.

    Args:
        plan: What was decided before the training.
        old: The version that was started from.
        store: Where it is.
        folder: The refit's.
        console: Where it is told.
        threads: Of the network.
        keep_float: No 8 bits, also where the old one has them.
    """
    version = next_refit(store, plan.model)
    if not keep_float and is_quantised(onnx.load(str(old.path))):
        try:
            made = _exported(old, folder, "model-int8", EIGHT_BITS, version, console)
        except PanopsError as error:
            words = f"8 bits, as {old.reference} has them, do not work here, so it stays in float: {error}"
            console.print(words, soft_wrap=True, markup=False)
        else:
            yield _measured(made, EIGHT_BITS, plan, old, store, folder, console, threads)
    made = _exported(old, folder, "model", FLOAT, version, console)
    yield _measured(made, FLOAT, plan, old, store, folder, console, threads)


def next_refit(store: ModelStore, name: str) -> str:
    """The name of the next version that comes of a refit: `refit-1`, `refit-2`."""
    taken = store.shelf(name).places
    return next(version for number in count(1) if (version := f"refit-{number}") not in taken)


def _exported(old: StoredModel, folder: Path, name: str, form: str, version: str, console: Console) -> tuple[Path, ModelManifest]:
    """The file in its folder, with the old version's classes, licence and limits, so that it can take its place."""
    target = folder / name
    before = old.manifest
    credit = f"fine-tuned from {old.reference} with verdicts on a site's own events. {before.credit}".strip()
    known = {"licence": before.licence, "credit": credit, "not_for": before.not_for, "version": version}
    manifest = detector_manifest(before.name, before.classes, before.input_size_wh, **known)
    with writing(target):
        if target.exists():  # of a refit that was killed in between
            shutil.rmtree(target)
    with console.status(f"exporting in {form}"):
        source = torch_source(ExportedNetwork(load_network(weights_of(folder))).eval(), manifest)
        if form == FLOAT:
            exported, _ = export(source, target, ExportSettings("onnx"), read_coco(folder / HELD))
        else:
            judge = read_coco(folder / (OTHERS_VAL if (folder / OTHERS_VAL).is_file() else HELD))
            int8 = Int8Settings(limits=Limits(_NO_LIMIT, _NO_LIMIT), calibration=_learnt(folder))
            exported, _ = export(source, target, ExportSettings("int8", int8=int8), judge)
    return target, exported.manifest


def _learnt(folder: Path) -> DetectionSet:
    """All that was learnt from: levels for 8 bits that fit a site's pictures alone cost too much elsewhere."""
    verdicts = read_coco(folder / TRAIN)
    if not (folder / OTHERS_TRAIN).is_file():
        return verdicts
    others = read_coco(folder / OTHERS_TRAIN).with_classes(verdicts.classes)
    return replace(verdicts, pictures=verdicts.pictures + others.pictures)


def _measured(
    made: tuple[Path, ModelManifest],
    form: str,
    plan: RefitPlan,
    old: StoredModel,
    store: ModelStore,
    folder: Path,
    console: Console,
    threads: int,
) -> Candidate:
    target, manifest = made
    with console.status(f"measuring the new version in {form}"):
        after = score_held(StoredModel(manifest, target / manifest.file_name), folder, threads)
    ap = _other_pictures(target, old, store, folder, threads) if (folder / OTHERS_VAL).is_file() else None
    decision = decide(plan.score_before, after, *(ap or (None, None)))
    told = {
        "held-back false alarms found again": round(after.false_found / max(1, after.false_count), 4),
        "held-back true alarms found": round(after.true_found / max(1, after.true_count), 4),
    }
    papers = papers_of(read_recipe(folder / RECIPE_NAME), {_FIGURES: folder / EVALUATION} if ap is not None else None)
    parent = store.papers(old).purpose
    learnt = f"Refitted from {old.reference} with {plan.learnt[0]} false alarms and {plan.learnt[1]} true ones of a site."
    with writing(target):
        (target / MANIFEST_NAME).write_text(dump_manifest(replace(manifest, accuracy=told)), encoding="utf-8")
        write_provenance(target, replace(papers, purpose=f"{parent} {learnt}".strip()))
    return Candidate(form, target, after, ap, decision)


def _other_pictures(target: Path, old: StoredModel, store: ModelStore, folder: Path, threads: int) -> tuple[float, float]:
    """AP of the old and of the new version on the pictures of `--data`; all figures go into the folder."""
    with redirect_stdout(sys.stderr):
        measure(
            str(target),
            folder / OTHERS_VAL,
            beside=old.reference,
            json_file=folder / EVALUATION,
            threads=threads,
            home=store.folder.parent,
            title="other pictures",
        )
    new, before = json.loads((folder / EVALUATION).read_text(encoding="utf-8"))["models"]
    return float(before["overall"]["AP"]), float(new["overall"]["AP"])
