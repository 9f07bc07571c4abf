"""`panops data feedback`: what people said of a site's events, as a data set."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from panops.commands.data_sets import need_empty, picture_bar, writing
from panops.commands.evaluate_model import find_model
from panops.commands.feedback_set import FeedbackSet, Progress, as_set, copy_pictures, make_feedback, read_judged
from panops.commands.options import HomeOption, JsonOption
from panops.datasets.coco import write_coco
from panops.datasets.feedback_labels import SURE, with_groups
from panops.datasets.feedback_units import units_of_visits
from panops.datasets.verdict_file import write_verdicts
from panops.domain.errors import PanopsError
from panops.models.default import likely_default
from panops.models.store import ModelStore
from panops.storage.home import Home

SET_NAME, VERDICTS_NAME, PICTURES_NAME = "feedback.json", "verdicts.json", "pictures"
_DAY_S = 86400.0


def feedback(
    out: Annotated[Path, typer.Option(help="The folder for feedback.json, verdicts.json and pictures/; new or empty.")],
    model: Annotated[str, typer.Option(help="Labels what nobody judged; the one that cameras use where it is not given.")] = "",
    sure: Annotated[float, typer.Option(min=0.1, max=1.0, help="From which score on its word is a label; below, nothing is said.")] = SURE,
    days: Annotated[float, typer.Option(min=0.0, help="Only events of so many days; 0 takes all.")] = 0.0,
    camera: Annotated[list[str], typer.Option(help="Only this camera; may be given several times.")] = [],  # noqa: B006 - typer's way
    rule: Annotated[list[str], typer.Option(help="Only this rule; its false alarms count whatever its kind.")] = [],  # noqa: B006 - as above
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads of the network.")] = 1,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a COCO set of the events that people called true or false alarms: true ones with their box, false ones as hard negatives.

    The pictures are copied out of the evidence: what becomes of them is yours to see to. What was left out is counted and said.
    """
    need_empty(out)
    place = Home(home)
    store = ModelStore(place.models)
    chosen = find_model(model or likely_default(store), store)
    since_s = time.time() - days * _DAY_S if days else None
    events, scores = read_judged(place, cameras=camera, rules=rule, since_s=since_s)
    if not events:
        raise PanopsError(
            "expected events that somebody called a true or a false alarm, found none; judge some on the page first (keys T and F)"
        )
    with feedback_bar(len(events), shown=not as_json) as progress:
        made = make_feedback(events, scores, chosen, rules=rule, sure=sure, threads=threads, progress=progress)
    with writing(out):
        write_feedback(made, out)
    _tell(made, chosen.reference, out, as_json=as_json)


def write_feedback(made: FeedbackSet, out: Path) -> None:
    """Write the set, its verdicts and its pictures into the folder. What must not be parted is a group of the set.

    Raises:
        OSError: It cannot be written.
    """
    units = units_of_visits(made.pictures, made.copies)
    groups = {one.event.event_id: f"{one.event.camera_id}-{unit}" for one, unit in zip(made.pictures, units.tolist(), strict=True)}
    dataset, judged = as_set(with_groups(copy_pictures(made.pictures, out / PICTURES_NAME), groups), made.classes, "feedback")
    write_verdicts(judged, out / VERDICTS_NAME)
    write_coco(dataset, out / SET_NAME)


@contextmanager
def feedback_bar(count: int, *, shown: bool) -> Iterator[Progress]:
    """A bar over pictures that are looked at."""
    done = 0
    with picture_bar(count, shown=shown) as advance:

        def tell(now: int, _: int) -> None:
            nonlocal done
            advance(now - done)
            done = now

        yield tell


def feedback_record(made: FeedbackSet) -> dict[str, object]:
    """The counts, for JSON."""
    crowd = sum(int(one.labelled.crowd.sum()) for one in made.pictures)
    return {
        "judged": made.judged,
        "pictures": len(made.pictures),
        "false_alarms": made.count(false_alarm=True),
        "true_alarms": made.count(false_alarm=False),
        "labels": sum(len(one.labelled) for one in made.pictures) - crowd,
        "unsure": crowd,
        "left_out": dict(made.left_out),
        "too_few": made.too_few,
    }


def feedback_lines(made: FeedbackSet) -> list[str]:
    """The counts, for people."""
    told = feedback_record(made)
    lines = [
        f"{made.judged:,} judged events: {told['false_alarms']:,} false alarms and {told['true_alarms']:,} true ones with a usable picture",
        f"{told['labels']:,} boxes to learn, {told['unsure']:,} places of which nothing is said, because the model is not sure",
    ]
    return [*lines, *(f"{count:,} left out: {reason}" for reason, count in sorted(made.left_out.items(), key=lambda item: -item[1]))]


def _tell(made: FeedbackSet, model: str, out: Path, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"file": str(out / SET_NAME), "model": model, **feedback_record(made)}, indent=2))
        return
    for line in feedback_lines(made):
        typer.echo(line)
    if made.too_few:
        typer.echo(f"too few to train on: {made.too_few}")
    typer.echo(f"{out / SET_NAME}: look at it before you train: panops data show {shlex.quote(str(out))}")
