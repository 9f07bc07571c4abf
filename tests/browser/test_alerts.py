"""The alerts page: who is told, what was delivered, a test, and an event's own story."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import update

from panops.domain.alerts import DeliveryState
from panops.storage.outbox import Outbox
from panops.storage.scope import Scope
from panops.storage.tables import deliveries
from tests.browser.conftest import PHONE, MakeTab
from tests.browser.site import SiteServer


def test_who_is_told_and_how_that_goes(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, "oscar").open("/alerts")
    page.wait_for_selector("[data-sink=desk] .chip.green:has-text('Fine')")
    page.wait_for_selector("[data-sink=control-room] .chip.red:has-text('Not reached')")
    assert "No answer: Connection refused." in page.inner_text("[data-sink=control-room] .note")
    assert page.inner_text("[data-sink=boss] .chip") == "Switched off"
    assert page.locator("text=Send a test").count() == 0  # that is for administrators
    assert "t0psecret" not in page.content()
    page.wait_for_selector("#log tr[data-delivery]")
    page.select_option("#which", "desk")
    page.wait_for_function("() => [...document.querySelectorAll('#log tr td:nth-child(2)')].every((cell) => cell.textContent === 'desk')")
    assert page.inner_text("#log tr:first-child .chip") == "Sent"
    page.click("#log tr:first-child a")
    page.wait_for_selector(".history li:has-text('was told that it began')")


def test_viewers_are_told_whom_to_ask(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, "vera").open("/alerts")
    page.wait_for_selector("text=This page is for operators")
    assert page.locator(".rail a[href='/alerts']").is_hidden()


def test_a_test_and_sending_again(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    server.ask(lambda: server.live.raise_event("yard", "way-in", "line_crossing"))
    page = tab(server, size=PHONE).open("/alerts")
    page.wait_for_selector("#log tr:has-text('desk') .chip.green")
    page.click("[data-sink=desk] >> text=Send a test")
    page.wait_for_selector(".toast:has-text('desk has the test: written')")
    page.click("[data-sink=control-room] >> text=Send a test")
    page.wait_for_selector(".toast.red:has-text('control-room does not have the test: no answer')")
    outbox = Outbox(server.database)
    (sent,) = outbox.log(Scope.everything(), sink_id="desk")
    with server.database.session() as connection:
        connection.execute(update(deliveries).where(deliveries.c.delivery_id == sent.delivery_id).values(state=DeliveryState.DEAD.value))
    page.reload()
    page.wait_for_selector("#log tr:has-text('desk') .chip.red:has-text('Given up')")
    page.click("#log tr:has-text('desk') >> text=Send again")
    page.wait_for_selector("#log tr:has-text('desk') .chip.green")


def test_nobody_is_told(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site("cameras: {gate: {source: 'sim://yard'}}")
    page = tab(server).open("/alerts")
    page.wait_for_selector("text=Nobody is told of events yet")
    page.wait_for_selector("text=Nothing yet")
