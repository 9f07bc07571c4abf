"""What the product writes at /metrics is what the bench reads there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest

from panops.api.live_socket import LiveSockets
from panops.api.metrics import register_site
from panops.bench.scrape import CameraCounts, read_scrape
from panops.pipeline.live import CameraState, CameraStatus, LiveSite, ShardFigures
from tests.unit.bench.tallies import latency


class Alerts:
    """The part of a site that tells people, and takes commands."""

    def commands(self) -> Mapping[tuple[str, str], int]:
        return {("home", "taken"): 3}


class Site:
    """A site as `/metrics` sees it."""

    alerts = Alerts()

    def statuses(self) -> list[CameraStatus]:
        gate = CameraStatus(
            "gate",
            CameraState.LIVE,
            packets=500,
            checks=490,
            analysed=120,
            asleep=True,
            woken=7,
            reconnects=2,
            dropped={"stale": 3, "queue_full": 2},
        )
        return [gate, CameraStatus("yard", CameraState.UNREACHABLE, "nothing answers", packets=9)]

    def shards(self) -> list[ShardFigures]:
        first = ShardFigures(0, cpu_s={"decode": 2.0, "detect": 1.5}, check_latency=latency(0.01, 0.02, 0.5), relief=0.25)
        second = ShardFigures(1, cpu_s={"decode": 1.0}, check_latency=latency(0.03), event_latency=latency(0.2, 40.0), relief=0.5)
        return [first, second]

    def metrics(self) -> Mapping[str, float]:
        return {"events_written": 12.0, "shard_restarts": 1.0, "cpu_cores": 0.3}


def test_it_reads_what_is_written() -> None:
    registry = CollectorRegistry()
    register_site(registry, cast("LiveSite", Site()), cast("LiveSockets", Sockets()))
    scrape = read_scrape(generate_latest(registry).decode())
    assert scrape.cameras == {
        "gate": CameraCounts(True, True, 500, 490, 120, 7, 2, Counter(stale=3, queue_full=2)),
        "yard": CameraCounts(False, False, 9, 0, 0, 0, 0, Counter()),
    }
    assert scrape.stages_s == {"decode": 3.0, "detect": 1.5}
    assert (scrape.events, scrape.restarts, scrape.relief) == (12, 1, 0.5)
    assert scrape.check_latency.counts == latency(0.01, 0.02, 0.5, 0.03).counts
    assert scrape.check_latency.sum_s == latency(0.01, 0.02, 0.5, 0.03).sum_s
    assert scrape.event_latency.counts == latency(0.2, 40.0).counts
    assert scrape.woken_latency.count == 0


def test_a_site_that_says_little() -> None:
    scrape = read_scrape("# HELP x y\n# TYPE x gauge\nx 1\n")
    assert scrape.cameras == {}
    assert (scrape.check_latency.count, scrape.events, scrape.relief) == (0, 0, 0.0)


class Sockets:
    """Nobody watches."""

    class Counts:
        batches = pictures = skipped = 0

    counts: Any = Counts()

    def __len__(self) -> int:
        return 0
