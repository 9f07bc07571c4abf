"""The films of `panops bench cameras` and `capacity`: made once, kept, or from people's own recordings."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, get_args

import typer

from panops.bench.film_scene import SCENES
from panops.bench.film_shape import FilmShape
from panops.bench.film_shelf import Film, FilmShelf
from panops.config.schema import SimulationConfig
from panops.models.store import ModelStore
from panops.simulation.sim_address import check_size
from panops.storage.home import Home

FpsOption = Annotated[float, typer.Option("--fps", min=0.2, max=60.0, help="Pictures a second that each camera sends.")]
CheckFpsOption = Annotated[float, typer.Option(min=0.1, max=60.0, help="Checks a second that are asked for.")]
SizeOption = Annotated[str, typer.Option(help="Picture size as WIDTHxHEIGHT.")]
GopOption = Annotated[float, typer.Option(min=0.2, max=60.0, help="Time from keyframe to keyframe, s.")]
FilmsOption = Annotated[Path | None, typer.Option(help="A folder of recordings of your own; --activity then means nothing.")]
ScenesOption = Annotated[str, typer.Option(help="Scenes of the simulated site that the films are made of.")]
FilmSecondsOption = Annotated[float, typer.Option(min=4.0, max=600.0, help="How long a film is before it begins again, s.")]
ModelOption = Annotated[str, typer.Option(help="The detector; the one that cameras use otherwise.")]
SleepOption = Annotated[str, typer.Option(help="always, auto or never: the cameras' `sleep`; what the product does otherwise.")]

ALL_SCENES = ",".join(SCENES)
_KNOWN_SCENES: tuple[str, ...] = get_args(SimulationConfig.model_fields["scene"].annotation)


def shape_of(size: str, fps: float, check_fps: float, gop: float, seconds: float) -> FilmShape:
    """The films' shape from what people typed.

    Raises:
        typer.BadParameter: The size is none.
        SourceUnsupported: It cannot be encoded.
    """
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
    if match is None:
        raise typer.BadParameter(f"expected WIDTHxHEIGHT such as 640x360, got {size!r}", param_hint="--size")
    size_wh = int(match[1]), int(match[2])
    check_size(size_wh)
    return FilmShape(size_wh, fps, check_fps, gop, seconds)


def scenes_of(text: str) -> tuple[str, ...]:
    """The scenes that people typed.

    Raises:
        typer.BadParameter: One is unknown, or there is none.
    """
    scenes = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    unknown = [scene for scene in scenes if scene not in _KNOWN_SCENES]
    if unknown or not scenes:
        raise typer.BadParameter(f"expected some of {', '.join(_KNOWN_SCENES)}; got {text!r}", param_hint="--scenes")
    return scenes


def sleep_of(text: str) -> str:
    """The cameras' `sleep`.

    Raises:
        typer.BadParameter: It is no such word.
    """
    if text not in ("", "always", "auto", "never"):
        raise typer.BadParameter(f"expected always, auto or never; got {text!r}", param_hint="--sleep")
    return text


def ready_films(
    home: Path | None, folder: Path | None, activity: float, shape: FilmShape, scenes: Sequence[str], told: Callable[[str], None]
) -> list[Film]:
    """The films: of the scenes, or of the recordings in a folder.

    Raises:
        PanopsError: They cannot be made or kept.
    """
    shelf = FilmShelf(Home(home).path / "bench-films", told)
    return shelf.of_recordings(folder, shape) if folder is not None else shelf.of_scenes(activity, shape, scenes)


def models_of(home: Path | None, model: str) -> Path:
    """Where installed models are; a model that was named is looked for first, so that its absence is told at once.

    Raises:
        ModelError: It is not here, or damaged.
    """
    folder = Home(home).models
    if model:
        ModelStore(folder).get(model)
    return folder
