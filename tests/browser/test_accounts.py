"""Accounts on the page: a second factor from the QR code to the lost phone, people and groups, tokens, the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable

from panops.storage import totp
from panops.storage.scope import Role
from tests.browser.conftest import PHONE, MakeTab, Page
from tests.browser.layout import problems
from tests.browser.site import PASSWORD, SITE, SiteServer

GROUPED = SITE + "groups:\n  north: [gate, yard]\n  car-park: [street, store]\n"


def code(secret: str, ahead: int = 0) -> str:
    return totp.code_at(secret, int(time.time() // totp.STEP_S) + ahead)


def set_up(page: Page) -> tuple[str, list[str]]:
    """Set a second factor up on the page of one's account; its secret and the recovery codes."""
    page.click("#enrol")
    page.fill("#field-password", PASSWORD)
    page.click("dialog .primary")
    page.wait_for_selector(".qr path")
    secret = page.inner_text("#totp-secret")
    assert problems(page) == []
    page.fill("#field-code", code(secret))
    page.click("#factor .primary")
    page.wait_for_selector("#codes li:nth-child(10)")
    codes = page.locator("#codes li").all_inner_texts()
    page.click("text=I have it")
    return secret, codes


def test_a_second_factor_from_the_qr_code_to_the_lost_phone(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site(GROUPED)
    page = tab(server, "vera", PHONE).open("/account")
    secret, codes = set_up(page)
    page.wait_for_selector("#factor .chip.green")
    made = tab(server, None, PHONE)
    made.allow.append("status of 401")
    page = made.open("/login")
    page.fill("#username", "vera")
    page.fill("#password", PASSWORD)
    page.click("#submit")
    page.wait_for_selector("#code:visible")
    assert page.is_hidden("#password"), "the second step stands alone"
    assert page.is_hidden("#login [role=alert]"), "which is no fault"
    assert problems(page) == []
    page.fill("#code", "000000")
    page.click("#submit")
    page.wait_for_selector("#code[aria-invalid=true]")
    page.fill("#code", code(secret, 1))
    page.click("#submit")
    page.wait_for_selector(".tile[data-id=gate]")
    made = tab(server, None)
    made.allow.append("status of 401")
    page = made.open("/login")
    for name, value in (("username", "vera"), ("password", PASSWORD)):
        page.fill(f"#{name}", value)
    page.click("#submit")
    page.fill("#code", codes[0].lower())
    page.click("#submit")
    page.wait_for_selector(".tile[data-id=gate]")


def test_who_must_have_one_is_led_to_it(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site(GROUPED, require_second_factor=frozenset({Role.ADMIN}))
    page = tab(server, "ada").open("/events")
    page.wait_for_url("**/account")
    page.wait_for_selector(".notice.warning")
    assert problems(page) == []
    set_up(page)
    page.wait_for_selector(".tile[data-id=gate]")


def test_people_groups_and_what_they_see(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site(GROUPED)
    made = tab(server)
    made.allow.append("status of 422")
    page = made.open("/users")
    page.wait_for_selector("#users tr[data-user=vera]")
    page.click("#add-user")
    page.fill("#field-username", "nina")
    page.fill("#field-password", "password1")
    page.select_option("#field-sees", "some")
    page.check("[data-kind=groups][value=north]")
    assert problems(page) == []
    page.click("dialog .primary")
    page.wait_for_selector("dialog .problem:has-text('first that are tried')")
    page.fill("#field-password", PASSWORD)
    page.click("dialog .primary")
    page.wait_for_selector("#users tr[data-user=nina]:has-text('group north')")
    page.click("[data-group=north] button")
    page.check("dialog .tick:has-text('Loading dock') input")
    page.click("dialog .primary")
    page.wait_for_selector("[data-group=north]:has-text('Loading dock')")
    page.click("#add-token")
    page.fill("#field-name", "grafana")
    page.click("dialog .primary")
    page.wait_for_selector("#secret:has-text('panops_')")
    page.click("text=I have it")
    page.wait_for_selector("#tokens tr[data-token=grafana]")
    assert problems(page) == []
    theirs = tab(server, "nina").open("/")
    theirs.wait_for_selector(".tile[data-id=dock]")
    assert theirs.locator(".tile[data-id]").count() == 3
    page.click("tr[data-user=nina] button")
    page.click("dialog button:has-text('Remove')")
    page.click("dialog .danger")
    page.wait_for_selector("tr[data-user=nina]", state="detached")
    theirs.wait_for_url("**/login*")
    page.goto(f"{made.url}/audit")
    page.wait_for_selector("#log td:has-text('User delete')")
    page.select_option("[name=action]", "token")
    page.wait_for_selector("#log tr:has-text('grafana')")
    page.wait_for_function("() => document.querySelectorAll('#log tr').length === 1")
    assert "action=token" in page.url
    assert problems(page) == []


def test_lists_are_filtered_by_group(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site(GROUPED)
    server.add_events(8, time.time() - 120)
    for size in (PHONE, None):
        page = (tab(server, "vera", size) if size else tab(server, "vera")).open("/")
        page.wait_for_selector("#group option[value=north]", state="attached")
        page.wait_for_selector(".tile[data-id=street]")
        page.select_option("#group", "north")
        page.wait_for_selector(".tile[data-id=street]", state="detached")
        assert page.locator(".tile[data-id]").count() == 2
        assert problems(page) == []
        page.reload()
        page.wait_for_selector(".tile[data-id=yard]")
        assert page.locator(".tile[data-id]").count() == 2, "it is in the address"
    page.goto(f"{server.url}/cameras?group=car-park")
    page.wait_for_selector(".camera-card:nth-child(2) .tile[data-state]")
    assert page.locator(".camera-card .tile").count() == 2
    page.goto(f"{server.url}/events?group=north")
    page.wait_for_function("() => document.querySelectorAll('.event-card img').length === 4")


def test_an_account_page_of_a_viewer_and_signing_out_everywhere(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site(GROUPED)
    other = tab(server, "vera").open("/")
    other.wait_for_selector(".tile[data-id=gate]")
    page = tab(server, "vera").open("/users")
    page.wait_for_selector("text=This page is for administrators")
    page.click("#sheet a[href='/account']")
    page.wait_for_selector("#sessions tr:nth-child(2)")
    page.click("#everywhere")
    page.click("dialog .danger")
    page.wait_for_url("**/login")
    other.wait_for_url("**/login*")
