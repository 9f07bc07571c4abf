"""Suggestions: what could be set otherwise so that false alarms do not come, and one step to do it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Self

from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool

from panops.api.schemas import Out
from panops.api.security import Admin, Viewer
from panops.api.services import Needed
from panops.domain.suggestions import Change, Lever, Suggestion
from panops.pipeline.suggesting import Applied, Progress

router = APIRouter(prefix="/api/v1/suggestions", tags=["suggestions"])

MOST_PICTURES = 24
"""So many of the alarms that would go are shown."""

SuggestionId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


class ChangeOut(Out):
    """One setting: `after_s` or `least_s` of a rule, `min_score` of a camera, or a zone that a rule leaves out on a camera."""

    lever: Lever
    field: str
    rule_id: str
    camera_id: str
    before: float | list[str]
    after: float | list[str]
    polygon: list[tuple[float, float]]

    @classmethod
    def of(cls, change: Change) -> Self:
        """As the API tells it."""
        return cls(**change.plain())


class SuggestionOut(Out):
    """A change, and the judged events that speak for it. `pictures` are those of the first that have a snapshot."""

    suggestion_id: str
    change: ChangeOut
    cameras: list[str]
    words: str
    goes: list[str]
    stays: list[str]
    true_alarms: int
    nearest: str
    nearest_value: float
    pictures: list[str]
    dismissed: bool

    @classmethod
    def of(cls, one: Suggestion, pictured: Collection[str], *, dismissed: bool) -> Self:
        """As the API tells it."""
        return cls(
            suggestion_id=one.suggestion_id, change=ChangeOut.of(one.change), cameras=list(one.cameras), words=one.words,
            goes=list(one.goes), stays=list(one.stays), true_alarms=one.true_alarms, nearest=one.nearest,
            nearest_value=one.nearest_value, pictures=[name for name in _shown(one) if name in pictured], dismissed=dismissed,
        )  # fmt: skip


def _shown(one: Suggestion) -> list[str]:
    """The events whose pictures are worth showing: the newest that go, and the true one that is nearest to being lost."""
    return [*one.goes[:MOST_PICTURES], one.nearest]


class AppliedOut(Out):
    """A change that somebody applied. While `holds`, the setting is as it was set then."""

    suggestion_id: str
    change: ChangeOut
    cameras: list[str]
    words: str
    at_s: float
    user: str
    holds: bool

    @classmethod
    def of(cls, one: Applied) -> Self:
        """As the API tells it."""
        return cls(
            suggestion_id=one.suggestion_id, change=ChangeOut.of(one.change), cameras=list(one.cameras), words=one.words,
            at_s=one.at_s, user=one.user, holds=one.holds,
        )  # fmt: skip


class ProgressOut(Out):
    """How much was marked of a rule, and how much it takes before anything is suggested."""

    rule_id: str
    false_alarms: int
    true_alarms: int
    needs_false: int
    needs_true: int

    @classmethod
    def of(cls, one: Progress) -> Self:
        """As the API tells it."""
        return cls(
            rule_id=one.rule_id, false_alarms=one.false_alarms, true_alarms=one.true_alarms,
            needs_false=one.needs_false, needs_true=one.needs_true,
        )  # fmt: skip


class SuggestionsOut(Out):
    """Suggestions, those that take most away first; what was applied lately, newest first; how much was marked of each rule."""

    suggestions: list[SuggestionOut]
    applied: list[AppliedOut]
    progress: list[ProgressOut]


@router.get("")
def suggestions(caller: Viewer, services: Needed) -> SuggestionsOut:
    """What judged events suggest to change, as far as it counts on cameras that the caller may see and on no others."""
    aside, found = services.suggesting.put_aside(), services.suggesting.suggestions(caller.scope)
    pictured = services.events.pictured(caller.scope, {name for one in found for name in _shown(one)})
    return SuggestionsOut(
        suggestions=[SuggestionOut.of(one, pictured, dismissed=one.suggestion_id in aside) for one in found],
        applied=[AppliedOut.of(one) for one in services.suggesting.applied(caller.scope)],
        progress=[ProgressOut.of(one) for one in services.suggesting.progress(caller.scope)],
    )


class ProgressesOut(Out):
    """How much was marked of each rule, in the order of the site."""

    progress: list[ProgressOut]


@router.get("/progress")
def progress(caller: Viewer, services: Needed) -> ProgressesOut:
    """How much was marked of each rule, and how much it takes before anything is suggested; nothing is looked for."""
    return ProgressesOut(progress=[ProgressOut.of(one) for one in services.suggesting.progress(caller.scope)])


@router.post("/{suggestion_id}/apply")
async def apply(suggestion_id: SuggestionId, caller: Admin, services: Needed) -> SuggestionOut:
    """Change the setting; 409 where the suggestion does not stand any more."""
    at_s = services.clock.utc_s()
    async with services.editing:
        done = await run_in_threadpool(services.suggesting.apply, caller.scope, suggestion_id, caller.username, at_s)
    await services.site_changed()
    return SuggestionOut.of(done, await run_in_threadpool(services.events.pictured, caller.scope, _shown(done)), dismissed=False)


@router.post("/{suggestion_id}/take-back")
async def take_back(suggestion_id: SuggestionId, caller: Admin, services: Needed) -> AppliedOut:
    """Change a setting back to what it was before the suggestion was applied; 409 where it was changed since."""
    at_s = services.clock.utc_s()
    async with services.editing:
        done = await run_in_threadpool(services.suggesting.take_back, caller.scope, suggestion_id, caller.username, at_s)
    await services.site_changed()
    return AppliedOut.of(done)


@router.post("/{suggestion_id}/dismiss", status_code=204)
def dismiss(suggestion_id: SuggestionId, caller: Admin, services: Needed) -> None:
    """Not now: it is marked as dismissed for everybody, until it proposes something else."""
    services.suggesting.set_aside(caller.scope, suggestion_id, caller.username, services.clock.utc_s(), aside=True)


@router.delete("/{suggestion_id}/dismiss", status_code=204)
def show_again(suggestion_id: SuggestionId, caller: Admin, services: Needed) -> None:
    """Take a dismissal back."""
    services.suggesting.set_aside(caller.scope, suggestion_id, caller.username, services.clock.utc_s(), aside=False)
