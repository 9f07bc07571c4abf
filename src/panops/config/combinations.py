"""Rules that are made of other rules: whether their parts exist, watch the same cameras, and lead in no circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from panops.config.rule_schema import CombinedConfig
from panops.config.schema import SiteConfig
from panops.config.spelling import did_you_mean


def combination_problems(site: SiteConfig) -> Iterator[tuple[int, str]]:
    """What is wrong with the parts of combined rules: the rule's place in the list, and one sentence for each."""
    by_id = {rule.id: rule for rule in site.rules}
    for index, rule in enumerate(site.rules):
        if not isinstance(rule, CombinedConfig):
            continue
        unknown = [name for name in rule.of if name not in by_id]
        for name in unknown:
            yield index, f"no rule {name!r}{did_you_mean(name, by_id)}"
        circle = _circle(rule.id, by_id)
        if circle:
            yield index, f"the rule listens to itself ({' -> '.join(circle)}); take one of these out"
            continue
        for name in rule.of:
            missed = [] if name in unknown else _missed(rule, by_id[name], list(site.cameras))
            if missed:
                yield index, f"the rule {name!r} does not watch camera {missed[0]!r}, as this one does; name the cameras of both"


def _circle(rule_id: str, by_id: Mapping[str, Any]) -> list[str]:
    """The way from a rule through its parts back to itself; empty where there is none."""
    todo = [[rule_id]]
    seen: set[str] = set()
    while todo:
        way = todo.pop()
        for name in getattr(by_id.get(way[-1]), "of", ()):
            if name == rule_id:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                todo.append([*way, name])
    return []


def _missed(rule: Any, part: Any, cameras: Sequence[str]) -> list[str]:
    """The cameras that a rule watches and its part does not."""
    return [name for name in (rule.cameras or cameras) if part.cameras and name not in part.cameras]
