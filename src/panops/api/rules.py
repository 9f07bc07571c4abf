"""Rules: what counts as an event."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from panops.api.cameras import Etag
from panops.api.problems import FieldError, ProblemError, not_found
from panops.api.schemas import Out
from panops.api.security import Admin, Caller, Viewer
from panops.api.services import Needed, Services
from panops.api.versions import precondition, strong
from panops.config.fields import NAME_PATTERN
from panops.config.load import problems_of
from panops.config.rule_schema import RuleConfig

router = APIRouter(prefix="/api/v1/rules", tags=["rules"])

RuleId = Annotated[str, Path(pattern=NAME_PATTERN)]
_EXAMPLE = {"kind": "intrusion", "cameras": ["gate"], "zone": "floor", "classes": ["person"], "after_s": 1.0}
RuleIn = Annotated[dict[str, Any], Body(json_schema_extra={"title": "RuleConfig", "additionalProperties": True}, examples=[_EXAMPLE])]
_RULE: TypeAdapter[RuleConfig] = TypeAdapter(RuleConfig)


class RulesOut(Out):
    """The rules that watch a camera which the caller may see; other cameras are left out of them."""

    rules: list[dict[str, Any]]


@router.get("")
def rules(caller: Viewer, services: Needed) -> RulesOut:
    """All rules."""
    return RulesOut(rules=[rule.model_dump(mode="json") for rule in services.sites.rules(caller.scope)])


@router.get("/{rule_id}", response_model=dict[str, Any])
def rule(rule_id: RuleId, caller: Viewer, services: Needed) -> Response:
    """One rule."""
    found = _found(rule_id, caller, services)
    return JSONResponse(found, 200, {"ETag": strong(services.sites.rule_etag(rule_id) or "")})


@router.put("/{rule_id}", response_model=dict[str, Any])
async def put_rule(
    rule_id: RuleId, body: RuleIn, caller: Admin, services: Needed, if_match: Etag = None, if_none_match: Etag = None
) -> Response:
    """Add or replace a rule."""
    if body.get("id", rule_id) != rule_id:
        raise ProblemError(422, "the rule's id and the address differ", [FieldError("id", f"expected {rule_id} or nothing")])
    try:
        new = _RULE.validate_python({**body, "id": rule_id})
    except ValidationError as error:
        errors = [FieldError(problem.field, problem.message) for problem in problems_of(error)]
        raise ProblemError(422, f"the rule has {len(errors)} problem{'s' if len(errors) != 1 else ''}", errors) from error
    async with services.editing:
        etag = await run_in_threadpool(services.sites.rule_etag, rule_id)
        precondition(etag, if_match, if_none_match)
        after = await run_in_threadpool(lambda: services.sites.put_rule(new, etag=etag))
    await services.note(caller, "rule.put", rule_id, {"kind": new.kind, "enabled": new.enabled})
    await services.site_changed()
    return JSONResponse(new.model_dump(mode="json"), 201 if etag is None else 200, {"ETag": strong(after)})


@router.delete("/{rule_id}", status_code=204)
async def delete_rule(rule_id: RuleId, caller: Admin, services: Needed, if_match: Etag = None) -> Response:
    """Remove a rule. Its events stay."""
    async with services.editing:
        etag = await run_in_threadpool(services.sites.rule_etag, rule_id)
        if etag is None:
            raise not_found("rule")
        precondition(etag, if_match, None)
        await run_in_threadpool(lambda: services.sites.delete_rule(rule_id, etag=etag))
    await services.note(caller, "rule.delete", rule_id)
    await services.site_changed()
    return Response(status_code=204)


def _found(rule_id: str, caller: Caller, services: Services) -> dict[str, Any]:
    for item in services.sites.rules(caller.scope):
        if item.id == rule_id:
            return item.model_dump(mode="json")
    raise not_found("rule")
