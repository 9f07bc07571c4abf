"""The time that somebody asks for who wants rates or shares over days: the same words and limits on every such route."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from panops.api.problems import ProblemError
from panops.api.services import Services

_WEEK_S = 7 * 86400.0
_LONGEST_S = 400 * 86400.0

From = Annotated[
    float | None, Query(alias="from", ge=-1e11, le=1e11, allow_inf_nan=False, description="UTC s; a week before `to` if left out")
]


def asked_span(services: Services, since: float | None, to: float | None) -> tuple[float, float]:
    """From when to when, UTC s: up to now, and of the week before, where that is left out.

    Raises:
        ProblemError: 422; it is none, or too long.
    """
    to_s = services.clock.utc_s() if to is None else to
    from_s = to_s - _WEEK_S if since is None else since
    if not 0 <= from_s < to_s <= from_s + _LONGEST_S:
        raise ProblemError(422, "expected a span of at most 400 days, `from` before `to`, both UTC seconds")
    return from_s, to_s
