"""The events page: list, filters, keyboard, live insert, detail, review."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from playwright.sync_api import Page, Route

from panops.storage.embeddings import Embedding, EventEmbeddings
from panops.storage.events import EventRepository
from panops.storage.scope import Scope
from panops.storage.sightings import Sightings
from panops.web.pages import ASSETS
from tests.browser.conftest import PHONE, WIDE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import BAD_NAME, SiteServer

CURRENT = "() => document.querySelector('.event-card[aria-current]')?.dataset.id ?? null"
WHERE = """() => [...document.querySelectorAll('.event-card[data-id]')]
  .map((card) => card.dataset.id + Math.round(card.getBoundingClientRect().top)).join()"""
ONLY_YARD = """() => {
  const cards = [...document.querySelectorAll('.event-card[data-id]')];
  return cards.length > 0 && cards.every((card) => card.dataset.id.startsWith('yard'));
}"""
BAD_NOTE = "<script>alert(1)</script>"


def ready(page: Page) -> None:
    page.wait_for_selector(".event-card[data-id]")
    page.wait_for_selector("#connection.green")


def test_what_is_asked_first_is_asked_while_the_modules_are_on_their_way(site: SiteServer, tab: MakeTab) -> None:
    asked: list[str] = []
    made = tab(site)
    made.page.on("request", lambda request: asked.append(request.url.removeprefix(site.url)))
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    made.page.route("**/js/events.js", hold)
    made.page.goto(f"{site.url}/events", wait_until="commit")
    while asked.count("/api/v1/events?limit=60") == 0:
        made.page.wait_for_timeout(20)
    assert made.page.query_selector(".event-card[data-id]") is None, "no module has run yet"
    made.page.wait_for_timeout(200)  # all three are answered before anybody takes them
    waiting[0].continue_()
    page = made.page
    page.wait_for_selector(".event-card[data-id]")
    for path in ("/api/v1/setup", "/api/v1/site"):
        assert asked.count(path) == 1, "the early answer is taken, and nothing asked twice"
    page.wait_for_selector("#connection.green")
    page.wait_for_timeout(200)
    assert asked.count("/api/v1/events?limit=60") == 2, "once, and once more for what happened before the connection was there"
    # An answer is taken once: who comes back to the whole list is told what is true then.
    with page.expect_request("**/api/v1/events?camera=yard&limit=60"):
        page.select_option("[name=camera]", "yard")
    with page.expect_request("**/api/v1/events?limit=60"):
        page.select_option("[name=camera]", "")


def test_an_early_answer_that_nobody_wants_any_more_changes_nothing(site: SiteServer, tab: MakeTab) -> None:
    made = tab(site)
    held: list[Route] = []
    made.page.route("**/api/v1/events?limit=60", lambda route: held.append(route) if not held else route.continue_())
    page = made.open("/events")
    page.wait_for_selector("#connection.green")
    page.select_option("[name=camera]", "yard")
    page.wait_for_selector(".event-card[data-id^=yard]")
    shown = page.locator(".event-card[data-id]").count()
    held[0].continue_()
    page.wait_for_timeout(500)
    assert page.locator(".event-card[data-id]").count() == shown == page.locator(".event-card[data-id^=yard]").count()


def test_what_happened_before_the_connection_was_there_comes_with_it(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    made = tab(server)
    held: list[Route] = []
    made.page.route("**/api/v1/events?limit=60", lambda route: held.append(route) if not held else route.continue_())
    page = made.open("/events")
    page.wait_for_selector("#connection.green")
    answer = held[0].fetch()  # the list as it is now: empty
    server.add_events(1, time.time())  # of this nobody is told
    held[0].fulfill(response=answer)
    page.wait_for_selector(".event-card[data-id]")


def test_filters_are_in_the_address(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/events?camera=yard")
    ready(page)
    assert {card.get_attribute("data-id").split("-")[0] for card in page.query_selector_all(".event-card")} == {"yard"}
    page.select_option("[name=camera]", "")
    page.select_option("[name=kind]", "occupancy")
    page.wait_for_url("**/events?kind=occupancy")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.event-card[data-id]')].every((card) => card.dataset.id.startsWith('street'))"
    )
    page.click("[data-status=false_alarm]")
    page.wait_for_url("**/events?status=false_alarm&kind=occupancy")
    page.wait_for_selector("text=No event fits these filters")
    page.click("text=Show all events")
    ready(page)
    assert page.url == f"{site.url}/events"
    page.select_option("[name=range]", "hour")
    page.wait_for_url("**/events?range=hour")
    page.wait_for_function(
        "() => { const count = document.querySelectorAll('.event-card[data-id]').length; return count >= 5 && count <= 6; }"
    )
    page.select_option("[name=range]", "custom")
    page.wait_for_selector("[name=from]:visible")
    assert problems(page) == []
    page.fill("[name=from]", "2020-01-01T00:00")
    page.fill("[name=to]", "2020-01-02T00:00")
    page.wait_for_selector("text=No event fits these filters")
    assert "from=2020-01-01T00%3A00&to=2020-01-02T00%3A00" in page.url
    page.reload()
    page.wait_for_selector("text=No event fits these filters")
    assert page.input_value("[name=from]") == "2020-01-01T00:00"


def test_a_filter_of_the_address_is_shown_by_its_name(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/events?camera=gate&class=person")
    ready(page)
    for name, word in (("camera", "North gate"), ("class", "Person")):
        assert page.eval_on_selector(f"[name={name}]", "(node) => node.selectedOptions[0].textContent") == word
        values = page.eval_on_selector_all(f"[name={name}] option", "nodes => nodes.map((node) => node.value)")
        assert len(values) == len(set(values))


def test_a_long_list_keeps_the_document_small(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/events")
    ready(page)
    seen: set[str] = set()
    for _ in range(40):
        ids = page.eval_on_selector_all(".event-card[data-id]", "nodes => nodes.map((node) => node.dataset.id)")
        assert len(ids) <= 60
        seen |= set(ids)
        if page.inner_text("#end") == "No older events" and len(seen) >= 150:
            break
        page.evaluate("() => { const list = document.getElementById('scroll'); list.scrollTop += list.clientHeight * 0.8; }")
        page.wait_for_timeout(60)
    assert len(seen) >= 150, "every event was shown on the way"
    assert page.inner_text("#end") == "No older events"


def test_reviewing_by_keyboard(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    ids = server.add_events(12, time.time() - 60)
    page = tab(server, "oscar").open("/events")
    ready(page)
    assert page.evaluate(CURRENT) is None
    page.keyboard.press("j")
    page.wait_for_selector(".detail .stage img")
    assert page.evaluate(CURRENT) == ids[0]
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate(CURRENT) == ids[0]
    page.keyboard.press("a")
    page.wait_for_selector(f".event-card[data-id='{ids[0]}'] .chip:has-text('Acknowledged')")
    page.wait_for_function("(id) => document.querySelector('.event-card[aria-current]')?.dataset.id === id", arg=ids[1])
    page.keyboard.press("f")
    page.wait_for_selector(f".event-card.done[data-id='{ids[1]}'] .chip:has-text('False alarm')")
    page.keyboard.press("u")
    page.wait_for_selector(f".event-card:not(.done)[data-id='{ids[1]}'] .chip.new")
    page.keyboard.press("Escape")
    page.wait_for_selector("text=Choose an event")
    assert page.url == f"{server.url}/events"
    page.click(f".event-card[data-id='{ids[6]}']")
    page.keyboard.press("j")
    page.wait_for_url(f"**/events/{ids[7]}")
    assert page.evaluate("() => document.activeElement.dataset.id") == ids[7], "the focus goes along"
    page.keyboard.press("Escape")
    page.wait_for_selector("text=Choose an event")
    page.focus(f".event-card[data-id='{ids[4]}']")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/events/{ids[4]}")
    page.wait_for_selector(".detail >> text=Why it alarmed")
    page.go_back()
    page.wait_for_selector("text=Choose an event")
    stored = page.request.get(f"{server.url}/api/v1/events/{ids[0]}").json()
    assert (stored["status"], stored["history"][0]["user"]) == ("acknowledged", "oscar")


def test_reviewing_goes_on_from_an_event_that_the_list_does_not_hold(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    ids = server.add_events(90, time.time() - 60, every_s=7200.0)
    page = tab(server, "oscar").open(f"/events/{ids[80]}")
    ready(page)
    page.wait_for_selector(".detail .actions-row")
    assert page.query_selector(f".event-card[data-id='{ids[80]}']") is None
    page.keyboard.press("f")
    page.wait_for_url(f"**/events/{ids[81]}")
    page.wait_for_selector(".detail .chip:has-text('New')")
    page.keyboard.press("j")
    page.wait_for_url(f"**/events/{ids[82]}")
    for newer in (81, 80, 79):
        page.keyboard.press("k")
        page.wait_for_url(f"**/events/{ids[newer]}")
    page.goto(f"{server.url}/events/{ids[89]}?status=new")
    ready(page)
    page.wait_for_selector(".detail .actions-row button")
    page.keyboard.press("j")
    page.wait_for_function("() => document.getElementById('announce').textContent === 'No older event'")
    assert page.url.startswith(f"{server.url}/events/{ids[89]}")
    page.goto(f"{server.url}/events/{ids[79]}?status=new&camera=gate")
    ready(page)
    page.wait_for_selector(".detail .actions-row button")
    page.keyboard.press("j")
    page.wait_for_url(f"**/events/{ids[84]}?*")


def test_the_event_next_to_another_in_a_crowd(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    now = time.time() - 60
    crowd = server.add_events(300, now, every_s=0.25)
    page = tab(server, "oscar").open("/login")
    page.wait_for_url(f"{server.url}/")
    find = """async ([url, event, by]) => (await import(url)).neighbour(event, by, {}).then((found) => found?.event_id ?? null)"""
    for at, by, wanted in ((150, 1, 151), (150, -1, 149), (299, -1, 298), (299, 1, None), (0, -1, None), (0, 1, 1)):
        event = {"event_id": crowd[at], "started_at_s": now - at * 0.25}
        found = page.evaluate(find, [ASSETS.url("js/neighbour.js"), event, by])
        assert found == (None if wanted is None else crowd[wanted]), (at, by)


def test_a_card_tells_the_zone_and_the_rule(site: SiteServer, tab: MakeTab) -> None:
    for size in (WIDE, PHONE):
        page = tab(site, size=size).open("/events")
        ready(page)
        texts = {card.get_attribute("data-id").split("-")[0]: card.inner_text() for card in page.query_selector_all(".event-card[data-id]")}
        assert "floor" in texts["gate"]
        assert "night" in texts["gate"]
        assert "door" in texts["yard"]
        assert "way-in" in texts["yard"]
        assert "Whole picture" in texts["street"], "no zone"
        assert "crowd" in texts["street"]
        severities = {card.query_selector(".kind .icon").get_attribute("data-severity") for card in page.query_selector_all(".event-card")}
        assert severities == {"Alarm", "Warning", "Info"}, "told by a symbol too, not by a colour alone"
        assert problems(page) == []


def test_new_events_do_not_move_the_list_under_the_reader(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    server.add_events(60, time.time() - 60)
    page = tab(server).open("/events")
    ready(page)
    page.mouse.move(400, 400)
    page.evaluate("() => { document.getElementById('scroll').scrollTop = 500; }")
    page.wait_for_timeout(100)
    before = page.evaluate(WHERE)
    for _ in range(3):
        server.ask(lambda: server.live.raise_event("gate", evidence=False))
    page.wait_for_selector("#pill:has-text('3 new')")
    assert page.evaluate(WHERE) == before
    page.click("#pill")
    page.wait_for_selector("#pill", state="hidden")
    page.wait_for_function("() => document.getElementById('scroll').scrollTop === 0")
    page.wait_for_selector(".event-card[data-id^='gate-1-'] >> nth=2")


def test_new_events_come_in_by_themselves_while_nobody_points_at_the_list(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/events")
    page.wait_for_selector("text=No events yet")
    page.wait_for_selector("#connection.green")
    for number in (1, 2):
        latest = server.ask(lambda: server.live.raise_event("gate", evidence=False))
        page.wait_for_selector(f".event-card[data-id='{latest}']")
        assert len(page.query_selector_all(".event-card[data-id]")) == number
        assert page.is_hidden("#pill")


def test_the_detail_with_clip_boxes_and_reason(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    event_id = server.ask(lambda: server.live.raise_event("gate", duration_s=4.0))
    page = tab(server).open(f"/events/{event_id}")
    page.wait_for_selector(".stage img")
    page.wait_for_function("() => document.querySelector('.stage .over').dataset.boxes === '1'")
    assert "North gate" in page.inner_text(".about"), "where and when, before anything has to be scrolled"
    assert page.inner_text(".why .lead") == "A person was in the zone “floor” for longer than 1 s."
    page.keyboard.press("b")
    page.wait_for_function("() => document.querySelector('.stage .over').dataset.boxes === '0'")
    page.keyboard.press("b")
    page.keyboard.press(" ")
    page.wait_for_selector(".stage video")
    page.wait_for_function("() => document.querySelector('.stage video').currentTime > 0.3")
    page.wait_for_function("() => document.querySelector('.stage .over').dataset.boxes === '3'")
    page.keyboard.press(" ")
    page.wait_for_function("() => document.querySelector('.stage video').paused")
    names = page.eval_on_selector_all(".downloads a", "nodes => nodes.map((node) => node.getAttribute('download'))")
    assert sorted(names) == [f"{event_id}-{part}" for part in ("annotated.jpg", "clip.mp4", "snapshot.jpg")]
    with page.expect_download() as download:
        page.click(".downloads a:has-text('Clip')")
    assert download.value.path().stat().st_size > 1000
    page.click("[data-act=keep]")
    page.wait_for_selector(".detail-head .chip:has-text('Kept')")
    page.click("[data-act=acknowledged]")
    page.wait_for_selector(".history >> text=acknowledged it")
    page.click(".toast:has-text('Acknowledged') >> text=Undo")
    page.wait_for_selector(".history >> text=set it back to new")
    assert page.query_selector(".stage video") is not None, "a review does not take the clip away"


BADGE = "(count) => document.getElementById('new-events').textContent === String(count)"


def test_the_badge_counts_what_the_list_holds(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/events")
    page.wait_for_selector("text=No events yet")
    page.wait_for_selector("#connection.green")
    server.ask(lambda: server.live.raise_event("gate", evidence=False))
    page.wait_for_function("() => document.querySelectorAll('.event-card[data-id]').length === 1")
    # Told now, but begun before all others: a person who stays, say.
    server.ask(lambda: server.live.raise_event("odd", "linger", "loitering", duration_s=45, evidence=False))
    page.wait_for_function("() => document.querySelectorAll('.event-card[data-id]').length === 2")
    page.wait_for_function(BADGE, arg=2)
    # One who reads keeps the list still; what comes meanwhile is counted by the button.
    page.click(".event-card >> nth=0")
    server.ask(lambda: server.live.raise_event("yard", "way-in", "line_crossing", evidence=False))
    page.wait_for_selector("#pill:has-text('1 new')")
    page.wait_for_function(BADGE, arg=3)
    page.keyboard.press("a")
    page.wait_for_function(BADGE, arg=2)
    page.click("#pill")
    page.wait_for_function("() => document.querySelectorAll('.event-card[data-id]').length === 3")
    assert page.evaluate("() => document.querySelectorAll('.event-card .chip.new').length") == 2


def test_what_happens_while_the_list_is_read_is_not_missed(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    server.add_events(3, time.time() - 600)
    made = tab(server)
    answer: list[bytes] = []

    def late(route: Route) -> None:
        """The list as it was before an event that is told while its answer is on the way."""
        if not answer:
            answer.append(route.fetch().body())
            made.page.wait_for_selector("#connection.green")
            server.ask(lambda: server.live.raise_event("gate", evidence=False))
            made.page.wait_for_timeout(500)
        route.fulfill(body=answer[0], content_type="application/json")

    made.page.route("**/api/v1/events?*", late)
    page = made.open("/events")
    page.wait_for_function("() => document.querySelectorAll('.event-card[data-id]').length === 4")
    page.wait_for_function(BADGE, arg=4)


PLAYS = "() => { const video = document.querySelector('.stage video'); return video && video.readyState > 1 && !video.paused; }"


def test_an_event_that_goes_on_shows_its_clip_so_far_and_then_the_whole_one(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    begun = server.ask(lambda: server.live.begin_event("gate", so_far_s=6.0))
    page = tab(server).open(f"/events/{begun.event_id}")
    page.wait_for_selector(".stage img")
    page.fill("#note", "half a note")
    page.wait_for_selector(".stage-bar .button:has-text('Clip so far')")
    assert page.inner_text(".stage-note").startswith("It goes on")
    assert problems(page) == []
    page.keyboard.press("Escape")
    page.evaluate("() => document.activeElement.blur()")
    page.click(".stage-bar .button:has-text('Clip so far')")
    page.wait_for_selector(".stage video")
    page.evaluate("() => { const video = document.querySelector('.stage video'); video.playbackRate = 0.2; return video.play(); }")
    page.wait_for_function(PLAYS)
    page.evaluate("() => { document.querySelector('.stage video').currentTime = 3; }")
    ended = server.ask(lambda: server.live.end_event(begun))
    page.wait_for_selector(".stage-note:has-text('in a moment')")
    old = page.get_attribute(".stage video", "src")
    assert old is not None
    assert "clip_so_far.mp4?v=" in old
    server.ask(lambda: server.live.finish_event(ended))
    page.wait_for_selector(".stage video[src*='/clip.mp4?v=']")
    page.wait_for_function(PLAYS)
    assert page.evaluate("() => document.querySelector('.stage video').currentTime") >= 2.9, "it goes on at the same second"
    assert page.inner_text(".stage-bar .button[aria-pressed=true] >> nth=0").strip() == "Clip"
    assert page.is_hidden(".stage-note")
    assert page.input_value("#note") == "half a note"
    names = page.eval_on_selector_all(".downloads a", "nodes => nodes.map((node) => node.getAttribute('download'))")
    assert names[0] == f"{begun.event_id}-clip.mp4"
    assert len(names) == 3
    page.fill("#note", "")


def test_a_clip_comes_to_an_open_page_by_itself(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/events")
    page.wait_for_selector("#connection.green")
    begun = server.ask(lambda: server.live.begin_event("yard", so_far_s=2.0))
    page.click(f".event-card[data-id='{begun.event_id}']")
    page.wait_for_selector(".stage-bar .button:has-text('Clip so far'):not([disabled])")
    page.click(".stage-bar .button:has-text('Clip so far')")
    page.wait_for_selector(".stage video")
    page.click(".stage-bar .button:has-text('Picture')")
    ended = server.ask(lambda: server.live.end_event(begun))
    server.ask(lambda: server.live.finish_event(ended))
    page.wait_for_function("() => document.querySelectorAll('.stage-bar .button')[1].innerText.trim() === 'Clip'")
    assert page.query_selector(".stage img") is not None, "who looks at the picture goes on looking at it"


def test_details_that_come_late_take_nothing_out_of_the_hand(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    """What the list knows is shown at once and can be used; the slower answer must not begin anew."""
    server = make_site()
    begun = server.ask(lambda: server.live.begin_event("yard", so_far_s=3.0))
    page = tab(server, "oscar").open("/events")
    page.wait_for_selector("#connection.green")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(f"**/api/v1/events/{begun.event_id}", hold)
    page.click(f".event-card[data-id='{begun.event_id}']")
    page.click(".stage-bar .button:has-text('Clip so far')")
    page.wait_for_selector(".stage video")
    page.fill("#note", "half a")
    held[0].continue_()
    page.wait_for_selector(".downloads")
    page.wait_for_selector(".stage video[src*='/clip_so_far.mp4?v=']")
    assert page.evaluate("document.activeElement.id") == "note"
    assert page.input_value("#note") == "half a"
    page.fill("#note", "")


def test_a_clip_that_was_replaced_while_nobody_was_told_plays_its_successor(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    begun = server.ask(lambda: server.live.begin_event("gate", so_far_s=3.0))
    made = tab(server)
    made.allow.append("404")
    page = made.open(f"/events/{begun.event_id}")
    page.wait_for_selector(".stage-bar .button:has-text('Clip so far'):not([disabled])")
    ended = server.ask(lambda: server.live.end_event(begun))
    page.wait_for_selector(".stage-note:has-text('in a moment')")
    server.live.tell = lambda *_: None  # type: ignore[method-assign]  # the message is lost
    server.ask(lambda: server.live.finish_event(ended))
    page.click(".stage-bar .button:has-text('Clip so far')")
    page.wait_for_selector(".stage video[src*='/clip.mp4?v=']")
    assert page.query_selector(".stage .nothing") is None


def test_what_was_suppressed_has_a_filter_and_its_reasons(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    told = server.add_events(3, time.time() - 60)
    doubted = server.add_doubted("yard", time.time() - 30)
    page = tab(server, "oscar").open("/events")
    ready(page)
    assert page.query_selector(f".event-card[data-id='{doubted}']") is None
    page.click("[data-status=suppressed]")
    page.wait_for_url("**/events?status=suppressed")
    page.wait_for_selector(f".event-card[data-id='{doubted}']")
    assert page.query_selector(f".event-card[data-id='{told[0]}']") is None
    page.click(f".event-card[data-id='{doubted}']")
    page.wait_for_selector(".findings .against")
    assert "WHY NOBODY WAS TOLD" in page.inner_text(".verdict").upper()
    assert page.inner_text(".findings .against") == "Moved It came 0.1 of its own size."
    assert "Held back for 2.0 s" in page.inner_text(".verdict")
    page.keyboard.press("t")
    page.wait_for_selector(".detail .chip:has-text('True alarm')")


def test_what_was_asked_for_before_other_filters_comes_into_no_list_of_theirs(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    """What may have happened before the connection was there is asked for with the filters of then, and answered when others are chosen."""
    server = make_site()
    told = server.add_events(3, time.time() - 60)
    doubted = server.add_doubted("yard", time.time() - 30)
    made = tab(server, "oscar")
    page, asked, held = made.page, [], []

    def hold_the_second(route: Route) -> None:
        asked.append(route)
        if len(asked) == 2:
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/v1/events?limit=60", hold_the_second)
    made.open("/events")
    ready(page)
    while not held:
        page.wait_for_timeout(20)
    page.click("[data-status=suppressed]")
    page.wait_for_selector(f".event-card[data-id='{doubted}']")
    with page.expect_response("**/api/v1/events?limit=60"):
        held[0].continue_()
    page.wait_for_timeout(300)
    assert [card.get_attribute("data-id") for card in page.query_selector_all(".event-card")] == [doubted]
    assert page.is_hidden("#pill")
    page.click("[data-status='']")
    page.wait_for_selector(f".event-card[data-id='{told[0]}']")


def test_a_note_is_text_and_is_not_lost(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    ids = server.add_events(8, time.time() - 60)
    made = tab(server, "oscar")
    page = made.open(f"/events/{ids[3]}")
    page.wait_for_selector(".detail h2 >> text=Loitering")
    assert BAD_NAME in page.inner_text(".detail")
    page.fill("#note", BAD_NOTE)
    page.wait_for_selector("text=Not saved yet")
    page.click("[aria-label^='Newer']")
    page.wait_for_selector(".detail h2 >> text=Occupancy")
    page.click("[aria-label^='Older']")
    page.wait_for_selector(".detail h2 >> text=Loitering")
    assert page.input_value("#note") == BAD_NOTE, "a half-written note waits at its event"
    page.click("text=Save note")
    page.wait_for_selector(".history .said")
    assert page.inner_text(".history .said") == BAD_NOTE
    page.reload()
    page.wait_for_selector(".history .said")
    assert page.input_value("#note") == BAD_NOTE
    assert page.query_selector("img[src='x']") is None


def test_viewers_look_and_do_not_act(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, "vera").open("/events/gate-0-00000")
    page.wait_for_selector(".history li")
    assert page.query_selector(".actions-row button") is None
    assert page.query_selector("#note") is None
    page.keyboard.press("a")
    page.wait_for_timeout(300)
    assert page.query_selector(".toast") is None
    assert page.is_hidden("a[href='/system']")


def test_on_a_phone_an_event_takes_the_page(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, size=PHONE).open("/events")
    ready(page)
    page.evaluate("() => { document.getElementById('scroll').scrollTop = 900; }")
    page.wait_for_timeout(150)
    card = page.query_selector_all(".event-card[data-id]")[8]
    chosen = card.get_attribute("data-id")
    card.click()
    page.wait_for_url(f"**/events/{chosen}")
    page.wait_for_selector(".detail .why")
    assert page.is_hidden("#list")
    assert problems(page) == []
    page.click("[aria-label^='Back']")
    page.wait_for_selector(f".event-card[data-id='{chosen}']")
    top = page.evaluate("(id) => document.querySelector(`.event-card[data-id='${id}']`).getBoundingClientRect().top", chosen)
    assert 0 < top < 844, "back where the reader was"
    page.click("#filter-button")
    page.wait_for_selector("[name=camera]:visible")
    assert problems(page) == []


def test_on_a_phone_an_event_still_tells_that_the_connection_is_lost(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    ids = server.add_events(2, time.time() - 60)
    made = tab(server, size=PHONE)
    made.allow.append("ERR_|WebSocket")
    page = made.open(f"/events/{ids[0]}")
    page.wait_for_selector("#connection.green", state="attached")
    page.wait_for_selector(".detail .why")
    page.wait_for_selector("header.bar", state="hidden")
    server.stop()
    page.wait_for_selector("#connection.red")
    assert page.is_visible("header.bar")


def test_an_event_that_is_not_there(site: SiteServer, tab: MakeTab) -> None:
    made = tab(site)
    made.allow.append("status of 404")
    page = made.open("/events/nobody-0-1")
    page.wait_for_selector("text=This event is not there")


def test_a_question_in_words_is_understood_and_can_be_corrected(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/events")
    ready(page)
    page.fill("[name=words]", "person at the yard or store last 3 hours")
    page.press("[name=words]", "Enter")
    page.wait_for_selector("#understood:not([hidden]) .meaning")
    page.wait_for_function(ONLY_YARD)
    chips = page.locator(".meaning").all_inner_texts()
    assert "Class person" in chips
    assert "Camera Yard, Store room with a rather long name" in chips
    assert any(chip.startswith("since ") for chip in chips)
    assert page.evaluate("() => new URLSearchParams(location.search).get('words')") == "person at the yard or store last 3 hours"
    page.click(".meaning:has-text('Camera')")
    page.wait_for_selector(".event-card[data-id^=gate]")
    assert page.input_value("[name=words]") == "person at the or last 3 hours"
    page.reload()
    page.wait_for_function("() => document.querySelectorAll('.meaning').length === 2")
    page.click("#clear")
    page.wait_for_selector("#understood", state="hidden")
    page.fill("[name=words]", "no unicorn")
    page.press("[name=words]", "Enter")
    page.wait_for_selector("text=No event fits these filters")
    page.wait_for_selector("#understood:has-text('Left out: no')")
    assert not problems(page)


def test_an_event_shows_where_its_person_was_seen_since(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    ids = server.add_events(3, time.time() - 120)
    looks, events = EventEmbeddings(server.database), EventRepository(server.database)
    for event_id in ids:
        looks.save(event_id, Embedding("person_reid@1", np.full(4, 0.5, np.float32)))
    for event_id in ids[:2]:
        stored = events.get(Scope.everything(), event_id)
        assert stored is not None
        alone = replace(stored.event, incident=replace(stored.event.incident, track_ids=(1,)))
        Sightings(server.database).find(alone, {"gate", "yard", "dock", stored.event.camera_id}, 700.0, 0.8, time.time())
    page = tab(server).open(f"/events/{ids[0]}")
    page.wait_for_selector("h3:has-text('Seen since')")
    assert page.locator(".alike a").first.get_attribute("href") == f"/events/{ids[1]}"
    assert "Told as well" in page.inner_text(".alike")  # the site has a sink, which is to be told of past events, too
    page.click(".alike a")
    page.wait_for_selector("h3:has-text('One alarm with')")
    assert "The first alarm" in page.inner_text(".alike")
    assert not problems(page)
    page = tab(server).open(f"/events/{ids[2]}")
    page.wait_for_selector(".history li")
    assert page.locator(".alike").count() == 0


def test_who_looks_alike_is_found_again(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    ids = server.add_events(12, time.time() - 120)
    looks, dice = EventEmbeddings(server.database), np.random.default_rng(3)
    wanted = dice.normal(size=64).astype(np.float32)
    for number, event_id in enumerate(ids[:9]):
        look = wanted + number * 0.2 * dice.normal(size=64).astype(np.float32)
        looks.save(event_id, Embedding("person_reid@1", look / np.linalg.norm(look)))
    page = tab(server).open(f"/events/{ids[0]}")
    page.click("button:has-text('Find again')")
    page.wait_for_selector(".alike li")
    assert page.locator(".alike a").first.get_attribute("href") == f"/events/{ids[1]}"
    assert "8 events with a person were compared." in page.inner_text(".pane")
    assert not problems(page)
    page.click(".alike a >> nth=0")
    page.wait_for_selector(f".detail >> text={ids[1]}")
    page = tab(server).open(f"/events/{ids[11]}")
    page.wait_for_selector(".history li")
    assert page.locator("button:has-text('Find again')").count() == 0
