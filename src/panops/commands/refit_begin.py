"""What comes before a refit: judged pictures to learn from and to measure on, other data beside them, and the recipe."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from panops.commands.data_feedback import feedback_bar, feedback_lines, feedback_record
from panops.commands.data_sets import need_empty, writing
from panops.commands.feedback_set import FeedbackSet, as_set, bare_picture, copy_pictures, make_feedback, read_judged
from panops.datasets.coco import write_coco
from panops.datasets.feedback_labels import SOURCE, FeedbackPicture
from panops.datasets.feedback_units import hold_back, units_of_visits
from panops.datasets.verdict_file import read_verdicts, write_verdicts
from panops.datasets.whole_file import write_whole
from panops.domain.errors import PanopsError, SourceCorrupt
from panops.evaluation.verdict_score import VerdictScore, score_verdicts
from panops.export.deployed import run_pictures
from panops.models.store import StoredModel
from panops.storage.home import Home
from panops.training.own_data import open_own
from panops.training.recipe import write_recipe
from panops.training.refit_recipe import RefitData, refit_recipe
from panops.training.session import FILES
from panops.vision.candidates import KeepSettings

HoldBack = Literal["things", "time"]
# Once this file is there, everything before the training is done.
PLAN_NAME, REPORT_NAME, RECIPE_NAME = "plan.json", "refit.json", "recipe.yaml"
FEEDBACK, OTHERS = Path("feedback"), Path("data")
TRAIN, HELD, VERDICTS, PICTURES = FEEDBACK / "train.json", FEEDBACK / "held.json", FEEDBACK / "verdicts.json", FEEDBACK / "pictures"
OTHERS_TRAIN, OTHERS_VAL = OTHERS / "train.json", OTHERS / "val.json"
_DAY_S = 86400.0
_LEAST_HELD = 2
# Below every threshold that a camera may sensibly have.
_SCORES = KeepSettings(min_score=0.01, most_candidates=3000, most=300)


@dataclass(frozen=True, slots=True)
class RefitWishes:
    """What the user asks for.

    Attributes:
        data: Other labelled pictures, not to be forgotten; None without.
        val: Those of them to measure on; a part of `data` where it is None.
        cameras: Only events of these cameras.
        rules: Only events of these rules.
        days: Only events of so many days; 0 for all.
        sure: From which score on the model's word is a label.
        held_share: Which share of either kind is held back.
        hold_back: `things` never parts near copies; `time` only visits.
        pictures: How many pictures are shown; 0 chooses.
        rate: The learning rate.
        threads: Of the network.
    """

    data: Path | None = None
    val: Path | None = None
    cameras: Sequence[str] = ()
    rules: Sequence[str] = ()
    days: float = 0.0
    sure: float = 0.6
    held_share: float = 0.3
    hold_back: HoldBack = "things"
    pictures: int = 0
    rate: float = 2e-4
    threads: int = 1


@dataclass(frozen=True, slots=True)
class RefitPlan:
    """What is decided before the training, kept in `plan.json`.

    Attributes:
        model: Name of the model.
        version: Which version is started from.
        sha256: Of its file.
        feedback: Counts of the judged events.
        learnt: Judged pictures that are learnt from: false alarms and true ones.
        held: Those held back.
        hold_back: How they were chosen.
        before: What the old version makes of those held back.
        others: Pictures of `--data` that are learnt from, and those measured on.
        started_at_s: UTC s.
    """

    model: str
    version: str
    sha256: str
    feedback: dict[str, Any]
    learnt: tuple[int, int]
    held: tuple[int, int]
    hold_back: str
    before: dict[str, Any]
    others: tuple[int, int]
    started_at_s: float

    @property
    def score_before(self) -> VerdictScore:
        """What the old version makes of what was held back."""
        return VerdictScore(**{**self.before, "lost": tuple(self.before["lost"]), "again": tuple(self.before["again"])})


def read_plan(folder: Path) -> RefitPlan | None:
    """An earlier plan of the folder; None where there is none.

    Raises:
        SourceCorrupt: It is damaged.
    """
    path = folder / PLAN_NAME
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        pairs = {name: (int(told[name][0]), int(told[name][1])) for name in ("learnt", "held", "others")}
        return RefitPlan(**{**told, **pairs})
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise SourceCorrupt(f"{path}: expected the plan of a refit ({type(error).__name__}); begin anew with --restart") from error


def make_plan(home: Home, model: StoredModel, folder: Path, wishes: RefitWishes, console: Console, *, shown: bool) -> RefitPlan:
    """Write everything that the training needs into the folder, the plan last.

    Raises:
        PanopsError: The folder holds something, there are too few verdicts, or too few can be held back.
    """
    need_empty(folder)
    made = _feedback(home, model, wishes, console, shown=shown)
    units = units_of_visits(made.pictures, made.copies if wishes.hold_back == "things" else None)
    back = hold_back(made.pictures, units, wishes.held_share)
    held = tuple(back.count(made.pictures, held=True, false_alarm=kind) for kind in (True, False))
    learnt = tuple(back.count(made.pictures, held=False, false_alarm=kind) for kind in (True, False))
    if min(held) < _LEAST_HELD:
        raise PanopsError(_cannot_hold_back(held, back.units, wishes.hold_back))
    try:
        with writing(folder):
            pictures = copy_pictures(made.pictures, folder / PICTURES)
            kept_back = _write_side(pictures, back.held, made, folder)
            others = _write_others(wishes, folder)
            weights = RefitData(folder / TRAIN, sum(learnt), SOURCE, [folder / OTHERS_TRAIN] if others[0] else (), others[0])
            write_recipe(
                refit_recipe(model.manifest, model.path, weights, pictures=wishes.pictures, rate=wishes.rate), folder / RECIPE_NAME
            )
        before = score_held(model, folder, wishes.threads)
    except BaseException:
        remove_refit(folder, also_report=True)  # no copies of people's pictures are left behind
        raise
    told = {True: "near copies and visits together", False: "visits together"}[wishes.hold_back == "things"]
    console.print(
        f"learnt from: {learnt[0]} false alarms and {learnt[1]} true ones; held back, the newest of {back.units} parts, {told}:"
        f" {kept_back} pictures, {held[0]} false alarms and {held[1]} true ones",
        soft_wrap=True,
    )
    plan = RefitPlan(
        model.manifest.name,
        model.version,
        model.manifest.sha256,
        feedback_record(made),
        (learnt[0], learnt[1]),
        (held[0], held[1]),
        wishes.hold_back,
        before.record(),
        others,
        time.time(),
    )
    with writing(folder):
        write_whole(folder / PLAN_NAME, json.dumps(asdict(plan), indent=2) + "\n")
    return plan


def score_held(model: StoredModel, folder: Path, threads: int) -> VerdictScore:
    """What a model makes of the pictures that were held back, as cameras would run it."""
    judged = read_verdicts(folder / VERDICTS)
    bare = [bare_picture(one.path, one.size_wh) for one in judged]
    run = run_pictures(model.manifest, model.path, bare, _SCORES, threads=threads)
    return score_verdicts(judged, run.detections, model.manifest.classes)


def remove_refit(folder: Path, *, also_report: bool) -> None:
    """Remove what a refit wrote into its folder; what else lies there stays.

    Raises:
        OSError: Something cannot be removed.
    """
    for name in (FEEDBACK, OTHERS, Path("model"), Path("model-int8")):
        shutil.rmtree(folder / name, ignore_errors=True)
    for file in (*FILES, RECIPE_NAME, PLAN_NAME, "evaluation.json", ".lock", *((REPORT_NAME,) if also_report else ())):
        (folder / file).unlink(missing_ok=True)


def _feedback(home: Home, model: StoredModel, wishes: RefitWishes, console: Console, *, shown: bool) -> FeedbackSet:
    since_s = time.time() - wishes.days * _DAY_S if wishes.days else None
    events, scores = read_judged(home, cameras=wishes.cameras, rules=wishes.rules, since_s=since_s)
    with feedback_bar(len(events), shown=shown) as progress:
        made = make_feedback(events, scores, model, rules=wishes.rules, sure=wishes.sure, threads=wishes.threads, progress=progress)
    for line in feedback_lines(made):
        console.print(line, soft_wrap=True, markup=False)
    if made.too_few:
        raise PanopsError(f"too few verdicts to learn from: {made.too_few}; judge more events on the page (keys T and F)")
    return made


def _write_side(pictures: list[FeedbackPicture], held: NDArray[np.bool_], made: FeedbackSet, folder: Path) -> int:
    """Both sides as COCO files, and the verdicts of what is held back; how many that is."""
    sides = [[one for one, at in zip(pictures, held, strict=True) if bool(at) is side] for side in (False, True)]
    (train, _), (back, judged) = (as_set(side, made.classes, name) for side, name in zip(sides, ("train", "held"), strict=True))
    write_coco(train, folder / TRAIN)
    write_coco(back, folder / HELD)
    write_verdicts(judged, folder / VERDICTS)
    return len(judged)


def _write_others(wishes: RefitWishes, folder: Path) -> tuple[int, int]:
    """The data of `--data`, to learn from and to measure on; how many pictures each."""
    if wishes.data is None:
        return 0, 0
    own = open_own(wishes.data, wishes.val)
    write_coco(own.train, folder / OTHERS_TRAIN)
    write_coco(own.val, folder / OTHERS_VAL)
    return len(own.train), len(own.val)


def _cannot_hold_back(held: tuple[int, ...], units: int, how: HoldBack) -> str:
    got = f"got {held[0]} false alarms and {held[1]} true ones out of {units} parts"
    why = f"expected at least {_LEAST_HELD} of either kind to hold back, {got}: what belongs together is not parted"
    if how == "time":
        return f"{why}; judge events of more visits"
    return f"{why}; judge more and other events, or give --hold-back time, which parts near copies that are not of one visit"
