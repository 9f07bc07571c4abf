"""`panops data frames`: pictures out of films, to be labelled or to learn from without labels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Annotated

import av
import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from panops.commands.data_sets import writing
from panops.datasets.coco import write_coco
from panops.datasets.whole_file import whole
from panops.domain.errors import PanopsError, SourceCorrupt
from panops.domain.labels import DetectionSet, LabelledPicture

_QUALITY = 92
_LABELS = "frames.json"


def frames(
    films: Annotated[list[Path], typer.Argument(help="Video files.")],
    out: Annotated[Path, typer.Option(help="The folder for frames.json and pictures/.")],
    every_s: Annotated[float, typer.Option("--every", min=0.01, help="One frame each so many seconds of the film.")] = 1.0,
    most: Annotated[int, typer.Option(min=1, help="At most so many of one film.")] = 200,
    longest_px: Annotated[int, typer.Option("--longest", min=64, help="Larger frames are scaled down to this side, px.")] = 640,
    classes: Annotated[str, typer.Option(help="Class names for the file, with commas; none of them counts as labelled.")] = "person",
    replace: Annotated[bool, typer.Option("--replace", help="Write over an earlier frames.json, and what was labelled in it.")] = False,
) -> None:
    """Take pictures out of films as a COCO set in which nothing is labelled yet.

    A training learns from such pictures what its teacher sees in them; a labelling tool opens the file to draw boxes. Each film is a group,
    so that a split does not part it. A film that cannot be read is told, the others are taken, and the exit code is 1.
    """
    names = tuple(dict.fromkeys(name.strip() for name in classes.split(",") if name.strip()))
    if not names:
        raise typer.BadParameter("expected class names such as person,car", param_hint="--classes")
    if (out / _LABELS).exists() and not replace:
        raise PanopsError(
            f"{out}: expected a folder without {_LABELS}, in which somebody may have labelled; choose another, or give --replace"
        )
    console = Console(stderr=True)
    pictures: list[LabelledPicture] = []
    faults: list[SourceCorrupt] = []
    with writing(out):
        for film, group in zip(films, _groups(films), strict=True):
            try:
                for number, image in enumerate(_frames_of(film, every_s, most, longest_px, console)):
                    pictures.append(_written(image, out / "pictures" / f"{group}_{number:05d}.jpg", group, len(names)))
            except SourceCorrupt as error:
                if len(films) == 1:
                    raise
                faults.append(error)
                console.print(str(error), markup=False, soft_wrap=True)
        if len(faults) == len(films):
            raise SourceCorrupt(f"expected films, but no frame of any of the {len(films)} can be decoded")
        write_coco(DetectionSet("frames", names, tuple(pictures)), out / _LABELS)
    typer.echo(f"{out / _LABELS}: {len(pictures)} pictures of {len(films) - len(faults)} films, none of them labelled")
    if faults:
        raise typer.Exit(1)


def _written(image: NDArray[np.uint8], path: Path, group: str, classes: int) -> LabelledPicture:
    """The frame as a file, with nothing labelled in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes())
    nothing, no_id, no_flag = np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, bool)
    size_wh = (image.shape[1], image.shape[0])
    return LabelledPicture(path, size_wh, nothing, no_id, no_flag, np.zeros(classes, bool), source="frames", group=group)


def _groups(films: Sequence[Path]) -> list[str]:
    """A name for each film: its file's, with a number where it is taken, as recorders call each day's film the same."""
    names: dict[str, None] = {}
    for film in films:
        name = next(one for number in count(1) if (one := film.stem if number == 1 else f"{film.stem}-{number}") not in names)
        names[name] = None
    return list(names)


def _frames_of(film: Path, every_s: float, most: int, longest_px: int, console: Console) -> Iterator[NDArray[np.uint8]]:
    """Frames (H, W, 3) BGR, at least `every_s` apart; a film that is damaged on the way gives what comes before, which is told.

    Raises:
        SourceCorrupt: It is missing or no video.
    """
    taken, last_s = 0, -math.inf
    damage = ""
    try:
        with av.open(str(film)) as container:
            if not container.streams.video:
                raise SourceCorrupt(f"{film}: expected a video, but it has no picture track")
            stream = container.streams.video[0]
            rate_fps = float(stream.average_rate or 25)
            for number, frame in enumerate(container.decode(stream)):
                time_s = frame.time if frame.time is not None else number / rate_fps
                # Clocks that go back begin anew: films that were put together.
                if 0 <= time_s - last_s < every_s:
                    continue
                last_s = time_s
                yield _scaled(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), longest_px)
                taken += 1
                if taken >= most:
                    return
    except av.error.FFmpegError as error:
        damage = error.strerror or str(error)
    if taken == 0:
        raise SourceCorrupt(f"{film}: expected a video, but no frame of it can be decoded: {damage or 'it holds none'}")
    if damage:
        console.print(
            f"{film}: damaged after {last_s:.0f} s ({damage}); the {taken} pictures before were taken", markup=False, soft_wrap=True
        )


def _scaled(image: NDArray[np.uint8], longest_px: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    factor = longest_px / max(height, width)
    if factor >= 1:
        return image
    return np.asarray(
        cv2.resize(image, (max(1, round(width * factor)), max(1, round(height * factor))), interpolation=cv2.INTER_AREA), np.uint8
    )
