"""A stranger's first minutes with the whole product: account, camera, live picture, event, clip. Nothing here is a fake."""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import PHONE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import PASSWORD
from tests.e2e.running_site import RunningSite

PLAYS = (
    "() => { const video = document.querySelector('video'); return video && video.readyState >= 2 && video.duration > 1 && !video.error; }"
)


def test_from_nothing_to_a_clip(tmp_path: Path, tab: MakeTab) -> None:
    with RunningSite(tmp_path / "home") as site:
        made = tab(site, None)
        made.allow += ["status of 401", "ERR_CONNECTION_REFUSED"]  # a stranger at first; and the site ends before the tab does
        made.page.set_default_timeout(30_000)
        page = made.open("/")
        page.wait_for_url("**/setup")
        page.fill("#username", "admin")
        page.fill("#password", PASSWORD)
        page.click("#submit")
        page.wait_for_selector("text=Add your first camera")
        page.goto(f"{made.url}/cameras/new")
        page.wait_for_selector("text=Test before you save")
        page.fill("#source", "rtsp://127.0.0.1:9/nobody")
        page.click("#test")
        page.wait_for_selector(".verdict.bad")
        assert "refused" in page.inner_text("#result")
        page.fill("#source", "sim://yard?seed=9&activity=3")
        page.fill("#name", "Back yard")
        page.click("#test")
        page.wait_for_selector(".verdict.good")
        page.wait_for_function("() => document.querySelector('#result img').naturalWidth > 100")
        page.click("#save")
        page.wait_for_selector(".tile[data-id=back-yard] .picture[data-frames]")
        assert problems(page) == []
        page.wait_for_selector("#ticker-list a", timeout=60_000)
        event = site.wait_for(lambda: _with_clip(page, made.url), 60, "an event has its clip")
        page.goto(f"{made.url}/events/{event}")
        page.click("[role=tab]:has-text('Clip'), button:has-text('Clip')")
        page.wait_for_function(PLAYS)
        assert problems(page) == []
        phone = tab(site, None, PHONE)
        phone.allow += made.allow
        phone.page.context.add_cookies(page.context.cookies())
        small = phone.open("/")
        small.wait_for_selector(".tile[data-id=back-yard] .picture[data-frames]")
        assert problems(small) == []


def _with_clip(page: object, url: str) -> str | None:
    events = page.request.get(f"{url}/api/v1/events").json()["events"]  # type: ignore[attr-defined]  # a playwright page
    return next((str(event["event_id"]) for event in events if event["has_clip"]), None)
