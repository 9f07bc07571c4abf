"""First run, signing in, and what a session's end does."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.conftest import PHONE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import PASSWORD, SiteServer


def test_the_first_run_makes_the_administrator_and_ends_at_an_empty_wall(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    made = tab(make_site(""), None, PHONE)
    page = made.open("/login")
    page.wait_for_url("**/setup")
    assert page.is_hidden("#code"), "this very machine needs no code"
    assert problems(page) == []
    page.click("#submit")
    assert page.get_attribute("#username", "aria-invalid") == "true"
    page.fill("#username", "ada")
    page.fill("#password", "short")
    made.allow.append("status of 422")
    page.click("#submit")
    page.wait_for_selector("#setup [role=alert]:visible")
    page.fill("#password", PASSWORD)
    page.click("[data-reveal]")
    assert page.get_attribute("#password", "type") == "text"
    page.click("#submit")
    page.wait_for_selector("text=Add your first camera")
    assert problems(page) == []
    page.goto(made.url + "/events")
    page.wait_for_selector("text=No events yet")
    page.goto(made.url + "/cameras")
    page.wait_for_selector("text=No cameras yet")
    page.goto(made.url + "/setup")
    page.wait_for_url(f"{made.url}/")


def test_a_first_visit_makes_no_request_that_fails(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    for site_file, door in (("", "**/setup"), ("cameras: {}", "**/login")):
        made = tab(make_site(site_file), None)
        failed: list[str] = []
        made.page.on("response", lambda answer, failed=failed: answer.status >= 400 and failed.append(answer.url))
        page = made.open("/")
        page.wait_for_url(door)
        page.wait_for_load_state("networkidle")
        assert failed == []
        made.check()


def test_who_is_signed_in_need_not_sign_in(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, "vera").open("/login?next=/events")
    # Whole, not "**/events": that pattern fits the sign-in's own address too, and the next visit would cut the redirect off.
    page.wait_for_url(f"{site.url}/events")
    page.goto(f"{site.url}/setup")
    page.wait_for_url(f"{site.url}/")


def test_the_first_run_from_another_machine_asks_for_the_code(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    made = tab(make_site("", setup_code="sesame", loopback_is_local=False), None)
    made.allow.append("status of 403")
    page = made.open("/setup")
    page.wait_for_selector("#code:visible")
    page.fill("#code", "wrong")
    page.fill("#username", "ada")
    page.fill("#password", PASSWORD)
    page.click("#submit")
    page.wait_for_selector("#code[aria-invalid=true]")
    page.fill("#code", "sesame")
    page.click("#submit")
    page.wait_for_selector("text=Add your first camera")


def test_signing_in_goes_back_to_the_page_that_was_asked_for(site: SiteServer, tab: MakeTab) -> None:
    made = tab(site, None)
    page = made.open("/events?status=new")
    page.wait_for_url("**/login?next=*")
    made.check()
    made.allow.append("status of 401")
    page.fill("#username", "oscar")
    page.fill("#password", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#wrong:visible")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/events?status=new")
    page.wait_for_selector(".event-card")
    page.click("text=Account")
    page.click("#sign-out")
    page.wait_for_url("**/login")
    made.open("/cameras")
    page.wait_for_url("**/login?next=*")


def test_a_sign_in_never_leads_to_another_site(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, None).open("/login?next=//evil.example/")
    page.fill("#username", "vera")
    page.fill("#password", PASSWORD)
    page.click("#submit")
    page.wait_for_selector("#wall .tile[data-id]")
    assert page.url == f"{site.url}/"


def test_an_ended_session_leads_to_the_sign_in(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    made = tab(server, "vera")
    made.allow.append("status of 401")
    page = made.open("/")
    page.wait_for_selector("#connection.green")
    page.request.delete(f"{server.url}/api/v1/session", headers={"Origin": server.url})
    page.wait_for_url("**/login", timeout=9000)
    page.wait_for_selector("#username")
