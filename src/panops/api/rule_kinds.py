"""Which rules there can be, and what can be set of each: for pages and programs that draw a form of it."""

from __future__ import annotations

from typing import Any, Self

from fastapi import APIRouter

from panops.api.schemas import Out
from panops.api.security import Viewer
from panops.config.rule_fields import FieldType, RuleField, RuleKind
from panops.pipeline.rule_kinds import rule_kinds

router = APIRouter(prefix="/api/v1/rule-kinds", tags=["rules"])


class RuleFieldOut(Out):
    """One setting: what it holds, its default and limits, and what it means."""

    name: str
    type: FieldType
    required: bool
    optional: bool
    default: Any
    minimum: float | None
    maximum: float | None
    choices: list[str]
    unit: str
    help: str
    common: bool

    @classmethod
    def of(cls, one: RuleField) -> Self:
        """As the API tells it."""
        return cls(
            name=one.name, type=one.type, required=one.required, optional=one.optional, default=one.default, minimum=one.minimum,
            maximum=one.maximum, choices=list(one.choices), unit=one.unit, help=one.help, common=one.common,
        )  # fmt: skip


class RuleKindOut(Out):
    """One kind. `open`: it may have settings that only its plug-in knows."""

    kind: str
    help: str
    fields: list[RuleFieldOut]
    open: bool
    plugin: bool

    @classmethod
    def of(cls, one: RuleKind) -> Self:
        """As the API tells it."""
        return cls(kind=one.kind, help=one.help, fields=[RuleFieldOut.of(item) for item in one.fields], open=one.open, plugin=one.plugin)


class RuleKindsOut(Out):
    """Every kind that can be used here, the built-in ones first."""

    kinds: list[RuleKindOut]


@router.get("")
def kinds(caller: Viewer) -> RuleKindsOut:
    """The kinds of rules; the same for everybody."""
    return RuleKindsOut(kinds=[RuleKindOut.of(one) for one in rule_kinds()])
