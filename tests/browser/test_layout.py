"""Every page at 390 and 1600 px, dark and light: sizes, overlaps, targets, names, no error, no policy violation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import PHONE, WIDE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import SiteServer

PAGES = {
    "wall": ("/", ".tile[data-state=live] .picture[data-frames]"),
    "events": ("/events", ".event-card img"),
    "event": ("/events/gate-0-00000", ".stage img"),
    "cameras": ("/cameras", ".camera-card:nth-child(7) .tile[data-state]"),
    "camera": ("/cameras/gate", ".picture[data-frames]"),
    "new camera": ("/cameras/new", "#result .empty"),
    "edit camera": ("/cameras/gate/edit", "#title:has-text('North gate')"),
    "zones": ("/cameras/gate/zones", ".drawing .shape .name"),
    "rules": ("/rules", "[data-rule=night]"),
    "rule": ("/rules/night", "#fields [data-field=schedule]"),
    "new rule": ("/rules/new", "#fields [data-field=schedule]"),
    "suggestions": ("/suggestions", "#suggestions .empty"),
    "compliance": ("/compliance", "#rows tr:nth-child(4)"),
    "areas": ("/cameras/gate/areas", "#rows tr:nth-child(3)"),
    "alerts": ("/alerts", "#log tr[data-delivery]:nth-child(3)"),
    "account": ("/account", "#sessions tr"),
    "people": ("/people", "#known [data-id]:nth-child(3)"),
    "users": ("/users", "#users tr[data-user=vera]"),
    "audit": ("/audit", "#log tr:nth-child(1) td:nth-child(2)"),
    "models": ("/models", ".frames li:nth-child(3) img"),
    "system": ("/system", "tbody tr:nth-child(7)"),
}


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
@pytest.mark.parametrize("name", PAGES)
def test_the_boxes_of_a_page(name: str, size: tuple[int, int], site: SiteServer, tab: MakeTab) -> None:
    path, ready = PAGES[name]
    page = tab(site, size=size).open(path)
    page.wait_for_selector(ready)
    page.wait_for_selector("#connection.green", state="attached")
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    assert problems(page) == []
    dark = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    page.click("text=Account")
    page.click("#theme")
    page.keyboard.press("Escape")
    assert page.evaluate("() => document.documentElement.dataset.theme") == "light"
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") != dark
    assert problems(page) == []


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_the_boxes_of_the_sign_in_and_missing_pages(size: tuple[int, int], site: SiteServer, tab: MakeTab) -> None:
    made = tab(site, None, size, "light")
    page = made.open("/login")
    assert page.evaluate("() => document.documentElement.dataset.theme") == "light", "kept over a visit, without a flash"
    assert problems(page) == []
    made.allow.append("404")
    page = made.open("/no/such/page")
    assert page.inner_text("h1") == "There is no page at this address"
    assert problems(page) == []


FILLED = """
() => {
  const room = document.getElementById('scroll').getBoundingClientRect();
  const boxes = [...document.querySelectorAll('.tile[data-id]')].map((node) => node.getBoundingClientRect());
  const inside = boxes.every((box) => box.bottom <= room.bottom + 1 && box.right <= room.right + 1);
  const wide = boxes.every((box) => Math.abs(box.width / box.height - 16 / 9) < 0.02);
  const share = boxes.reduce((sum, box) => sum + box.width * box.height, 0) / (room.width * room.height);
  return { inside, wide, share, columns: boxes.filter((box) => box.top === boxes[0].top).length };
}
"""


@pytest.mark.parametrize(
    ("count", "least"), [(1, 0.75), (2, 0.5), (3, 0.5), (5, 0.6), (6, 0.72), (7, 0.6), (8, 0.68), (9, 0.75), (12, 0.7), (20, 0.7)]
)
def test_the_auto_grid_fills_the_screen(count: int, least: float, make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    lines = [f"  cam{number}: {{source: 'sim://yard'}}" for number in range(count)]
    page = tab(make_site("\n".join(["cameras:", *lines])), "vera").open("/")
    page.wait_for_selector(f".tile[data-id=cam{count - 1}]")
    page.wait_for_selector("#grids [data-columns=auto][aria-pressed=true]")
    for ticker in (True, False):
        if not ticker:
            page.click("#toggle-ticker")
            page.wait_for_timeout(150)
        filled = page.evaluate(FILLED)
        assert filled["inside"], "no scrolling"
        assert filled["wide"]
        assert filled["share"] > least - (0 if ticker else 0.15), filled
    assert problems(page) == []
    page.click("#grids [data-columns='4']")
    page.wait_for_selector(".wall[data-columns='4']")
    page.click("#grids [data-columns=auto]")
    page.wait_for_selector(".wall[data-columns=auto]")
    assert page.evaluate(FILLED)["inside"]


def test_the_grids_of_the_wall(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/")
    page.wait_for_selector(".tile[data-id=gate]")
    for columns in (1, 2, 3, 4, 6, 8):
        page.click(f"#grids [data-columns='{columns}']")
        page.wait_for_timeout(60)
        tops = page.eval_on_selector_all(".tile[data-id]", "nodes => nodes.map((node) => Math.round(node.getBoundingClientRect().top))")
        assert tops.count(tops[0]) == min(columns, 7)
        assert problems(page) == []
        height = page.evaluate("() => document.querySelector('.tile').getBoundingClientRect().height")
        room = page.evaluate("() => document.getElementById('scroll').clientHeight")
        assert height * columns <= room + 8, "one screen holds the grid"
    page.reload()
    page.wait_for_selector("#grids [data-columns='8'][aria-pressed=true]")
