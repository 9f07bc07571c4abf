"""Zones are drawn, moved and kept; rules are made of what there is, tried on what was followed, and saved."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from panops.pipeline.look_keeper import LookLog
from panops.storage.look_shelf import LookShelf
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from panops.testing.rule_conformance import Sighting, make_tracks
from tests.browser.conftest import PHONE, WIDE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import SiteServer

MakeSite = Callable[..., SiteServer]


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a share of the picture is on the screen, px."""
    box = page.locator(".drawing").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def draw(page: Page, kind: str, corners: list[tuple[float, float]]) -> None:
    page.click(f"[data-draw={kind}]")
    for corner in corners:
        page.mouse.click(*at(page, *corner))
    page.keyboard.press("Enter")


def open_zones(tab: MakeTab, server: SiteServer, **more: object) -> Page:
    page = tab(server, **more).open("/cameras/gate/zones")
    page.wait_for_selector(".drawing .shape .name")
    page.wait_for_selector(".picture[data-frames]")
    return page


def stored(server: SiteServer) -> dict[str, list[tuple[float, float]]]:
    camera = SiteRepository(server.database).camera(Scope.everything(), "gate")
    assert camera is not None
    return {name: zone.polygon for name, zone in camera.zones.items()} | {name: line.points for name, line in camera.lines.items()}


def keep_looks(server: SiteServer) -> None:
    """Somebody stood left for 20 s ten minutes ago, and right for 20 s five minutes ago."""
    log = LookLog("gate", "1", ("person",), frozenset({"person"}))
    now_s = time.time()
    for number in range(5 * 900):
        since_s = number / 5
        seen = [Sighting(3, 0.25, 0.6)] if 300 <= since_s < 320 else [Sighting(4, 0.75, 0.6)] if 600 <= since_s < 620 else []
        log.note(make_tracks(now_s - 900 + since_s, seen), (640, 360))
    log.write(LookShelf(server.home / "looks"), 0.0, everything=True)


