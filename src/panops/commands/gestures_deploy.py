"""`panops gestures deploy`: from a folder of pictures of hands, or a classifier that is there, to a rule on a camera."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from panops.commands.gestures_site import WantedRule, deploy_rule, wanted_camera
from panops.commands.options import HomeOption, JsonOption
from panops.config.signs import is_no_sign
from panops.config.spelling import did_you_mean
from panops.datasets.class_folders import read_class_folders, split_folders
from panops.domain.errors import ModelUnsupported, PanopsError
from panops.models.store import ModelStore
from panops.storage.database import Database
from panops.storage.home import Home
from panops.vision.hand_signs import reads_hands


@dataclass(frozen=True, slots=True)
class SignModel:
    """A classifier that is in the store.

    Attributes:
        name: What it is called.
        version: The one that is in use.
        classes: What it knows.
        accuracy: Of the file that cameras run, on pictures that were kept apart; None where it was not trained here.
        folder: The training's folder; None likewise.
    """

    name: str
    version: str
    classes: tuple[str, ...]
    accuracy: float | None = None
    folder: Path | None = None


def deploy(
    data: Annotated[
        Path | None,
        typer.Argument(help="A folder with a folder of pictures of hands for each sign, or with train/ and val/ like that."),
    ] = None,
    camera: Annotated[str, typer.Option(help="The camera that is to know the signs.")] = "",
    sign: Annotated[list[str] | None, typer.Option("--sign", help="A sign that is told; say it again for further ones.")] = None,
    in_order: Annotated[bool, typer.Option("--in-order", help="The signs count when they follow each other, not each alone.")] = False,
    classifier: Annotated[str, typer.Option(help="Take this model of the store and train nothing: sign_digits, say.")] = "",
    zone: Annotated[str, typer.Option(help="A zone of the camera; none means the whole picture.")] = "",
    after_s: Annotated[float, typer.Option(min=0, max=60, help="For how long a sign is held before it counts, s.")] = 1.0,
    rule: Annotated[str, typer.Option(help="The rule's id; an existing rule of this id is replaced.")] = "hand_sign",
    least_accuracy: Annotated[float, typer.Option(min=0, max=1, help="A classifier that is right less often is not deployed.")] = 0.9,
    name: Annotated[str, typer.Option(help="What the new classifier is called; the folder's name when it is not given.")] = "",
    out: Annotated[Path | None, typer.Option(help="The training's folder; runs/NAME when it is not given.")] = None,
    start: Annotated[str, typer.Option(help="Where the training starts, as for `panops train classifier`.")] = "",
    size: Annotated[int, typer.Option(min=0, help="The input's side, px, a multiple of 32; 0 fits the pictures.")] = 0,
    epochs: Annotated[int, typer.Option(min=0, help="How often the pictures are shown to the network; 0 trains the head alone.")] = 25,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads for the training; 0 takes all.")] = 0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier of hand signs on a folder of pictures, put it into the store, and have a camera tell a sign by it.

    All that can be wrong is looked at first: the camera, the zone, the signs, the model for hands. Then it trains (as `panops train
    classifier`, and goes on where it was stopped), measures the 8-bit file on pictures that were kept apart, installs it, and writes the
    camera's `gestures` and a rule `gesture` into the site, in one step. A running panops takes both up within two seconds.
    """
    console = Console(stderr=True)
    signs = [one.strip() for one in sign or ()]
    if not camera or not all(signs) or not signs:
        missing = "--camera" if not camera else "--sign"
        raise typer.BadParameter("expected a camera, and at least one sign to tell", param_hint=missing)
    if (data is None) == (not classifier):
        raise typer.BadParameter("expected a folder of pictures, or --classifier with a model that is there", param_hint="DATA")
    where = Home(home).create()
    store = ModelStore(where.models)
    known = _taken(store, classifier).classes if data is None else _classes_of(data)
    _check_signs(signs, known, classifier or str(data))
    asked = _rule(rule, camera, signs, zone, after_s, in_order=in_order)
    with Database.at(where.path) as database:
        config = wanted_camera(database, camera, asked)
    store.get(config.model)  # without a model for hands nothing is ever seen: said before anything is trained
    if data is None:
        model = _taken(store, classifier)
    else:
        from panops.commands.gestures_train import TrainWishes, train_signs  # noqa: PLC0415 - needs torch, which a classifier that is there does not

        model = train_signs(TrainWishes(data, name, out, start, size, epochs, threads, least_accuracy), home, store, console)
    with Database.at(where.path) as database:
        added = deploy_rule(database, asked, model.name, model.classes)
    told = _record(model, asked, added)
    typer.echo(json.dumps(told, indent=2) if as_json else _sentences(model, asked, added))


def _taken(store: ModelStore, name: str) -> SignModel:
    model = store.get(name)
    if not reads_hands(model.manifest):
        raise ModelUnsupported(f"{name} is a model for {model.manifest.task}; expected a classifier, or one of hands' points")
    return SignModel(name, model.version, model.manifest.classes)


def _classes_of(data: Path) -> Sequence[str]:
    return read_class_folders(split_folders(data)[0]).dataset.classes


def _check_signs(signs: Sequence[str], known: Sequence[str], where: str) -> None:
    showing = [name for name in known if not is_no_sign(name)]
    for one in signs:
        if one.casefold() not in {name.casefold() for name in showing}:
            raise PanopsError(f"{where} knows no sign {one!r}{did_you_mean(one, showing, 'it knows')}")


def _rule(rule: str, camera: str, signs: list[str], zone: str, after_s: float, *, in_order: bool) -> WantedRule:
    try:
        return WantedRule.made(rule, camera, signs, zone, after_s, in_order=in_order)
    except ValidationError as error:
        first = error.errors()[0]
        raise PanopsError(f"the rule cannot be made: {'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}") from error


def _record(model: SignModel, asked: WantedRule, added: bool) -> dict[str, Any]:
    return {
        "classifier": f"{model.name}@{model.version}",
        "classes": list(model.classes),
        "accuracy": model.accuracy,
        "folder": None if model.folder is None else str(model.folder),
        "camera": asked.camera,
        "rule": asked.rule.model_dump(mode="json", exclude_defaults=True),
        "rule_added": added,
    }


def _sentences(model: SignModel, asked: WantedRule, added: bool) -> str:
    measured = "" if model.accuracy is None else f", right on {100 * model.accuracy:.1f} % of the pictures that were kept apart"
    signs = (" then " if asked.rule.sequence else " or ").join(asked.rule.named_signs)
    place = f" in the zone {asked.rule.zone!r}" if asked.rule.zone else ""
    return "\n".join(
        [
            f"classifier {model.name}@{model.version} is in the store: {', '.join(model.classes)}{measured}",
            f"camera {asked.camera!r} looks for hands and reads them with {model.name}",
            f"{'added' if added else 'replaced'} the rule {asked.rule.id!r}: it tells when somebody shows {signs}{place}",
            "a running panops takes it up within two seconds; what the site is now: panops config dump",
        ]
    )
