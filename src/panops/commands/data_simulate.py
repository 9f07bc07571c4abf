"""`panops data simulate`: labelled pictures of the simulated site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from panops.commands.data_sets import picture_bar, writing
from panops.datasets.coco import Additions, write_coco
from panops.datasets.whole_file import whole
from panops.domain.errors import PanopsError
from panops.domain.labels import DetectionSet, LabelledPicture
from panops.simulation.coco_keypoints import coco_keypoints, coco_person
from panops.simulation.picture_set import SCENES, WEATHERS, SimulatedPicture, simulated_pictures
from panops.simulation.recording import WATCHED
from panops.simulation.sim_address import check_size
from panops.simulation.worn_labels import WORN

_QUALITY = 92


def simulate(
    out: Annotated[Path, typer.Option(help="The folder for simulated.json and pictures/.")],
    pictures: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same pictures.")] = 1,
    scene: Annotated[list[str], typer.Option(help=f"Only this scene; may be given several times. {', '.join(SCENES)}.")] = [],  # noqa: B006 - typer's way
    weather: Annotated[list[str], typer.Option(help=f"Only this weather. {', '.join(WEATHERS)}.")] = [],  # noqa: B006 - as above
    activity: Annotated[float, typer.Option(min=0, max=20, help="About how many walkers and vehicles a minute.")] = 8.0,
    size: Annotated[str, typer.Option(help="Size of the pictures.")] = "640x360",
    worn: Annotated[bool, typer.Option("--worn", help="Label hard hats, vests, bare heads and upper bodies without a vest, too.")] = False,
    workers: Annotated[float, typer.Option(min=0, max=1, help="Share of the walkers who are dressed for a building site.")] = 0.0,
    deeds: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the walkers who raise their hands, bend down, fall or the like.")
    ] = 0.0,
) -> None:
    """Render labelled pictures of the simulated site as a COCO set, to train on beside real ones."""
    for name, given, known in (("--scene", scene, SCENES), ("--weather", weather, WEATHERS)):
        if unknown := sorted(set(given) - set(known)):
            raise typer.BadParameter(f"expected {', '.join(known)}, got {', '.join(unknown)}", param_hint=name)
    size_wh = _size(size)
    classes = (*WATCHED, *WORN) if worn else WATCHED
    labelled, points = [], []
    with writing(out), picture_bar(pictures) as progress:
        (out / "pictures").mkdir(parents=True, exist_ok=True)
        for made in simulated_pictures(
            pictures, seed, scene or SCENES, weather or WEATHERS, size_wh, activity=activity, workers=workers, deeds=deeds, worn=worn
        ):
            path = out / "pictures" / f"{made.name}.jpg"
            with whole(path) as part:
                part.write_bytes(cv2.imencode(".jpg", made.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes())
            height, width = made.image.shape[:2]
            known_classes = np.ones(len(classes), bool)
            labelled.append(
                LabelledPicture(
                    path, (width, height), made.xyxy, made.class_id, made.crowd, known_classes, source="simulated", group=made.group
                )
            )
            points.append(_points(made))
            progress(1)
        additions = Additions(points, {"person": coco_person()})
        write_coco(DetectionSet("simulated", classes, tuple(labelled)), out / "simulated.json", additions)
    boxes = sum(len(picture) for picture in labelled)
    typer.echo(f"{out / 'simulated.json'}: {len(labelled)} pictures with {boxes} boxes")


def _points(made: SimulatedPicture) -> list[dict[str, Any]]:
    """COCO's key points of each box; of what is no person there are none to write."""
    height, width = made.image.shape[:2]
    person = WATCHED.index("person")
    return [
        coco_keypoints(points, (width, height)) if class_id == person else {}
        for points, class_id in zip(made.keypoints, made.class_id.tolist(), strict=True)
    ]


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None:
        raise typer.BadParameter(f"expected WIDTHxHEIGHT such as 640x360, got {text!r}", param_hint="--size")
    size_wh = (int(match[1]), int(match[2]))
    try:
        check_size(size_wh)
    except PanopsError as error:
        raise typer.BadParameter(str(error), param_hint="--size") from error
    return size_wh