def test_a_zone_is_drawn_a_rule_in_it_is_tried_and_saved(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    keep_looks(server)
    page = open_zones(tab, server)
    draw(page, "zone", [(0.1, 0.2), (0.4, 0.2), (0.4, 0.8), (0.1, 0.8)])
    page.fill("[data-place=zone-1] .input", "left-side")
    page.wait_for_selector("#state:has-text('Not saved')")
    page.click("#save")
    page.wait_for_selector(".toast:has-text('Saved')")
    assert [[round(x, 1), round(y, 1)] for x, y in stored(server)["left-side"]] == [[0.1, 0.2], [0.4, 0.2], [0.4, 0.8], [0.1, 0.8]]
    page.click("[data-place=left-side] a:has-text('Rule for this zone')")
    page.wait_for_selector("#fields [data-field=zone]")
    assert page.input_value("#rule-id") == "gate-left-side-intrusion"
    assert page.input_value("#field-zone") == "left-side"
    page.fill("#field-after_s", "5")
    page.click("#try")
    page.wait_for_selector("#dry-count")
    assert page.inner_text("#dry-count strong") == "1 event"
    page.wait_for_selector(".dry-event[data-track='3'] .dry-over .box")
    assert "false alarms were not asked" in page.inner_text("#dry")
    assert problems(page) == []
    page.select_option("#field-zone", "")
    page.click("#try")
    page.wait_for_selector("#dry-count strong:has-text('2 events')")
    page.fill("#field-after_s", "30")
    page.click("#try")
    page.wait_for_selector("#dry-count strong:has-text('0 events')")
    page.select_option("#field-zone", "left-side")
    page.click("#save")
    page.wait_for_selector("[data-rule=gate-left-side-intrusion]")
    rules = {rule.id: rule for rule in SiteRepository(server.database).load().rules}
    made = rules["gate-left-side-intrusion"]
    assert (made.kind, made.cameras, made.zone, made.after_s) == ("intrusion", ["gate"], "left-side", 30.0)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_a_drawing_is_tried_before_it_is_saved(make_site: MakeSite, tab: MakeTab, size: tuple[int, int]) -> None:
    server = make_site()
    keep_looks(server)
    before = stored(server)
    page = open_zones(tab, server, size=size)
    draw(page, "zone", [(0.1, 0.2), (0.4, 0.2), (0.4, 0.8), (0.1, 0.8)])
    assert page.input_value("#try-rule") == "zone:zone-1", "what was drawn last"
    page.click("#try")
    page.wait_for_selector("#dry-count strong:has-text('1 event')")
    page.wait_for_selector(".dry-event[data-track='3'] .dry-over .zone")
    assert problems(page) == []
    page.fill("[data-place=zone-1] .input", "left")
    assert page.input_value("#try-rule") == "zone:left"
    page.select_option("#try-rule", "rule:night")
    page.click("#try")
    page.wait_for_selector("#dry-count strong:has-text('2 events')")
    # The rule follows the zone as it is drawn now: only the right part of the floor is left.
    page.click("[aria-label='Select floor']")
    for corner in ("0", "3"):
        page.focus(f"[data-corner='{corner}']")
        for _ in range(20):
            page.keyboard.press("Shift+ArrowRight")
    page.select_option("#try-rule", "rule:night")
    page.click("#try")
    page.wait_for_selector("#dry-count strong:has-text('1 event')")
    page.wait_for_selector(".dry-event[data-track='4']")
    assert stored(server) == before, "nothing is stored"
    # A drawing that cannot be saved is not tried either.
    page.fill("[data-place=left] .input", "no good")
    assert page.is_disabled("#try")


def test_corners_are_moved_inserted_and_deleted_and_every_step_is_undone(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = open_zones(tab, server)
    page.click("[aria-label='Select floor']")
    page.wait_for_selector("[data-corner='3']")
    page.mouse.move(*at(page, 0.1, 0.4))
    page.mouse.down()
    page.mouse.move(*at(page, 0.25, 0.2), steps=4)
    page.mouse.up()
    page.click("[data-middle='0']")
    page.wait_for_selector("[data-corner='4']")
    page.focus("[data-corner='2']")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Delete")
    page.wait_for_selector("[data-corner='4']", state="detached")
    page.keyboard.press("Delete")
    page.click("#save")
    page.wait_for_selector(".toast:has-text('Saved')")
    corners = stored(server)["floor"]
    assert len(corners) == 3
    assert abs(corners[0][0] - 0.25) < 0.01
    assert abs(corners[0][1] - 0.2) < 0.01
    for _ in range(6):
        page.click("#undo")
    assert page.is_disabled("#undo")
    page.keyboard.press("Control+y")
    assert not page.is_disabled("#redo")


def test_a_zone_that_crosses_itself_is_shown_at_once_and_not_saved(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = open_zones(tab, server)
    draw(page, "zone", [(0.1, 0.1), (0.5, 0.6), (0.5, 0.1), (0.1, 0.6)])
    page.wait_for_selector(".shape.wrong .cross")
    assert "edges cross" in page.inner_text("[data-place=zone-1]")
    assert page.is_disabled("#save")
    page.keyboard.press("Control+z")
    page.wait_for_selector(".shape.wrong", state="detached")
    assert not page.is_visible("#state")


def test_a_line_shows_its_sides_and_is_drawn_by_keyboard(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = open_zones(tab, server)
    page.click("[data-draw=line]")
    page.keyboard.press("Space")
    for _ in range(10):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_selector(".shape.line .arrow")
    sides = {node.text_content(): node.bounding_box() for node in page.query_selector_all(".shape.line .side")}
    assert sides["A"] is not None
    assert sides["B"] is not None
    assert sides["A"]["y"] < sides["B"]["y"], "walking to the right, A is on the left hand: above"
    page.click("#save")
    page.wait_for_selector(".toast:has-text('Saved')")
    assert stored(server)["line-1"] == [(0.5, 0.5), (0.9, 0.5)]


def test_what_rules_use_is_not_deleted_and_they_follow_a_new_name(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = open_zones(tab, server)
    page.click("[aria-label='Delete floor']")
    page.wait_for_selector("#wrong:has-text('used by the rule night')")
    assert page.locator("[data-place=floor]").count() == 1
    page.fill("[data-place=floor] .input", "no good")
    assert page.is_disabled("#save")
    page.fill("[data-place] .input", "ground-floor")
    page.click("#save")
    page.wait_for_selector(".toast:has-text('Saved')")
    (night,) = [rule for rule in SiteRepository(server.database).load().rules if rule.id == "night"]
    assert night.zone == "ground-floor"


def test_what_is_not_saved_survives_a_restart_and_two_editors_do_not_overwrite_each_other(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    made = tab(server)
    made.allow += ["ERR_", "WebSocket", "412"]
    page = made.open("/cameras/gate/zones")
    page.wait_for_selector(".drawing .shape .name")
    draw(page, "zone", [(0.1, 0.1), (0.3, 0.1), (0.3, 0.3)])
    server.stop()
    page.wait_for_selector("#connection.red")
    page.click("#save")
    page.wait_for_selector("#wrong:has-text('does not answer')")
    server.start()
    page.wait_for_selector("#connection.green", timeout=20000)
    assert page.locator("[data-place=zone-1]").count() == 1
    page.reload()
    page.wait_for_selector(".toast:has-text('Your unsaved drawing is back')")
    page.wait_for_selector("[data-place=zone-1]")
    other = open_zones(tab, server)
    draw(other, "zone", [(0.6, 0.1), (0.8, 0.1), (0.8, 0.3)])
    other.fill("[data-place=zone-1] .input", "theirs")
    other.click("#save")
    other.wait_for_selector(".toast:has-text('Saved')")
    page.click("#save")
    page.wait_for_selector("#wrong:has-text('Somebody else changed this camera')")
    assert "theirs" in stored(server)
    page.click("#wrong button:has-text('Load theirs')")
    page.wait_for_selector("[data-place=theirs]")
    assert not page.is_visible("#state")


def test_zones_are_drawn_by_touch_on_a_phone(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = open_zones(tab, server, size=PHONE)
    page.tap("[data-draw=zone]")
    for corner in [(0.2, 0.2), (0.6, 0.2), (0.6, 0.7), (0.2, 0.2)]:
        page.touchscreen.tap(*at(page, *corner))
    page.wait_for_selector("[data-place=zone-1]")
    assert problems(page) == []


def test_the_ground_is_measured_and_a_speed_rule_uses_it(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = open_zones(tab, server)
    draw(page, "ground", [(0.2, 0.9), (0.8, 0.9), (0.7, 0.5), (0.3, 0.5)])
    page.fill("[aria-label='Corner 2, x in metres']", "8")
    page.press("[aria-label='Corner 2, x in metres']", "Tab")
    page.click("#save")
    page.wait_for_selector(".toast:has-text('Saved')")
    camera = SiteRepository(server.database).camera(Scope.everything(), "gate")
    assert camera is not None
    assert camera.ground is not None
    assert camera.ground.metres[1] == (8.0, 0.0)


def test_rules_are_switched_and_weighed_in_the_list(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/rules")
    page.wait_for_selector("[data-rule=night]")
    page.select_option("[aria-label='Severity of night']", "info")
    page.wait_for_function("() => document.querySelector('[data-rule=night] select').value === 'info'")
    page.uncheck("[aria-label='night is on']")
    page.wait_for_selector("[data-rule=night].off")
    (night,) = [rule for rule in SiteRepository(server.database).load().rules if rule.id == "night"]
    assert (night.severity, night.enabled) == ("info", False)


def test_every_kind_has_a_form_and_faults_stand_at_their_fields(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    made = tab(server)
    made.allow.append("422")
    page = made.open("/rules/new?camera=gate")
    page.wait_for_selector("#fields [data-field=classes]")
    kinds = page.eval_on_selector_all("#kind option", "nodes => nodes.map((node) => node.value)")
    assert len(kinds) >= 14
    for kind in kinds:
        page.select_option("#kind", kind)
        assert page.inner_text("#kind-help"), kind
        assert problems(page) == [], kind
    page.select_option("#kind", "direction")
    page.fill("#field-classes", "")
    page.click("#save")
    page.wait_for_selector("[data-field=classes] .problem")
    page.fill("#field-classes", "person")
    page.click("#save")
    page.wait_for_selector("#wrong:has-text('either along or heading_deg')")
    page.locator(".way-over").scroll_into_view_if_needed()
    box = page.locator(".way-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"], steps=3)
    page.mouse.up()
    assert page.input_value("[aria-label='To, y']") == "0.25"
    page.click("#field-schedule button:has-text('Add a span')")
    page.click("#field-schedule [aria-label=Sunday]")
    page.click("#save")
    page.wait_for_selector("[data-rule=gate-direction]")
    (rule,) = [rule for rule in SiteRepository(server.database).load().rules if rule.id == "gate-direction"]
    assert [[round(value, 2) for value in point] for point in rule.along] == [[0.25, 0.75], [0.75, 0.25]]
    assert (rule.heading_deg, len(rule.schedule), len(rule.schedule[0].days)) == (None, 1, 6)


def test_a_viewer_draws_nothing_and_changes_no_rule(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = tab(server, "vera").open("/cameras/gate/zones")
    page.wait_for_selector("text=Only administrators draw zones")
    page = tab(server, "vera").open("/rules/night")
    page.wait_for_selector("text=Only administrators change rules")
