"""`panops data frames`: pictures out of films, to be labelled or to learn from without labels."""

from __future__ import annotations

from collections.abc import Iterator
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
from panops.domain.errors import SourceCorrupt
from panops.domain.labels import DetectionSet, LabelledPicture

_QUALITY = 92


def frames(
    films: Annotated[list[Path], typer.Argument(help="Video files.")],
    out: Annotated[Path, typer.Option(help="The folder for frames.json and pictures/.")],
    every_s: Annotated[float, typer.Option("--every", min=0.01, help="One frame each so many seconds of the film.")] = 1.0,
    most: Annotated[int, typer.Option(min=1, help="At most so many of one film.")] = 200,
    longest_px: Annotated[int, typer.Option("--longest", min=64, help="Larger frames are scaled down to this side, px.")] = 640,
    classes: Annotated[str, typer.Option(help="Class names for the file, with commas; none of them counts as labelled.")] = "person",
) -> None:
    """Take pictures out of films as a COCO set in which nothing is labelled yet.

    A training learns from such pictures what its teacher sees in them; a labelling tool opens the file to draw boxes. Each film is a group,
    so that a split does not part it.
    """
    names = tuple(name.strip() for name in classes.split(",") if name.strip())
    if not names:
        raise typer.BadParameter("expected class names such as person,car", param_hint="--classes")
    pictures = []
    nothing = np.zeros((0, 4), np.float32)
    with writing(out):
        (out / "pictures").mkdir(parents=True, exist_ok=True)
        for film in films:
            for number, image in enumerate(_frames_of(film, every_s, most, longest_px)):
                path = out / "pictures" / f"{film.stem}_{number:05d}.jpg"
                path.write_bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes())
                size_wh = (image.shape[1], image.shape[0])
                unknown = np.zeros(len(names), bool)
                no_id, no_flag = np.zeros(0, np.int64), np.zeros(0, bool)
                pictures.append(LabelledPicture(path, size_wh, nothing, no_id, no_flag, unknown, source="frames", group=film.stem))
        write_coco(DetectionSet("frames", names, tuple(pictures)), out / "frames.json")
    Console().print(f"{out / 'frames.json'}: {len(pictures)} pictures of {len(films)} films, none of them labelled")


def _frames_of(film: Path, every_s: float, most: int, longest_px: int) -> Iterator[NDArray[np.uint8]]:
    """Frames (H, W, 3) BGR, at least `every_s` apart.

    Raises:
        SourceCorrupt: It is missing or no video.
    """
    taken, last_s = 0, -every_s
    try:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            for frame in container.decode(stream):
                time_s = frame.time if frame.time is not None else last_s + every_s
                if time_s - last_s < every_s:
                    continue
                last_s = time_s
                yield _scaled(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), longest_px)
                taken += 1
                if taken >= most:
                    return
    except (av.error.FFmpegError, IndexError) as error:
        if taken == 0:
            raise SourceCorrupt(f"{film}: expected a video, but no frame of it can be decoded ({error})") from error


def _scaled(image: NDArray[np.uint8], longest_px: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    factor = longest_px / max(height, width)
    if factor >= 1:
        return image
    return np.asarray(cv2.resize(image, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA), np.uint8)
