"""The live wall: pictures, boxes, states, one large, only what is seen, events as they happen, a server that goes away."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from panops.pipeline.live import CameraState, SystemNotice
from tests.browser.conftest import PHONE, MakeTab
from tests.browser.site import BAD_NAME, SiteServer

# How bright and how varied the middle of a tile's picture is: a black or empty canvas has no spread.
SPREAD = """
(id) => {
  const from = document.querySelector(`.tile[data-id=${id}] .pixels`);
  const to = new OffscreenCanvas(64, 36).getContext("2d", { willReadFrequently: true });
  to.drawImage(from, 0, 0, 64, 36);
  const grey = [...to.getImageData(0, 0, 64, 36).data].filter((_, at) => at % 4 === 1);
  return Math.max(...grey) - Math.min(...grey);
}
"""
HIDE = """(value) => {
  Object.defineProperty(document, 'hidden', { value, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
BOXES = "(id) => Number(document.querySelector(`.tile[data-id=${id}] .over`).dataset.boxes ?? 0)"


def wait_live(page: Page, camera: str = "gate", frames: int = 2) -> None:
    page.wait_for_function(
        "([id, frames]) => Number(document.querySelector(`.tile[data-id=${id}] .picture`)?.dataset.frames) >= frames", arg=[camera, frames]
    )


def test_pictures_move_and_boxes_can_be_switched(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/")
    wait_live(page, frames=4)
    assert page.evaluate(SPREAD, "gate") > 40
    assert page.evaluate(BOXES, "gate") == 3
    page.click("#toggle-boxes")
    page.wait_for_function("() => document.querySelector('.tile[data-id=gate] .over').dataset.boxes === '0'")
    page.reload()
    wait_live(page)
    assert page.get_attribute("#toggle-boxes", "aria-pressed") == "false", "the choice is remembered"
    page.keyboard.press("b")
    page.wait_for_function("() => document.querySelector('.tile[data-id=gate] .over').dataset.boxes === '3'")


def test_states_are_told_in_words(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/")
    wait_live(page)
    assert page.inner_text(".tile[data-id=gate] .state").strip() == "Live"
    store = page.inner_text(".tile[data-id=store] .message")
    assert "Unreachable" in store
    assert "it is tried again in 8 s" in store
    assert "Wrong password" in page.inner_text(".tile[data-id=dock] .message")
    assert "Switched off" in page.inner_text(".tile[data-id=spare] .message")
    assert (
        page.get_attribute(".tile[data-id=dock]", "aria-label")
        == "Loading dock: Wrong password. The camera refuses the user name or password."
    )
    assert page.inner_text("#summary").split() == ["7", "cameras", "4", "live", "2", "down"]
    assert page.inner_text("#detector").startswith("Detector:")
    site.tell(lambda: site.live.set_state("street", CameraState.FROZEN, "the same picture for 63 s"))
    page.wait_for_selector(".tile[data-id=street][data-state=frozen] .message:has-text('Frozen picture')")
    site.tell(lambda: site.live.set_state("street", CameraState.LIVE))
    page.wait_for_selector(".tile[data-id=street][data-state=live]")
    site.tell(lambda: site.live.announce(SystemNotice("storage", "warning", "the disk is nearly full")))
    page.wait_for_selector("#notices .notice.warning:has-text('The disk is nearly full.')")
    site.tell(lambda: site.live.announce(SystemNotice("storage", "info", "there is space again")))
    page.wait_for_selector("#notices .notice", state="detached")


def test_one_camera_large_and_back_by_keyboard_and_only_it_is_sent(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/")
    wait_live(page)
    assert {camera for camera, _ in server.live.wishes()} == {"gate", "yard", "street", "store", "dock", "odd"}
    page.focus(".tile[data-id=gate]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".big .tile[data-id=gate]")
    page.wait_for_timeout(400)
    assert server.live.wishes() == {("gate", "l"): 10.0}
    assert page.eval_on_selector_all(".tile[data-id]", "nodes => nodes.filter((node) => node.checkVisibility()).length") == 1
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".big .tile[data-id=store]")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    page.wait_for_selector(".tile[data-id=street]:visible")
    assert page.evaluate("() => document.activeElement.dataset.id") == "gate"
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement !== null")
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement === null")


def test_only_tiles_on_the_screen_are_sent_and_none_while_hidden(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    page = tab(server, size=(390, 500)).open("/")
    page.click("#grids [data-columns='1']")
    page.wait_for_timeout(500)
    first = {camera for camera, _ in server.live.wishes()}
    assert 1 <= len(first) <= 3
    page.evaluate("() => document.getElementById('layout').scrollTo(0, 1e6)")
    page.wait_for_timeout(500)
    last = {camera for camera, _ in server.live.wishes()}
    assert last
    assert not last & first
    page.evaluate(HIDE, True)
    page.wait_for_timeout(400)
    assert server.live.wishes() == {}
    page.evaluate(HIDE, False)
    page.wait_for_timeout(400)
    assert {camera for camera, _ in server.live.wishes()} == last


def test_a_server_that_stops_marks_every_tile_and_comes_back(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    made = tab(server)
    made.allow += ["WebSocket connection", "ERR_CONNECTION", "Failed to load resource"]
    page = made.open("/")
    wait_live(page)
    server.stop()
    page.wait_for_selector("#connection.red")
    states = page.eval_on_selector_all(".tile[data-id]", "nodes => nodes.map((node) => node.classList.contains('stale'))")
    assert all(states), "nothing may look live without a connection"
    assert "Stale" in page.inner_text(".tile[data-id=gate] .message")
    assert page.evaluate(BOXES, "gate") == 0
    server.start()
    page.wait_for_selector("#connection.green", timeout=12000)
    page.wait_for_selector(".tile[data-id=gate][data-state=live]:not(.stale)")


def test_an_event_is_shown_on_its_tile_and_in_the_list(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/")
    wait_live(page)
    page.wait_for_selector("#ticker-list >> text=No events yet")
    event_id = server.ask(lambda: server.live.raise_event("gate"))
    page.wait_for_selector(f"#ticker-list a[href='/events/{event_id}'] img")
    page.wait_for_selector("#new-events:has-text('1')")
    page.click(f"#ticker-list a[href='/events/{event_id}']")
    page.wait_for_selector(".detail >> text=Why it alarmed")


def test_an_event_that_is_believed_after_a_while_is_read_out_once(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/")
    wait_live(page)
    page.evaluate(
        """() => {
          window.read = [];
          const place = document.getElementById("announce");
          const note = () => window.read.push(place.textContent);
          new MutationObserver(note).observe(place, {childList: true, characterData: true, subtree: true});
        }"""
    )
    event = server.ask(lambda: server.live.begin_event("gate", so_far_s=9.0))
    page.wait_for_function("() => window.read.length > 0")
    page.wait_for_timeout(500)
    server.ask(lambda: server.live.end_event(event))
    page.wait_for_selector(f"#ticker-list a[href='/events/{event.event_id}'] img")
    read = page.evaluate("() => window.read")
    assert len(read) == 1
    assert read[0].startswith("Intrusion, ")


def test_a_camera_that_is_added_or_removed_changes_the_wall(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/")
    wait_live(page)
    origin = {"Origin": server.url}
    added = page.request.put(f"{server.url}/api/v1/cameras/new", data={"source": "sim://yard", "name": "Brand new"}, headers=origin)
    assert added.status == 201
    page.wait_for_selector(".tile[data-id=new] .picture[data-frames]", timeout=9000)
    assert page.request.delete(f"{server.url}/api/v1/cameras/new", headers=origin).status == 204
    page.wait_for_selector(".tile[data-id=new]", state="detached", timeout=9000)


FITS = "() => { const box = document.getElementById('scroll'); return box.scrollHeight <= box.clientHeight; }"
WAYS = "() => ['.add-tile', '#add'].filter((name) => document.querySelector(name)?.checkVisibility())"


def test_all_cameras_and_the_way_to_add_one_fit_on_the_screen(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    for count, way in ((1, "#add"), (4, "#add"), (5, ".add-tile"), (6, "#add"), (7, ".add-tile"), (12, "#add")):
        cameras = "".join(f"  cam{number}: {{source: 'sim://yard'}}\n" for number in range(count))
        server = make_site(f"cameras:\n{cameras}")
        page = tab(server).open("/")
        page.wait_for_selector(f".tile[data-id=cam{count - 1}]")
        page.wait_for_selector("#connection.green")
        assert page.evaluate(WAYS) == [way], count
        assert page.evaluate(FITS), count
        page.click(way)
        page.wait_for_url("**/cameras/new")
        page.context.close()


def test_on_a_phone_the_way_to_add_a_camera_is_the_last_tile(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, size=PHONE).open("/")
    page.wait_for_selector(".tile[data-id=odd]")
    assert page.evaluate(WAYS) == [".add-tile"]
    page = tab(site, "vera").open("/")
    page.wait_for_selector(".tile[data-id=odd]")
    assert page.evaluate(WAYS) == []


def test_names_are_text(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, "vera", PHONE).open("/")
    page.wait_for_selector(".tile[data-id=odd]")
    assert page.inner_text(".tile[data-id=odd] .name") == BAD_NAME
    assert page.query_selector("img[src='x']") is None
    assert page.query_selector(".add-tile") is None, "only administrators add cameras"
