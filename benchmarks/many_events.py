"""The page of events over a real database of 100,000 of them, in Chromium; figures as JSON.

Run it as `python -m benchmarks.many_events [FOLDER]`; FOLDER should lie on the disk that counts. It needs the extra `test`, and chromium.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.machine import describe
from panops.domain.clock import SystemClock
from panops.domain.events import Event, EventPhase, EvidenceKind, Incident, Severity
from panops.storage.events import EventRepository, ReviewStatus
from panops.storage.evidence import EvidenceStore
from panops.storage.scope import Role, Scope
from panops.testing.moving_scene import MovingScene
from tests.browser.conftest import FLAGS, WIDE, chromium_path
from tests.browser.site import KINDS, PASSWORD, SITE, SiteServer

COUNT = 100_000
EVERY_S = 30.0
PICTURED = 2200  # more than are scrolled over
ASKED = 50
OPENED = 9
CARDS = 2000
# Told in the page itself, from the navigation on: no round trip of the test's own is in it.
FIRST_CARD = """
new MutationObserver((_, watch) => {
  if (!document.querySelector('.event-card[data-id]')) return;
  watch.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.firstCard = performance.now(); }));
}).observe(document, {childList: true, subtree: true});
"""
# Scrolls on by most of a screen every other frame. A gap: a part of the list's screen that has no card although older events exist.
SCROLL = """
async (cards) => {
  const scroller = document.querySelector('#scroll'), frame = () => new Promise(requestAnimationFrame);
  const seen = new Set(), waits = [], longest = { frame: 0 };
  let last = performance.now(), gaps = 0, looks = 0;
  const began = last;
  performance.clearResourceTimings();
  performance.setResourceTimingBufferSize(100000);
  while (seen.size < cards && performance.now() - began < 120000) {
    const before = scroller.scrollTop;
    scroller.scrollTop += scroller.clientHeight * 0.8;
    await frame();
    await frame();
    const now = performance.now();
    longest.frame = Math.max(longest.frame, (now - last) / 2);
    last = now;
    const box = scroller.getBoundingClientRect();
    const boxes = [...document.querySelectorAll('.event-card[data-id]')].map((card) => [card.dataset.id, card.getBoundingClientRect()]);
    for (const [id] of boxes) seen.add(id);
    looks += 1;
    const shown = boxes.filter(([, one]) => one.bottom > box.top && one.top < box.bottom);
    const atEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 2;
    if (!shown.length || (!atEnd && Math.max(...shown.map(([, one]) => one.bottom)) < box.bottom - 120)) gaps += 1;
    if (scroller.scrollTop === before) {
      const from = performance.now();
      const height = scroller.scrollHeight;
      while (scroller.scrollHeight === height && performance.now() - from < 10000) await frame();
      waits.push(performance.now() - from);
      last = performance.now();
    }
  }
  const nodes = document.querySelectorAll('.event-card').length;
  const seconds = (performance.now() - began) / 1000;
  const pictures = performance.getEntriesByType('resource').filter((one) => one.initiatorType === 'img').length;
  return { cards: seen.size, seconds, pictures_asked: pictures, looks, gaps, longest_frame_ms: longest.frame, waits: waits.length,
    longest_wait_ms: Math.max(0, ...waits), cards_in_document: nodes };
}
"""


def fill(server: SiteServer, newest_s: float) -> float:
    """Store the events, a tenth of them judged, one in twenty suppressed; how long it took, s."""
    dice, repository, began_s = random.Random(5), EventRepository(server.database), time.monotonic()
    made: list[Event] = []
    for number in range(COUNT):
        camera, rule, kind, zone, severity, details = KINDS[dice.randrange(len(KINDS))]
        start_s = newest_s - number * EVERY_S - dice.random() * 20
        incident = Incident(
            str(number), EventPhase.END, kind, "person", zone, (number,), dice.random(), start_s, start_s + 9, start_s + 9,
            (0.4, 0.3, 0.5, 0.7), details,
        )  # fmt: skip
        event = Event(f"{camera}-1-{number:06d}", camera, rule, severity, incident)
        made.append(replace(event, severity=Severity.INFO) if number % 50 == 0 else event)
    for first in range(0, COUNT, 2000):
        repository.save(made[first : first + 2000])
    names = [event.event_id for event in made]
    for first, status in ((7, ReviewStatus.FALSE_ALARM), (13, ReviewStatus.ACKNOWLEDGED)):
        for part in range(first, COUNT, 20 * 500):
            repository.review_all(Scope.everything(), names[part : part + 10_000 : 20], status=status, user="ada", at_s=newest_s)
    evidence = EvidenceStore(server.database, server.home / "evidence", SystemClock())
    picture = MovingScene("gate").jpeg(newest_s, (854, 480))
    for event in made[:PICTURED]:
        evidence.add_bytes(event.event_id, EvidenceKind.SNAPSHOT, picture, newest_s, newest_s)
    return time.monotonic() - began_s


def spread(taken_s: list[float], **more: float) -> dict[str, float]:
    """Median and 95th percentile, ms."""
    ordered = sorted(1000 * one for one in taken_s)
    return {**more, "p50_ms": round(statistics.median(ordered), 1), "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 1)}


def deep_cursor(client: httpx.Client, pages: int) -> str:
    """The cursor after so many pages of 500."""
    cursor = ""
    for _ in range(pages):
        answer = client.get("/api/v1/events", params={"limit": 500, "cursor": cursor} if cursor else {"limit": 500})
        cursor = answer.json()["next_cursor"]
    return cursor


def api_figures(server: SiteServer) -> dict[str, dict[str, float]]:
    """How long answers take, over HTTP; each kind by a caller of its own, for there is a limit for each."""

    def caller(name: str) -> httpx.Client:
        token = server.accounts.create_token(name, Role.ADMIN, None)
        return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False)

    wanted: dict[str, tuple[str, dict[str, Any]]] = {
        "first page": ("/api/v1/events", {"limit": 60}),
        "a page after 25000": ("/api/v1/events", {"limit": 60, "cursor": deep_cursor(caller("walker one"), 50)}),
        "last pages": ("/api/v1/events", {"limit": 60, "cursor": deep_cursor(caller("walker two"), 55)}),
        "one camera": ("/api/v1/events", {"limit": 60, "camera": "yard"}),
        "kind and class": ("/api/v1/events", {"limit": 60, "kind": "line_crossing", "class": "person"}),
        "false alarms": ("/api/v1/events", {"limit": 60, "status": "false_alarm"}),
        "text": ("/api/v1/events", {"limit": 60, "text": "way-in"}),
        "a question": ("/api/v1/events", {"limit": 60, "words": "person at the yard last night"}),
        "a question for a fact": ("/api/v1/events", {"limit": 60, "words": "line crossed a to b at the yard"}),
        "a question about a word that is nowhere": ("/api/v1/events", {"limit": 60, "words": "unicorn at the yard"}),
        "a class that nobody has": ("/api/v1/events", {"limit": 60, "class": "unicorn"}),
        "new ones": ("/api/v1/events/new", {}),
        "counts": ("/api/v1/events/counts", {}),
        "counts of a day": ("/api/v1/events/counts", {"since": time.time() - 86400}),
    }
    found = {}
    for name, (path, params) in wanted.items():
        with caller(name) as client:
            client.get(path, params=params).raise_for_status()
            taken: list[float] = []
            began_cpu_s = time.process_time()
            for _ in range(ASKED):
                began_s = time.perf_counter()
                client.get(path, params=params).raise_for_status()
                taken.append(time.perf_counter() - began_s)
            # Server and client are one process: what a busy machine cannot stretch.
            found[name] = spread(taken, cpu_ms=round(1000 * (time.process_time() - began_cpu_s) / ASKED, 1))
    return found


def opened(context: BrowserContext, address: str) -> dict[str, float]:
    """From the navigation to the first cards on the screen; the first time without a cache."""
    page, taken = context.new_page(), []
    for _ in range(OPENED):
        page.goto("about:blank")
        # One caller may search five times a second for ever, and each visit asks several times. Nor is a new tab's own work to be
        # measured: Chromium loads scripts of its own for each.
        time.sleep(2)
        page.goto(address)
        page.wait_for_function("() => window.firstCard")
        taken.append(float(page.evaluate("() => window.firstCard")) / 1000)
    page.close()
    return {"first_visit_ms": round(1000 * taken[0], 1), **spread(taken[1:])}


def scrolled(page: Page, address: str) -> dict[str, float]:
    """Two thousand cards under the pointer."""
    page.goto(address)
    page.wait_for_selector(".event-card[data-id]")
    told: dict[str, float] = page.evaluate(SCROLL, CARDS)
    return {name: round(value, 1) for name, value in told.items()}


def page_figures(server: SiteServer, browser: Browser) -> dict[str, Any]:
    """What a person waits for."""
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
    context.add_init_script(FIRST_CARD)
    context.request.post(f"{server.url}/api/v1/session", data={"username": "ada", "password": PASSWORD})
    measured: dict[str, Callable[[], dict[str, float]]] = {
        "opens": lambda: opened(context, f"{server.url}/events"),
        "opens with a filter": lambda: opened(context, f"{server.url}/events?camera=yard&status=false_alarm"),
        "scrolls": lambda: scrolled(context.new_page(), f"{server.url}/events"),
    }
    return {name: work() for name, work in measured.items()}


def measure(folder: Path) -> dict[str, Any]:
    """All figures."""
    server = SiteServer(folder, SITE.partition("alerts:")[0])  # a delivery for each event would only be in the way
    try:
        filled_s = fill(server, time.time() - 60)
        server.start()
        figures: dict[str, Any] = {"machine": describe(), "events": COUNT, "filled_s": round(filled_s, 1), "api": api_figures(server)}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
            figures["page"] = page_figures(server, browser)
            browser.close()
        return figures
    finally:
        server.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as made:
        sys.stdout.write(json.dumps(measure(Path(made)), indent=2) + "\n")
