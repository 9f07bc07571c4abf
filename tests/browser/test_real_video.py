"""Video of a real camera through the whole product: RTSP server, shard, supervisor, socket, player. Nothing here is a fake."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import Page

from panops.testing.films import make_film
from panops.testing.load_cameras import LoadCamera, LoadCameras
from tests.browser.conftest import MakeTab
from tests.browser.site import PASSWORD
from tests.e2e.running_site import RunningSite

SITE = """
cameras:
  gate: {{name: North gate, source: "{sub}", record_source: "{main}"}}
"""
PLAYS = """(least) => {
  const [video, picture] = [document.querySelector('.view video'), document.querySelector('.view .picture')];
  return video && !video.hidden && picture.dataset.shows === 'video' && Number(picture.dataset.videoFrames) >= least;
}"""


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_cameras_own_streams_play_close_to_the_present(tmp_path: Path, tab: MakeTab) -> None:
    sub = make_film(tmp_path / "sub.mp4", count=40, rate_fps=10, gop=20, size_wh=(640, 360))
    main = make_film(tmp_path / "main.mp4", count=100, rate_fps=25, gop=50, size_wh=(1280, 720))
    with LoadCameras([LoadCamera("/sub", sub, 10.0), LoadCamera("/main", main, 25.0)]) as cameras:
        file = tmp_path / "site.yaml"
        file.write_text(SITE.format(sub=cameras.url("/sub"), main=cameras.url("/main")))
        with ExitStack() as ending:
            site = RunningSite(tmp_path / "home", str(file))
            site.start(300)
            ending.callback(site.http.close)
            ending.callback(site.stop)
            made = tab(site, None)
            made.allow += ["status of 401", "ERR_CONNECTION_REFUSED"]  # a stranger at first; and the site ends before the tab does
            page = made.page
            page.set_default_timeout(180_000)
            made.open("/setup")
            page.fill("#username", "admin")
            page.fill("#password", PASSWORD)
            page.click("#submit")
            page.wait_for_url(f"{site.url}/")
            page.goto(f"{site.url}/cameras/gate")
            page.wait_for_function(PLAYS, arg=30)
            assert size(page) == [640, 360]
            assert late_ms(page, "sub") < 3000
            before = cameras.counts()["/main"].viewers
            page.click("#showing [data-show=main]")
            page.wait_for_function("() => document.querySelector('.view video').videoWidth === 1280")
            page.wait_for_function(PLAYS, arg=80)
            assert (before, cameras.counts()["/main"].viewers) == (0, 1), "the main stream is connected to while somebody watches"
            assert late_ms(page, "main") < 3000
            metrics = page.request.get(f"{site.url}/metrics").text()
            pictures, cpu_s = (
                figure(metrics, "panops_video_pictures_total"),
                figure(metrics, 'panops_stage_cpu_seconds_total{stage="video"}'),
            )
            print(f"{pictures:.0f} pictures, {1000 * cpu_s / pictures:.3f} ms of the shard's CPU time each")  # noqa: T201 - as below
            assert pictures > 110
            page.click("#showing [data-show=pictures]")
            site.wait_for(lambda: cameras.counts()["/main"].viewers == 0, 60, "nobody watches any more")


def figure(metrics: str, name: str) -> float:
    """A figure of `/metrics`."""
    return next(float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.startswith(name))


def size(page: Page) -> list[int]:
    found: list[int] = page.evaluate(
        "() => { const video = document.querySelector('.view video'); return [video.videoWidth, video.videoHeight]; }"
    )
    return found


def late_ms(page: Page, name: str) -> float:
    """How long after its capture a picture is shown: the median of what was looked at over some seconds."""
    seen: list[float] = []
    for _ in range(20):
        page.wait_for_timeout(250)
        seen.append(float(page.get_attribute(".view .picture", "data-delay-ms") or "inf"))
    print(f"{name}: median {median(seen):.0f} ms, worst {max(seen):.0f} ms")  # noqa: T201 - the figure of docs/web.md
    return median(seen)
