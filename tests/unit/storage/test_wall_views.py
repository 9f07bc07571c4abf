"""Saved views: own ones, everybody's, and that nobody learns of cameras through them."""

from __future__ import annotations

import pytest

from panops.config.load import parse_site
from panops.domain.errors import ConfigError
from panops.domain.wall_view import Arrangement
from panops.storage.accounts import Accounts
from panops.storage.credentials import ScryptCost
from panops.storage.database import Database
from panops.storage.errors import NotAllowed, NotFound, RequestRefused, StaleEdit
from panops.storage.scope import Role, Scope
from panops.storage.site import SiteRepository
from panops.storage.wall_views import MOST_VIEWS, WallViews
from panops.testing.fake_clock import FakeClock

SITE = """
cameras: {gate: {source: "sim://gate"}, yard: {source: "sim://yard"}, dock: {source: "sim://room"}}
groups: {north: [gate], south: [yard, dock]}
"""
EVERYTHING = Scope.everything()
GRETA = Scope(Role.VIEWER, frozenset({"gate"}))


@pytest.fixture
def accounts(database: Database, clock: FakeClock) -> Accounts:
    SiteRepository(database).apply(parse_site(SITE, "test", {}))
    accounts = Accounts(database, clock, ScryptCost(n=4, r=1))
    accounts.create_user("ada", "a good password", Role.ADMIN)
    accounts.create_user("greta", "a good password", Role.VIEWER, ["gate"])
    return accounts


@pytest.fixture
def views(database: Database, accounts: Accounts) -> WallViews:
    return WallViews(database)


def names(views: WallViews, scope: Scope, owner: str | None) -> list[str]:
    return [view.arrangement.name for view in views.of(scope, owner)]


def test_own_views_are_ones_own_and_everybodys_are_seen_in_part(views: WallViews) -> None:
    views.add(EVERYTHING, "ada", Arrangement("mine", ("yard", "gate"), columns=2))
    shared = views.add(EVERYTHING, None, Arrangement("doors", ("dock", "gate"), turn_s=10.0))
    hidden = views.add(EVERYTHING, None, Arrangement("back", ("yard",)))
    south = views.add(EVERYTHING, None, Arrangement("south", group="south"))
    views.add(EVERYTHING, None, Arrangement("all"))
    own = views.add(GRETA, "greta", Arrangement("own", ("gate",)))
    assert names(views, EVERYTHING, "ada") == ["all", "back", "doors", "mine", "south"]
    assert names(views, GRETA, "greta") == ["all", "doors", "own"], "not the names of views of others' cameras"
    assert [view.arrangement.cameras for view in views.of(GRETA, "greta")] == [(), ("gate",), ("gate",)]
    assert views.get(GRETA, "greta", hidden.view_id) is None
    assert views.get(GRETA, "greta", south.view_id) is None
    assert views.get(EVERYTHING, "ada", own.view_id) is None, "an administrator does not see others' own views"
    assert views.get(EVERYTHING, "ada", shared.view_id) == shared
    assert names(views, Scope(Role.ADMIN, None), None) == ["all", "back", "doors", "south"]


def test_only_administrators_make_and_change_everybodys(views: WallViews) -> None:
    shared = views.add(EVERYTHING, None, Arrangement("doors", ("gate",)))
    own = views.add(GRETA, "greta", Arrangement("own"))
    with pytest.raises(NotAllowed, match="administrators"):
        views.add(GRETA, None, Arrangement("everybody's"))
    with pytest.raises(NotAllowed):
        views.change(GRETA, "greta", shared.view_id, Arrangement("changed"), shared=True)
    with pytest.raises(NotAllowed):
        views.change(GRETA, "greta", shared.view_id, Arrangement("taken"), shared=False)
    with pytest.raises(NotAllowed):
        views.change(GRETA, "greta", own.view_id, Arrangement("given"), shared=True)
    with pytest.raises(NotAllowed):
        views.remove(GRETA, "greta", shared.view_id)
    with pytest.raises(NotFound):
        views.remove(EVERYTHING, "ada", own.view_id)
    given = views.change(EVERYTHING, "ada", shared.view_id, Arrangement("mine now"), shared=False)
    assert given.owner == "ada"
    assert names(views, GRETA, "greta") == ["own"]


