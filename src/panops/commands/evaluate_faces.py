"""`panops evaluate faces`: how well people are told apart by their faces, on pictures of people whom one knows."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from panops.commands.evaluate_faces_figure import face_figures
from panops.commands.evaluate_facts import data_title
from panops.commands.machine import machine
from panops.commands.options import HomeOption
from panops.datasets.chart import raster
from panops.domain.errors import PanopsError
from panops.domain.faces import SeenFaces
from panops.evaluation.face_score import FaceErrors, FaceScore, score_faces
from panops.models.store import ModelStore
from panops.pipeline.face_reader import ModelFaceReader
from panops.pipeline.open_face_reader import DEFAULT_DETECTOR, DEFAULT_EMBEDDER, open_face_reader
from panops.pipeline.sent_picture import PictureRefused, read_sent_picture
from panops.storage.home import Home

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_PLOTS = (".png", ".jpg", ".webp")
# A face that is not so many times as high as the next one is not the one that is meant.
_CLEARLY = 2.0
_SHOWN = 5


@dataclass(slots=True)
class _Read:
    """The faces that can be used, and what was left out."""

    embedding: list[NDArray[np.float32]] = field(default_factory=list)
    person: list[int] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    left_out: list[tuple[Path, str]] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)


def evaluate_faces(
    folder: Annotated[Path, typer.Argument(help="A folder with a folder of pictures for each person, two pictures of one at least.")],
    model: Annotated[str, typer.Option(help="A model for face_embedding.")] = DEFAULT_EMBEDDER,
    detector: Annotated[str, typer.Option(help="A model for faces that finds them.")] = DEFAULT_DETECTOR,
    threshold: Annotated[
        float | None, typer.Option(min=-1.0, max=1.0, help="Tell the errors at this similarity; the model's own otherwise.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every figure as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write both charts as a picture: .png, .jpg or .webp.")] = None,
    home: HomeOption = None,
) -> None:
    """How well faces are told apart: pairs of two people taken for one, and of one taken for two, by threshold, and which one to take.

    Each picture shows one person; one with several faces of like size, or none that is good enough, is named and left out.
    """
    if plot is not None and plot.suffix.lower() not in _PLOTS:
        raise typer.BadParameter(f"expected a name that ends in {', '.join(_PLOTS)}, got {plot}", param_hint="--plot")
    console = Console()
    people = _people(folder)
    reader = open_face_reader(ModelStore(Home(home).models), detector, model)
    try:
        read = _read(reader, people, console)
        at = reader.threshold if threshold is None else threshold
        score = _score(folder, read)
        told = _record(score, read, list(people), at)
        told = {"data": data_title(folder), "model": reader.name, "detector": detector, **told, "machine": machine()}
    finally:
        reader.close()
    _tell(console, score, read, list(people), at, f"{told['model']} on {told['data']}")
    if json_file is not None:
        _write(json_file, (json.dumps(told, indent=2, allow_nan=False) + "\n").encode())
    if plot is not None:
        _write(plot, cv2.imencode(plot.suffix.lower(), raster(face_figures(score, at)))[1].tobytes())
        console.print(f"charts: {plot}", highlight=False, markup=False, soft_wrap=True)


def _people(folder: Path) -> dict[str, list[Path]]:
    """Each person's pictures, by their folder's name."""
    if not folder.is_dir():
        raise PanopsError(f"{folder}: expected a folder with a folder of pictures for each person, there is none")
    found = {
        child.name: sorted(file for file in child.iterdir() if file.suffix.lower() in _SUFFIXES)
        for child in sorted(folder.iterdir())
        if child.is_dir() and not child.name.startswith(".")
    }
    found = {name: files for name, files in found.items() if files}
    if len(found) < 2:
        raise PanopsError(f"{folder}: expected a folder of pictures (JPEG, PNG, WebP) for each of at least two people, found {len(found)}")
    return found


def _read(reader: ModelFaceReader, people: dict[str, list[Path]], console: Console) -> _Read:
    read = _Read()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(reader.name, total=sum(len(files) for files in people.values()))
        for index, files in enumerate(people.values()):
            for file in files:
                try:
                    frame = read_sent_picture(memoryview(file.read_bytes()))
                except (PictureRefused, OSError) as error:
                    read.left_out.append((file, str(error)))
                else:
                    began_s = time.perf_counter()
                    seen = reader.read(frame)
                    read.took_s.append(time.perf_counter() - began_s)
                    row, why = _meant(seen)
                    if why:
                        read.left_out.append((file, why))
                    else:
                        read.embedding.append(seen.embedding[row])
                        read.person.append(index)
                        read.files.append(file)
                progress.advance(task)
    return read


def _meant(seen: SeenFaces) -> tuple[int, str]:
    """The face that a picture is of, or why it cannot be used."""
    if not len(seen):
        return -1, "no face is found in it"
    height = seen.xyxy[:, 3] - seen.xyxy[:, 1]
    rows = np.argsort(-height, kind="stable")
    if len(rows) > 1 and height[rows[0]] < _CLEARLY * height[rows[1]]:
        return -1, f"{len(rows)} faces of like size: cut out the one that is meant"
    row = int(rows[0])
    fault = seen.faults[row]
    return row, "" if fault is None else f"the face is {fault.value}"


def _score(folder: Path, read: _Read) -> FaceScore:
    try:
        return score_faces(np.array(read.embedding, np.float32).reshape(len(read.person), -1), np.array(read.person, np.int64))
    except ValueError as error:
        why = "; ".join(f"{file.name}: {reason}" for file, reason in read.left_out[:_SHOWN])
        left = f", {len(read.left_out)} left out ({why})" if read.left_out else ""
        raise PanopsError(f"{folder}: {error}; {len(read.person)} pictures can be used{left}") from error


def _record(score: FaceScore, read: _Read, names: list[str], threshold: float) -> dict[str, Any]:
    equal_at, equal = score.equal()
    return {
        "people": score.people,
        "pictures": score.pictures,
        "left_out": [{"file": file.name, "why": why} for file, why in read.left_out],
        "same_pairs": len(score.same),
        "different_pairs": len(score.different),
        "used": score.at(threshold).record(),
        "advised": score.advised().record(),
        "equal_error_rate": round(equal, 6),
        "equal_error_threshold": round(equal_at, 4),
        "lowest_of_one_person": [_pair(read, names, *one) for one in _worst(score.same, score.same_pairs)],
        "highest_of_two_people": [_pair(read, names, *one) for one in _worst(score.different, score.different_pairs)],
        "curve": [errors.record() for errors in score.curve()],
        "ms_a_picture": round(float(np.median(read.took_s)) * 1000, 1),
    }


def _worst(similarity: NDArray[np.float32], pairs: NDArray[np.int64]) -> list[tuple[float, int, int]]:
    return [(float(value), int(first), int(second)) for value, (first, second) in zip(similarity[:_SHOWN], pairs[:_SHOWN], strict=True)]


def _pair(read: _Read, names: list[str], similarity: float, first: int, second: int) -> dict[str, Any]:
    files = [f"{names[read.person[index]]}/{read.files[index].name}" for index in (first, second)]
    return {"similarity": round(similarity, 4), "files": files}


def _tell(console: Console, score: FaceScore, read: _Read, names: list[str], threshold: float, title: str) -> None:
    def say(text: str, style: str = "") -> None:
        console.print(text, style=style or None, highlight=False, markup=False, soft_wrap=True)

    say(
        f"{title}: {score.people} people, {score.pictures} pictures; {len(score.same):,} pairs of one person, "
        f"{len(score.different):,} of two people"
    )
    for file, why in read.left_out:
        say(f"  left out: {file.parent.name}/{file.name}: {why}", "dim")
    say(f"at {threshold:.2f}, which is used: {_errors(score.at(threshold))}")
    advised = score.advised()
    say(f"at {advised.threshold:.2f}, which these pictures advise: {_errors(advised)}")
    say(f"equal error rate: {score.equal()[1]:.1%}, at {score.equal()[0]:.2f}")
    lowest, highest = _worst(score.same, score.same_pairs)[0], _worst(score.different, score.different_pairs)[0]
    say(f"least alike of one person: {_named(_pair(read, names, *lowest))}; most alike of two: {_named(_pair(read, names, *highest))}")
    if score.people < 30 or len(score.same) < 300:
        say("so few people and pairs say little about others: rates of a few in a thousand need hundreds of people", "yellow")


def _errors(errors: FaceErrors) -> str:
    record = errors.record()
    return (
        f"{errors.false_accepts} of {errors.different:,} pairs of two people taken for one (FAR {errors.far:.2%}, 95 %: at most "
        f"{record['far_at_most']:.1%}), {errors.false_rejects} of {errors.same:,} pairs of one person for two (FRR {errors.frr:.2%}, "
        f"at most {record['frr_at_most']:.1%})"
    )


def _named(pair: dict[str, Any]) -> str:
    return f"{' and '.join(pair['files'])}, {pair['similarity']:.2f}"


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise PanopsError(f"cannot write {path}: {error.strerror}") from error
