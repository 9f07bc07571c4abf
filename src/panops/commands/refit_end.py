"""What follows a refit: the new version on the shelf and in shadow, or the reasons why not; the report; the question."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import typer

from panops.commands.data_sets import writing
from panops.commands.model_facts import TAKES_EFFECT, who
from panops.commands.refit_begin import PICTURES, REPORT_NAME, RefitPlan, remove_refit
from panops.commands.refit_model import Candidate
from panops.datasets.whole_file import write_whole
from panops.domain.errors import SourceCorrupt
from panops.models.promotion import promote as promote_version
from panops.models.promotion import shadow as shadow_version
from panops.models.store import ModelStore, StoredModel


def read_report(folder: Path) -> dict[str, Any] | None:
    """How an earlier refit of the folder ended; None where it did not end.

    Raises:
        SourceCorrupt: The report is damaged.
    """
    path = folder / REPORT_NAME
    if not path.is_file():
        return None
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        told["passed"], told["lines"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceCorrupt(f"{path}: expected the report of a refit ({type(error).__name__}); begin anew with --restart") from error
    return told


def shelve(
    plan: RefitPlan, candidate: Candidate | None, old: StoredModel, store: ModelStore, folder: Path, *, keep_pictures: bool
) -> dict[str, Any]:
    """Put what passed on the shelf and let it look on; of what did not only the report stays.

    Args:
        plan: What was decided before the training.
        candidate: What was measured; None where nothing was trained, because there is nothing to unlearn.
        old: The version that was started from.
        store: Where the models are.
        folder: The refit's.
        keep_pictures: Leave the copies of the events' pictures there.

    Returns:
        The report, which is written into the folder.

    Raises:
        PanopsError: The new version cannot be added, or the folder cannot be written.
    """
    passed = candidate is not None and candidate.decision.passed
    version, shadow_of, replaced = "", "", ""
    if candidate is not None and passed:
        added = store.add(str(candidate.folder), allow_network=False, who=who())
        version, shadow_of = added.version, store.shelf(plan.model).active
        replaced = store.shelf(plan.model).shadow
        shadow_version(store, plan.model, version, who=who(), why=f"learnt from {sum(plan.learnt)} verdicts")
    report: dict[str, Any] = {
        "model": plan.model,
        "from": plan.version,
        "passed": passed,
        "version": version,
        "shadow_of": shadow_of,
        "shadow_before": replaced,
        "feedback": plan.feedback,
        "learnt": {"false_alarms": plan.learnt[0], "true_alarms": plan.learnt[1], "others": plan.others[0]},
        "held": {"false_alarms": plan.held[0], "true_alarms": plan.held[1], "how": plan.hold_back, "others": plan.others[1]},
        "before": plan.before,
        "result": None if candidate is None else candidate.record(),
        "minutes": round((time.time() - plan.started_at_s) / 60, 1),
    }
    report["lines"] = _lines(report, old)
    with writing(folder):
        write_whole(folder / REPORT_NAME, json.dumps(report, indent=2) + "\n")
        if not passed:
            remove_refit(folder, also_report=False)
        elif not keep_pictures:
            shutil.rmtree(folder / PICTURES, ignore_errors=True)
    return report


def tell_refit(report: dict[str, Any], folder: Path, *, as_json: bool) -> None:
    """Print the report."""
    if as_json:
        typer.echo(json.dumps({key: value for key, value in report.items() if key != "lines"}, indent=2))
        return
    for line in report["lines"]:
        typer.echo(line)
    typer.echo(f"report: {folder / REPORT_NAME}")


def ask_to_promote(report: dict[str, Any], store: ModelStore) -> None:
    """Put the new version into use where the person says yes; no is the default."""
    name, version = report["model"], report["version"]
    if version not in store.shelf(name).places or store.shelf(name).active == version:
        return
    if typer.confirm(f"Put {name}@{version} into use now, without waiting for what it sees in shadow?", default=False):
        promote_version(store, name, version, who=who(), why="refit")
        typer.echo(f"{name}@{version} is in use now. {TAKES_EFFECT} Back: panops models rollback {name}")


def _lines(report: dict[str, Any], old: StoredModel) -> list[str]:
    """The report in sentences."""
    name, version, result = report["model"], report["version"], report["result"]
    if result is None:
        held = report["held"]["false_alarms"]
        words = f"none of the {held} false alarms that were held back is detected in its picture by {old.reference}"
        return [f"not refitted: {words}, at its camera's min_score: there is nothing to unlearn"]
    gate = result["gate"]["conditions"]
    lines = [f"{'yes' if one['held'] else 'NO '} {one['what']}" for one in gate]
    if result["AP"] is None:
        lines.append("other pictures were not measured: give --data with labelled ones to see that nothing is forgotten")
    if not report["passed"]:
        return [*lines, f"not better than {old.reference}: nothing was added. Judge more events, or give --data"]
    if report["shadow_before"]:
        lines.append(f"{name}@{report['shadow_before']} looks on no more")
    lines.append(f"{name}@{version} ({result['form']}) looks on beside {name}@{report['shadow_of']}. {TAKES_EFFECT}")
    lines.append(f"How they agree: panops models compare {name}. Into use: panops models promote {name} {version}")
    return lines
