"""A long list of events is scrolled through without a gap."""

from __future__ import annotations

import time
from collections.abc import Callable

from panops.domain.clock import SystemClock
from panops.domain.events import EvidenceKind
from panops.storage.evidence import EvidenceStore
from panops.testing.moving_scene import MovingScene
from tests.browser.conftest import MakeTab
from tests.browser.site import SiteServer

COUNT = 500
# To the end, a screen every other frame; what has no card on the screen although there are events is a gap.
FLY = """
async () => {
  const scroller = document.querySelector('#scroll'), frame = () => new Promise(requestAnimationFrame);
  const seen = new Set();
  const below = () => scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop > 2;
  let gaps = 0;
  while (!document.querySelector('#end').textContent.includes('No older events') || below()) {
    scroller.scrollTop += scroller.clientHeight * 0.8;
    await frame();
    await frame();
    const box = scroller.getBoundingClientRect();
    const cards = [...document.querySelectorAll('.event-card[data-id]')];
    for (const card of cards) seen.add(card.dataset.id);
    if (!cards.some((card) => card.getBoundingClientRect().bottom > box.top && card.getBoundingClientRect().top < box.bottom)) gaps += 1;
  }
  return { cards: seen.size, gaps, inDocument: document.querySelectorAll('.event-card').length };
}
"""


def test_flying_through_a_long_list(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    newest_s = time.time() - 60
    ids = server.add_events(COUNT, newest_s, every_s=120)
    evidence = EvidenceStore(server.database, server.home / "evidence", SystemClock())
    picture = MovingScene("gate").jpeg(newest_s, (854, 480))
    for name in ids[8:]:
        evidence.add_bytes(name, EvidenceKind.SNAPSHOT, picture, newest_s, newest_s)
    page = tab(server).open("/events")
    page.wait_for_selector(".event-card img")
    page.set_default_timeout(60_000)
    told = page.evaluate(FLY)
    assert (told["cards"], told["gaps"]) == (COUNT, 0)
    assert told["inDocument"] < 100, "what is far from the screen is not in the document"
    page.wait_for_function("() => [...document.querySelectorAll('.event-card img')].some((image) => image.naturalWidth > 0)")
    page.wait_for_selector(f".event-card[data-id='{ids[-1]}'] img")
