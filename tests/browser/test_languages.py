"""The page in German: by the browser's language, by choice, whole from the first paint, and in its boxes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from panops.web.pages import ASSETS, CATALOGUE
from tests.browser.conftest import PHONE, WIDE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import SiteServer
from tests.browser.test_layout import PAGES

NAMES = {"Webhook", "crossing", "general", "movement"}
ENGLISH = {"Save", "Cancel", "Camera", "Cameras", "Rule", "Rules", "Event", "Events", "Acknowledge", "Picture", "Connected", "New", "Edit"}


@pytest.mark.parametrize("name", PAGES)
def test_the_boxes_of_a_page_in_german(name: str, site: SiteServer, tab: MakeTab) -> None:
    path, ready = PAGES[name]
    page = tab(site, size=WIDE, locale="de-DE").open(path)
    page.wait_for_selector(ready)
    page.wait_for_selector("#connection.green", state="attached")
    assert page.evaluate("() => document.documentElement.lang") == "de"
    assert problems(page) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.wait_for_timeout(150)
    assert problems(page) == []
    shown = set(page.evaluate("() => document.body.innerText.split('\\n').map((line) => line.trim())"))
    assert shown & ENGLISH == set()


def test_the_language_is_chosen_on_the_account_page_and_kept(site: SiteServer, tab: MakeTab) -> None:
    made = tab(site, locale="de-AT")
    page = made.open("/account")
    assert page.inner_text("h1") == "Ihr Konto", "the browser's language, at the first visit"
    page.wait_for_selector("#language")
    assert page.eval_on_selector_all("#language option", "all => all.map((one) => one.textContent)") == ["English", "Deutsch"]
    page.select_option("#language", "en")
    page.wait_for_selector("h1:has-text('Your account')")
    kept = {one["name"]: one.get("sameSite") for one in page.context.cookies()}
    assert kept["language"] == "Lax", "a link in a mail leads to a page in it, too"
    page = made.open("/rules")
    assert (page.inner_text("h1"), page.evaluate("() => document.documentElement.lang")) == ("Rules", "en")
    made.open("/account").wait_for_selector("#language")
    page.select_option("#language", "de")
    page.wait_for_selector("h1:has-text('Ihr Konto')")


def test_sentences_numbers_and_dates(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, locale="de-DE").open("/events/gate-0-00000")
    page.wait_for_selector(".why .lead")
    assert page.inner_text(".why .lead") == "Person war länger als 1 s in der Zone „floor“."
    call = "async ([url, name, values]) => (await import(url))[name](...values)"
    for module, name, values, said in (
        ("messages", "decimal", [1234567.891, 2], "1.234.567,89"),
        ("messages", "t", ["No such message {here}", {"here": 1500}], "No such message 1.500"),
        ("things", "plural", [1, "camera"], "1 Kamera"),
        ("things", "plural", [1200, "camera"], "1.200 Kameras"),
        ("words", "bytes", [1536], "1,5 KiB"),
        ("words", "duration", [1.25], "1,3 s"),
        ("time", "clock", [datetime(2026, 7, 28, 12, 2, tzinfo=UTC).timestamp()], "14:02:00"),
        ("time", "toInput", [datetime(2026, 7, 28, 12, 2, tzinfo=UTC).timestamp()], "2026-07-28T14:02"),
    ):
        assert page.evaluate(call, [ASSETS.url(f"js/{module}.js"), name, values]) == said, (module, name)


def test_a_table_that_does_not_come_leaves_the_page_in_english(site: SiteServer, tab: MakeTab) -> None:
    made = tab(site, locale="de-DE")
    made.allow.append("404")
    made.page.route("**/js/locale/de/*", lambda route: route.fulfill(status=404))
    page = made.open("/rules")
    page.wait_for_selector("[data-rule=night]")
    assert page.inner_text("[data-rule=night] .switch span") == "On"


MARKED = {
    text: {"one": f"\u27e6{message.one}\u27e7", "other": f"\u27e6{text}\u27e7"} if message.one else f"\u27e6{text}\u27e7"
    for text, message in CATALOGUE.messages.items()
}
OF_SHELLS = {text for text in CATALOGUE.translations("de").values() if isinstance(text, str)}
UNMARKED = """
() => [...document.querySelectorAll('main .chip, main button, main dt, main th, main h2, main h3, main .muted')]
  .filter((one) => !one.firstElementChild).map((one) => one.textContent.trim())
  .filter((text) => /[a-z]{3}/.test(text) && !text.includes('\u27e6'))
"""


@pytest.mark.parametrize("name", ["event", "cameras", "rules", "alerts", "account", "users", "models"])
def test_no_word_bypasses_the_table(name: str, site: SiteServer, tab: MakeTab) -> None:
    """In a language of marked words, what stands without a mark came with the shell, or is a name that people gave."""
    made = tab(site, locale="de-DE")
    body = f"export default {json.dumps(MARKED)};"
    made.page.route("**/js/locale/de/*", lambda route: route.fulfill(content_type="text/javascript", body=body))
    path, ready = PAGES[name]
    page = made.open(path)
    page.wait_for_selector(ready)
    page.wait_for_timeout(200)
    assert set(page.evaluate(UNMARKED)) - OF_SHELLS - NAMES == set()