def test_a_camera_that_is_not_shown_cannot_be_named_and_is_not_lost(views: WallViews) -> None:
    with pytest.raises(ConfigError, match="'yard'"):
        views.add(GRETA, "greta", Arrangement("peep", ("gate", "yard")))
    with pytest.raises(ConfigError, match="'south'"):
        views.add(GRETA, "greta", Arrangement("peep", group="south"))
    shared = views.add(EVERYTHING, None, Arrangement("doors", ("dock", "gate")))
    partly = Scope(Role.ADMIN, frozenset({"gate", "yard"}))
    views.change(partly, "ada", shared.view_id, Arrangement("doors", ("yard", "gate")), shared=True)
    found = views.get(EVERYTHING, "ada", shared.view_id)
    assert found is not None
    assert found.arrangement.cameras == ("yard", "gate", "dock")


def test_a_camera_that_goes_leaves_the_view_and_a_user_takes_theirs_along(views: WallViews, accounts: Accounts, database: Database) -> None:
    views.add(GRETA, "greta", Arrangement("own"))
    made = views.add(EVERYTHING, "ada", Arrangement("mine", ("yard", "gate")))
    SiteRepository(database).delete_camera("yard")
    found = views.get(EVERYTHING, "ada", made.view_id)
    assert found is not None
    assert found.arrangement.cameras == ("gate",)
    accounts.delete_user("greta")
    accounts.create_user("greta", "another person", Role.ADMIN)
    assert names(views, EVERYTHING, "greta") == [], "somebody of the same name is somebody else"


def test_a_view_whose_cameras_are_all_gone_can_still_be_deleted(views: WallViews, database: Database) -> None:
    mine = views.add(EVERYTHING, "greta", Arrangement("mine", ("yard",)))
    grouped = views.add(EVERYTHING, "greta", Arrangement("grouped", group="south"))
    shared = views.add(EVERYTHING, None, Arrangement("back", ("yard", "dock")))
    whole = views.add(EVERYTHING, None, Arrangement("whole"))
    limited = Scope(Role.VIEWER, frozenset({"gate"}))
    assert [(one.arrangement.name, one.arrangement.cameras, one.gone) for one in views.of(limited, "greta")] == [
        ("grouped", (), True), ("mine", (), True), ("whole", (), False),
    ]  # fmt: skip
    sites = SiteRepository(database)
    sites.delete_camera("yard")
    sites.delete_camera("dock")
    assert names(views, Scope(Role.VIEWER, None), None) == ["whole"], "not for who cannot change it"
    assert names(views, Scope(Role.ADMIN, frozenset({"gate"})), "ada") == ["whole"], "nor for who sees a part of the site"
    found = views.get(EVERYTHING, "ada", shared.view_id)
    assert found is not None
    assert (found.gone, found.arrangement.cameras) == (True, ())
    changed = views.change(EVERYTHING, "ada", shared.view_id, Arrangement("front", ("gate",)), shared=True)
    assert not changed.gone
    assert views.remove(Scope(Role.VIEWER, None), "greta", mine.view_id) == "mine"
    assert views.remove(limited, "greta", grouped.view_id) == "grouped"
    assert views.get(EVERYTHING, "ada", whole.view_id) == whole


def test_two_who_change_the_same_view_are_told(views: WallViews) -> None:
    made = views.add(EVERYTHING, "ada", Arrangement("mine"))
    changed = views.change(EVERYTHING, "ada", made.view_id, Arrangement("renamed"), shared=False, etag=made.etag)
    assert changed.etag != made.etag
    with pytest.raises(StaleEdit):
        views.change(EVERYTHING, "ada", made.view_id, Arrangement("again"), shared=False, etag=made.etag)
    with pytest.raises(StaleEdit):
        views.remove(EVERYTHING, "ada", made.view_id, etag=made.etag)
    assert views.remove(EVERYTHING, "ada", made.view_id) == "renamed"
    with pytest.raises(NotFound):
        views.remove(EVERYTHING, "ada", made.view_id)


def test_there_is_a_limit(views: WallViews) -> None:
    for number in range(MOST_VIEWS):
        views.add(GRETA, "greta", Arrangement(f"view {number}"))
    with pytest.raises(RequestRefused, match="100 views already"):
        views.add(GRETA, "greta", Arrangement("one more"))
    views.add(EVERYTHING, "ada", Arrangement("another person's"))
