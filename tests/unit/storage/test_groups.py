"""Groups of cameras as scope: resolved when somebody asks, so that a camera added later is there at once."""

from __future__ import annotations

import pytest

from panops.config.load import parse_site
from panops.domain.errors import ConfigError
from panops.storage.accounts import Accounts, Origin, SessionLimits
from panops.storage.credentials import ScryptCost
from panops.storage.database import Database
from panops.storage.errors import AccountRefused, NotFound, StaleEdit
from panops.storage.scope import Role, Scope
from panops.storage.site import SiteRepository
from panops.testing.fake_clock import FakeClock

SITE = """
cameras: {gate: {source: "sim://gate"}, yard: {source: "sim://yard"}, dock: {source: "sim://room"}}
groups: {north: [gate], south: [yard, dock]}
"""


@pytest.fixture
def accounts(database: Database, clock: FakeClock) -> Accounts:
    SiteRepository(database).apply(parse_site(SITE, "test", {}))
    return Accounts(database, clock, ScryptCost(n=4, r=1))


@pytest.fixture
def sites(database: Database) -> SiteRepository:
    return SiteRepository(database)


def test_a_user_of_a_group_sees_what_is_added_to_it_later(accounts: Accounts, sites: SiteRepository) -> None:
    made = accounts.create_user("nina", "a good password", Role.VIEWER, None, ["north"])
    token = accounts.open_session(made)
    bearer = accounts.create_token("grafana", Role.VIEWER, ["dock"], ["north"])
    assert made.scope == Scope(Role.VIEWER, frozenset({"gate"}))
    sites.put_group("north", ["gate", "yard"])
    for user in (accounts.session(token), accounts.user("nina"), accounts.verify("nina", "a good password")):
        assert user is not None
        assert user.scope.cameras == {"gate", "yard"}
    found = accounts.token(bearer)
    assert found is not None
    assert found.scope.cameras == {"dock", "gate", "yard"}
    sites.delete_group("north")
    assert (accounts.session(token) or made).scope.cameras == frozenset(), "a group that is gone shows nothing, never all"


def test_groups_show_only_what_the_scope_shows(accounts: Accounts, sites: SiteRepository) -> None:
    assert sites.groups(Scope.everything()) == {"north": ["gate"], "south": ["yard", "dock"]}
    assert sites.groups(Scope(Role.VIEWER, frozenset({"dock"}))) == {"south": ["dock"]}
    assert sites.groups(Scope(Role.VIEWER, frozenset())) == {}


def test_a_camera_that_goes_leaves_its_groups(accounts: Accounts, sites: SiteRepository) -> None:
    sites.delete_camera("dock")
    assert sites.load().groups == {"north": ["gate"], "south": ["yard"]}
    with pytest.raises(ConfigError):
        sites.put_group("east", ["dock"])


def test_edits_of_groups_are_kept_until_the_file_says_something_new(accounts: Accounts, sites: SiteRepository) -> None:
    etag = sites.group_etag("north")
    sites.put_group("north", ["gate", "dock"], etag=etag)
    with pytest.raises(StaleEdit):
        sites.put_group("north", [], etag=etag)
    sites.put_group("by-hand", ["yard"])
    assert sites.apply(parse_site(SITE, "test", {})).kept_edits == ("group north",)
    assert sites.load().groups == {"north": ["gate", "dock"], "south": ["yard", "dock"], "by-hand": ["yard"]}
    report = sites.apply(parse_site(SITE.replace("north: [gate]", "north: [yard]").replace(", south: [yard, dock]", ""), "test", {}))
    assert (report.replaced_edits, report.removed) == (("group north",), ("group south",))
    assert sites.load().groups == {"north": ["yard"], "by-hand": ["yard"]}
    with pytest.raises(NotFound):
        sites.delete_group("south")


def test_a_group_of_an_unknown_camera_is_a_fault_of_the_file() -> None:
    with pytest.raises(ConfigError, match="did you mean 'gate'"):
        parse_site(SITE.replace("north: [gate]", "north: [gat]"), "test", {})


def test_an_own_token_can_do_no_more_than_its_owner(accounts: Accounts) -> None:
    accounts.create_user("nina", "a good password", Role.OPERATOR, None, ["south"])
    bearer = accounts.create_token("mine", Role.OPERATOR, ["gate", "yard"], owner="nina")
    wide = accounts.create_token("wide", Role.OPERATOR, owner="nina")

    def scope(secret: str) -> Scope | None:
        found = accounts.token(secret)
        return found.scope if found is not None else None

    assert scope(bearer) == Scope(Role.OPERATOR, frozenset({"yard"}))
    assert scope(wide) == Scope(Role.OPERATOR, frozenset({"yard", "dock"}))
    accounts.change("nina", role=Role.VIEWER, cameras=["gate"])
    assert scope(bearer) == Scope(Role.VIEWER, frozenset({"gate"}))
    assert scope(wide) == Scope(Role.VIEWER, frozenset({"gate"}))
    accounts.delete_user("nina")
    assert scope(bearer) is None
    assert accounts.tokens() == ()


def test_a_token_ends_when_it_says(accounts: Accounts, clock: FakeClock) -> None:
    bearer = accounts.create_token("short", Role.VIEWER, expires_at_s=clock.utc_s() + 60)
    assert accounts.token(bearer) is not None
    clock.now_s += 61
    assert accounts.token(bearer) is None


def test_sessions_end_at_their_limits(accounts: Accounts, database: Database, clock: FakeClock) -> None:
    user = accounts.create_user("nina", "a good password", Role.VIEWER)
    tight = Accounts(database, clock, ScryptCost(n=4, r=1), SessionLimits(idle_s=600.0, longest_s=1500.0))
    loose, token = accounts.open_session(user), tight.open_session(user, "203.0.113.9", "a browser")
    assert {one.address for one in tight.sessions(user)} == {"", "203.0.113.9"}
    for _ in range(2):
        clock.now_s += 500
        assert tight.session(token) is not None
    clock.now_s += 499
    assert tight.session(token) is not None
    clock.now_s += 2
    assert tight.session(token) is None, "used all the time, but open for too long"
    assert tight.session(loose) is None, "limits that became tighter count for what is open"
    assert accounts.session(loose) is not None


def test_whom_somebody_else_vouches_for_takes_no_account_over(accounts: Accounts) -> None:
    accounts.create_user("ada", "a good password", Role.ADMIN)
    with pytest.raises(AccountRefused, match="another account"):
        accounts.outsider(Origin.OIDC, "issuer 1", "Ada", Role.VIEWER, None)
    made = accounts.outsider(Origin.OIDC, "issuer 1", "Nina", Role.VIEWER, ["north"])
    assert (made.username, made.scope.cameras) == ("nina", {"gate"})
    assert accounts.outsider(Origin.OIDC, "issuer 1", "nina", Role.ADMIN, ["north"]).scope == Scope.everything()
    with pytest.raises(AccountRefused, match="another account"):
        accounts.outsider(Origin.OIDC, "issuer 2", "nina", Role.ADMIN, None)
    with pytest.raises(AccountRefused, match="another account"):
        accounts.outsider(Origin.PROXY, "nina", "nina", Role.ADMIN, None)
    assert accounts.verify("nina", "") is None
    with pytest.raises(AccountRefused, match="elsewhere"):
        accounts.set_password("nina", "a good password")
    with pytest.raises(AccountRefused, match="last admin"):
        accounts.delete_user("ada")
    assert accounts.count() == 1, "the first administrator is still to be made where only others vouch"
