from __future__ import annotations

import pytest

from panops.storage.scope import SCOPE_NOTHING, Role, Scope


@pytest.mark.parametrize(
    ("role", "covered"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.OPERATOR, {Role.VIEWER, Role.OPERATOR}),
        (Role.ADMIN, {Role.VIEWER, Role.OPERATOR, Role.ADMIN}),
    ],
)
def test_each_role_may_what_the_ones_before_it_may(role: Role, covered: set[Role]) -> None:
    assert {other for other in Role if role.covers(other)} == covered


def test_scopes() -> None:
    assert Scope.everything() == Scope(Role.ADMIN, None)
    assert Scope.everything().allows("any")
    assert not SCOPE_NOTHING.allows("any")
    assert Scope(Role.VIEWER, frozenset({"gate"})).allows("gate")
    assert not Scope(Role.ADMIN, frozenset({"gate"})).allows("gat")
