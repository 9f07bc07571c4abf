"""`panops data label`: a model's detections as labels, for people to correct."""

from __future__ import annotations

import json
import logging
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from panops.commands.data_sets import OpenedSets, need_pictures, open_paths, picture_bar, writing
from panops.commands.evaluate_model import find_model
from panops.commands.options import HomeOption
from panops.datasets.coco import write_coco
from panops.datasets.filling_in import fill_in, unlabelled
from panops.datasets.picture_finder import pictures_in
from panops.datasets.picture_size import picture_size
from panops.domain.errors import PanopsError, SourceUnsupported
from panops.domain.labels import DetectionSet, LabelledPicture, matched_classes
from panops.export.deployed import run_pictures
from panops.models.store import ModelStore
from panops.storage.home import Home
from panops.vision.candidates import KeepSettings

logger = logging.getLogger(__name__)

_MOST = 300


def label(
    paths: Annotated[list[Path], typer.Argument(help="Data sets, as for `panops data check`, or folders of pictures without any labels.")],
    model: Annotated[str, typer.Option(help="A model's name, a manifest or its folder, or a file with its manifest beside it.")],
    out: Annotated[Path, typer.Option(help="The COCO file to write; the pictures stay where they are.")],
    classes: Annotated[str, typer.Option(help="Only these classes of the model, with commas; all of them otherwise.")] = "",
    min_score: Annotated[float, typer.Option(min=0.01, max=1.0, help="Detections less sure than this are left out.")] = 0.3,
    forget: Annotated[bool, typer.Option("--forget", help="Forget the labels that there are: the model's word alone.")] = False,
    replace_file: Annotated[bool, typer.Option("--replace", help="Write over an earlier OUT, and what was corrected in it.")] = False,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads of the network.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="What was labelled, as JSON.")] = False,
    home: HomeOption = None,
) -> None:
    """Label pictures with a model, for people to correct; what people have labelled already stands.

    Correcting boxes is quicker than drawing them. With --forget the file says how another model agrees with this one: measure the other
    one on it by `panops evaluate detector`.
    """
    if out.suffix.lower() != ".json":
        raise PanopsError(f"--out {out}: expected the name of a COCO file, such as labelled.json")
    if any(out.resolve() == path.resolve() for path in paths):
        raise PanopsError(f"--out {out}: expected another file than the one whose pictures are labelled")
    if out.exists() and not replace_file:
        raise PanopsError(f"{out} is there already, and somebody may have corrected it; give another --out, or --replace to write over it")
    chosen = find_model(model, ModelStore(Home(home).models))
    names = chosen.manifest.classes
    taken = tuple(dict.fromkeys(name.strip() for name in classes.split(",") if name.strip())) or names
    if strange := [name for name in taken if name not in names]:
        raise PanopsError(f"--classes: {chosen.manifest.name} does not know {', '.join(strange)}; it knows {', '.join(names)}")
    dataset = _opened(paths)
    if forget:
        dataset = unlabelled(dataset)
    done = 0
    with picture_bar(len(dataset), shown=not as_json) as advance:

        def tell(count: int, _: int) -> None:
            nonlocal done
            advance(count - done)
            done = count

        keep = KeepSettings(min_score=min_score, most=_MOST)
        run = run_pictures(chosen.manifest, chosen.path, dataset.pictures, keep, tell, threads=threads, skip_broken=True)
    for reason in run.broken.values():
        logger.warning("%s; left out", reason)
    kept = [index for index in range(len(dataset)) if index not in run.broken]
    before = replace(dataset, pictures=tuple(dataset.pictures[index] for index in kept))
    labelled = fill_in(before, [run.detections[index] for index in kept], names, taken)
    with writing(out):
        write_coco(labelled, out)
    _tell(labelled, before, taken, len(run.broken), chosen.manifest.name, out, as_json=as_json)


def _opened(paths: list[Path]) -> DetectionSet:
    """All paths as one set; folders that hold pictures and no labels count as pictures of which nothing is labelled."""
    plain = [path for path in paths if path.is_dir() and _without_labels(path)]
    pictures = tuple(picture for folder in plain for picture in _pictures_of(folder))
    if len(plain) == len(paths):
        dataset = DetectionSet("pictures", (), pictures)
    else:
        opened = open_paths([path for path in paths if path not in plain])
        if line := opened.problem_line():
            logger.warning("%s", line)
        dataset = _without_files(opened)
        bare = DetectionSet("pictures", (), pictures).with_classes(dataset.classes)
        dataset = replace(dataset, pictures=dataset.pictures + bare.pictures)
    need_pictures(dataset, paths)
    return dataset


def _without_files(opened: OpenedSets) -> DetectionSet:
    """All sets as one; a YOLO picture without a label file, elsewhere one without objects, is here one that nobody has labelled yet."""
    missing = {
        str(one.file)
        for report in opened.reports.values()
        for one in report.problems
        if (one.kind, one.outcome) == ("missing_labels", "kept")
    }
    dataset = opened.together()
    nothing = np.zeros(len(dataset.classes), bool)
    pictures = (replace(one, labelled=nothing) if str(one.path) in missing else one for one in dataset.pictures)
    return replace(dataset, pictures=tuple(pictures))


def _without_labels(folder: Path) -> bool:
    try:
        open_paths([folder])
    except SourceUnsupported:
        return bool(pictures_in(folder))
    return False


def _pictures_of(folder: Path) -> list[LabelledPicture]:
    pictures = []
    no_box: NDArray[np.float32] = np.zeros((0, 4), np.float32)
    for path in pictures_in(folder):
        size_wh = picture_size(path)
        if size_wh is None:
            logger.warning("%s: expected a picture, it cannot be decoded; left out", path)
            continue
        nothing = np.zeros(0, bool)
        pictures.append(LabelledPicture(path, size_wh, no_box, np.zeros(0, np.int64), nothing, nothing, source=folder.name))
    return pictures


def _tell(
    labelled: DetectionSet, before: DetectionSet, taken: tuple[str, ...], broken: int, model: str, out: Path, *, as_json: bool
) -> None:
    counts = np.zeros(len(labelled.classes), np.int64)
    # `fill_in` puts the model's boxes behind those that were there.
    for picture, old in zip(labelled.pictures, before.pictures, strict=True):
        counts += np.bincount(picture.class_id[len(old) :], minlength=len(counts))
    places = matched_classes(taken, labelled.classes)
    added = {labelled.classes[place]: int(counts[place]) for place in places}
    if as_json:
        record = {"file": str(out), "model": model, "pictures": len(labelled), "left_out": broken, "added": added}
        typer.echo(json.dumps(record, indent=2))
        return
    found = ", ".join(f"{name} {count:,}" for name, count in added.items() if count) or "nothing"
    typer.echo(f"{out}: {len(labelled):,} pictures; {model} added {found}")
    if broken:
        typer.echo(f"{broken:,} pictures could not be used and were left out; `panops data check` names each")
    typer.echo(f"look at them: panops data show {shlex.quote(str(out))}; correct them in any tool that reads COCO before you train on them")
