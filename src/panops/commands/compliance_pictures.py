"""What is decided of people on labelled pictures, each shown for as long as it takes to decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from panops.commands.closer import Closer
from panops.config.rule_schema import RequiredItemConfig
from panops.domain.body_parts import Box
from panops.domain.boxes import iou
from panops.domain.compliance import Worn
from panops.domain.detections import Detections
from panops.domain.errors import ModelError, SourceCorrupt
from panops.domain.labels import DetectionSet, LabelledPicture
from panops.domain.tracks import Tracks
from panops.evaluation.compliance_score import Judged, labelled_truth
from panops.export.deployed import AP_SETTINGS, run_pictures, still_frame
from panops.models.store import StoredModel
from panops.pipeline.looking import Look
from panops.rules.scene import Scene
from panops.rules.vote_tally import VoteTally
from panops.rules.worn_items import WornItems

PERSON = "person"
# A still is one look; as long as that is shown, the votes are the same again and again.
_SHOWN_S, _EVERY_S = 4.0, 0.2
_LEAST_IOU = 0.5


def judge_pictures(
    model: StoredModel,
    dataset: DetectionSet,
    required: Sequence[RequiredItemConfig],
    min_score: float,
    window_s: float,
    share: float,
    progress: Callable[[int, int], None] | None = None,
    closer: Closer | None = None,
) -> list[Judged]:
    """Decisions about the labelled people of whom the labels say what they wear.

    Args:
        model: The detector.
        dataset: Pictures with labelled people and items, under the classes' names of `required`.
        required: The items.
        min_score: Weaker detections do not count.
        window_s: The rule's setting.
        share: The rule's setting.
        progress: Told how many pictures of how many are done.
        closer: What looks at each person enlarged, as a camera's `secondary` does; None for nothing.
    """
    pictures = [one for one in dataset.pictures if PERSON in dataset.classes and one.labelled[dataset.classes.index(PERSON)]]
    run = run_pictures(model.manifest, model.path, pictures, AP_SETTINGS, progress, skip_broken=True)
    rows: list[Judged] = []
    for picture, found in zip(pictures, run.detections, strict=True):
        strong, classes = found.select(found.score >= min_score), tuple(model.manifest.classes)
        if closer is not None:
            strong, classes = _closer(picture, strong, classes, closer)
            strong = strong.select(strong.score >= min_score)
        scale = min(side / of_picture for side, of_picture in zip(run.size_wh, picture.size_wh, strict=True))
        rows += _judge(picture, dataset.classes, strong, classes, required, VoteTally(window_s, share), scale)
    return rows


def _closer(picture: LabelledPicture, found: Detections, classes: tuple[str, ...], closer: Closer) -> tuple[Detections, tuple[str, ...]]:
    """What was found, and what is found on each person by who looks closer."""
    looks = closer.looks(classes, most=64)
    try:
        seen = looks.add(still_frame(picture), Look(True, None, Detections.empty()), found, None)
    except SourceCorrupt:  # nothing was found in it either
        return found, looks.classes
    if looks.problem:
        raise ModelError(looks.problem)
    return seen, looks.classes


def _judge(
    picture: LabelledPicture,
    labels: Sequence[str],
    found: Detections,
    classes: Sequence[str],
    required: Sequence[RequiredItemConfig],
    settings: VoteTally,
    scale: float,
) -> list[Judged]:
    names = [labels[index] for index in picture.class_id.tolist()]
    people = np.flatnonzero([name == PERSON and not crowd for name, crowd in zip(names, picture.crowd.tolist(), strict=True)])
    if not len(people):
        return []
    tracks = _as_tracks(found)
    seen = np.flatnonzero(found.class_id == list(classes).index(PERSON))
    match = _matches(picture.xyxy[people], found.xyxy[seen])
    votes = WornItems(required, Scene("picture", picture.size_wh, classes)).look(tracks, seen, np.ones(len(tracks), np.bool_))
    rows: list[Judged] = []
    for column, one in enumerate(required):
        shows = {name: worn for worn, sort in ((Worn.PRESENT, one.present), (Worn.ABSENT, one.absent)) for name in sort}
        items = [(_box(box), shows[name]) for box, name in zip(picture.xyxy, names, strict=True) if name in shows]
        truth = labelled_truth([_box(box) for box in picture.xyxy[people]], items, one.part)
        for person, worn in enumerate(truth):
            if worn is not None:
                said = None if match[person] < 0 else _decided(votes.get((match[person], column)), settings)
                top, bottom = picture.xyxy[people[person], [1, 3]].tolist()
                rows.append(Judged(one.item, worn, said, scale * (bottom - top)))
    return rows


def _decided(votes: tuple[float, float] | None, settings: VoteTally) -> Worn:
    """What the rule would say if it saw this for some seconds."""
    if votes is None:
        return Worn.NOT_VISIBLE
    tally = settings.fresh()
    for step in range(round(_SHOWN_S / _EVERY_S)):
        tally.add(*votes, step * _EVERY_S)
    return tally.worn


def _matches(truth: np.ndarray, found: np.ndarray) -> list[int]:
    """The detection of each labelled person, -1 for none: best overlaps first, each detection once."""
    overlap = iou(truth, found)
    match = [-1] * len(truth)
    taken: set[int] = set()
    for place in np.argsort(-overlap, axis=None, kind="stable").tolist():
        person, row = divmod(place, max(overlap.shape[1], 1))
        if overlap[person, row] >= _LEAST_IOU and match[person] < 0 and row not in taken:
            match[person] = row
            taken.add(row)
    return match


def _as_tracks(found: Detections) -> Tracks:
    count = len(found)
    rows, times = np.arange(count), np.zeros(count)
    return Tracks("picture", 0.0, rows, found.xyxy, found.score, found.class_id, np.ones(count, np.int64), times, times.copy(), rows.copy())


def _box(row: np.ndarray) -> Box:
    left, top, right, bottom = row.tolist()
    return left, top, right, bottom
