"""A site's judged events as labelled pictures: read, looked at by the model in use, labelled, thinned, and written into a folder."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from panops.datasets.feedback_labels import SURE, UNREADABLE, UNSURE, FeedbackPicture, Verdicts, label_picture, why_not
from panops.datasets.feedback_units import copies_of, look_of, thinned
from panops.datasets.picture_size import picture_size, read_picture
from panops.domain.detections import Detections
from panops.domain.errors import SourceCorrupt
from panops.domain.judged_pictures import JudgedBoxes, PicturedEvent
from panops.domain.labels import DetectionSet, LabelledPicture
from panops.export.deployed import run_pictures
from panops.models.store import StoredModel
from panops.storage.database import Database
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.storage.judged_pictures import JudgedPictures
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from panops.vision.candidates import KeepSettings

LEAST_EVENTS, LEAST_OF_A_KIND = 20, 5
COPIES = "it looks like others of the same thing"
_DEFAULT_MIN_SCORE = 0.35
_MOST = 300
_FOLDER_MODE = 0o700

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class FeedbackSet:
    """What a site's verdicts give to learn from.

    Attributes:
        pictures: In the order of time, near copies thinned.
        copies: (N,) int64: the group of near copies of each.
        classes: The model's.
        judged: How many events were judged, used or not.
        left_out: Why events are not among the pictures, and how many each.
    """

    pictures: tuple[FeedbackPicture, ...]
    copies: NDArray[np.int64]
    classes: tuple[str, ...]
    judged: int
    left_out: Mapping[str, int]

    def count(self, *, false_alarm: bool) -> int:
        """How many pictures of false alarms, or of true ones."""
        return sum(one.event.false_alarm is false_alarm for one in self.pictures)

    @property
    def too_few(self) -> str:
        """What is missing for a training; empty where there is enough."""
        false, true = self.count(false_alarm=True), self.count(false_alarm=False)
        if len(self.pictures) >= LEAST_EVENTS and min(false, true) >= LEAST_OF_A_KIND:
            return ""
        least = f"expected at least {LEAST_EVENTS} judged events with a usable picture, {LEAST_OF_A_KIND} of either kind"
        return f"{least}, got {false} false alarms and {true} true ones"


def read_judged(
    home: Home, *, cameras: Collection[str] = (), rules: Collection[str] = (), since_s: float | None = None
) -> tuple[tuple[PicturedEvent, ...], dict[str, float]]:
    """A site's judged events, and from which score on each camera takes a detection for one.

    Raises:
        StorageError: The database cannot be used.
    """
    with Database.at(home.create().path) as database:
        events = JudgedPictures(database, EvidenceStore(database, home.evidence)).all(
            Scope.everything(), cameras=cameras, rules=rules, since_s=since_s
        )
        scores = {name: camera.min_score for name, camera in SiteRepository(database).load().cameras.items()}
    return events, scores


def make_feedback(
    events: Sequence[PicturedEvent],
    min_scores: Mapping[str, float],
    model: StoredModel,
    *,
    rules: Sequence[str] = (),
    sure: float = SURE,
    threads: int = 1,
    progress: Progress | None = None,
) -> FeedbackSet:
    """Label the pictures of judged events; see `panops.datasets.feedback_labels`.

    Args:
        events: All of them.
        min_scores: By camera.
        model: Labels what nobody judged; its classes become the set's.
        rules: Rules whose false alarms count whatever their kind.
        sure: From which score on its word is a label.
        threads: Of the network.
        progress: Told how many pictures of how many are done.

    Raises:
        ModelError: The model cannot be run.
    """
    classes = model.manifest.classes
    verdicts = Verdicts(events, rules)
    left_out: Counter[str] = Counter()
    usable: list[tuple[PicturedEvent, Path]] = []
    for event in events:
        reason = why_not(event, verdicts, classes)
        if reason or event.picture is None:
            left_out[reason] += 1
        else:
            usable.append((event, event.picture))
    made, looks = [], []
    found = _seen(model, [path for _, path in usable], threads, progress)
    for (event, path), seen in zip(usable, found, strict=True):
        gray = read_picture(path, gray=True)
        if gray is None or seen is None:
            left_out[UNREADABLE] += 1
            continue
        min_score = min_scores.get(event.camera_id, _DEFAULT_MIN_SCORE)
        size_wh = (gray.shape[1], gray.shape[0])
        one = label_picture(event, path, size_wh, seen, verdicts, classes, sure=sure, min_score=min_score)
        if isinstance(one, str):
            left_out[one] += 1
            continue
        made.append(one)
        looks.append(look_of(gray, one.judged.xyxy))
    copies = copies_of(made, looks)
    keep = thinned(made, copies)
    if not keep.all():
        left_out[COPIES] += int((~keep).sum())
    pictures = tuple(one for one, stays in zip(made, keep, strict=True) if stays)
    return FeedbackSet(pictures, copies[keep], classes, len(events), dict(left_out))


def _seen(model: StoredModel, paths: Sequence[Path], threads: int, progress: Progress | None) -> list[Detections | None]:
    """What the model sees in each picture, unsure things, too; None where it cannot be read."""
    sizes = [(path, picture_size(path)) for path in paths]
    bare = [None if size_wh is None else bare_picture(path, size_wh) for path, size_wh in sizes]
    pictures = [one for one in bare if one is not None]
    keep = KeepSettings(min_score=UNSURE, most=_MOST)
    run = run_pictures(model.manifest, model.path, pictures, keep, progress, threads=threads, skip_broken=True)
    seen = iter([None if index in run.broken else found for index, found in enumerate(run.detections)])
    return [None if one is None else next(seen) for one in bare]


def bare_picture(path: Path, size_wh: tuple[int, int]) -> LabelledPicture:
    """A picture of which nothing is labelled."""
    nothing = np.zeros(0, bool)
    return LabelledPicture(path, size_wh, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), nothing, nothing)


def copy_pictures(pictures: Sequence[FeedbackPicture], folder: Path) -> list[FeedbackPicture]:
    """The same with the pictures copied into the folder, named by their events; only this user may look into it.

    Raises:
        OSError: The folder cannot be written.
        SourceCorrupt: A picture went while it was copied.
    """
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    moved = []
    for one in pictures:
        path = folder / f"{one.event.event_id}{one.labelled.path.suffix}"
        try:
            shutil.copyfile(one.labelled.path, path)
        except FileNotFoundError as error:
            raise SourceCorrupt(f"{one.labelled.path}: the picture of event {one.event.event_id} went meanwhile; start again") from error
        moved.append(replace(one, labelled=replace(one.labelled, path=path), judged=replace(one.judged, path=path)))
    return moved


def as_set(pictures: Sequence[FeedbackPicture], classes: tuple[str, ...], name: str) -> tuple[DetectionSet, list[JudgedBoxes]]:
    """The pictures as a data set, and what was judged in them."""
    return DetectionSet(name, classes, tuple(one.labelled for one in pictures)), [one.judged for one in pictures]
