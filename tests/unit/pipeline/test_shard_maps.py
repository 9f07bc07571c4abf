"""A shard's camera with maps: a real model on a simulated yard, an event, what covered the zones, and pictures without people."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from panops.config.schema import SiteConfig
from panops.models.mirrors import MIRROR_VARIABLE
from panops.pipeline import wire
from panops.pipeline.link import ShardLink
from panops.pipeline.shard import Shard
from panops.storage.areas import SPAN_S, AreaRepository, AreaSpan
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.home import Home
from panops.storage.scope import Scope

FILE = "deeplabv3_mnv2_pascal_quant_513.tflite"
EVERYBODY = Scope.everything()
SITE: dict[str, Any] = {
    "cameras": {
        "yard": {
            "source": "sim://yard?activity=0&rate_fps=5&size=640x360",
            "model": "motion",
            "sleep": "never",
            "maps": {"refresh_s": 1},
            "zones": {"parked": {"polygon": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]}},
        }
    },
    "rules": [
        {"id": "cars", "kind": "area", "zone": "parked", "classes": ["car"], "above": 0.01, "after_s": 2, "verify": False},
        {"id": "sofas", "kind": "area", "classes": ["sofa"], "above": 0.01, "after_s": 2},
    ],
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.at(tmp_path).open()
    yield opened
    opened.close()


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models are fetched from; empty."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv(MIRROR_VARIABLE, str(folder))
    return folder


@pytest.fixture
def shard(tmp_path: Path, database: Database, mirror: Path) -> Iterator[Shard]:
    ours, theirs = socket.socketpair()
    # Nobody listens: what the shard tells must not fill the line.
    threading.Thread(target=lambda: [None for _ in iter(lambda: _read(ours), b"")], daemon=True).start()
    link = ShardLink(theirs)
    made = Shard(0, Home(tmp_path).create(), database, "motion", link)
    made.start()
    yield made
    made.drain()
    link.close()
    ours.close()


def _read(line: socket.socket) -> bytes:
    try:
        return line.recv(65536)
    except OSError:
        return b""


def assign(shard: Shard) -> None:
    shard.assign({**wire.assignment(SiteConfig.model_validate(SITE), "yard"), "epoch": 1})


def wait_for(condition: Callable[[], object], timeout_s: float = 60.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def kept(database: Database) -> list[AreaSpan]:
    return AreaRepository(database).read(EVERYBODY, 0, time.time() + SPAN_S)


def test_parked_cars_are_told_and_what_they_cover_is_kept(shard: Shard, database: Database, shared_data: Path, mirror: Path) -> None:
    shutil.copy(shared_data / "models" / FILE, mirror)
    assign(shard)
    assert wait_for(lambda: EventRepository(database).search(EVERYBODY).events)
    shard.drop("yard")
    (stored,) = EventRepository(database).search(EVERYBODY).events
    incident = stored.event.incident
    assert (stored.event.rule_id, incident.kind, incident.class_name, incident.zone) == ("cars", "area", "car", "parked")
    assert 0.02 < float(incident.details["most_share"] or 0) < 0.1
    assert shard._meter.stages.cpu_s["maps"] > 0.0
    assert wait_for(lambda: kept(database), 20.0)  # of a camera that has stopped, too
    spans = {(one.zone, one.class_name): one for one in kept(database)}
    assert spans["parked", "car"].mean == pytest.approx(spans["", "car"].mean)
    assert 0.02 < spans["parked", "car"].mean < 0.1
    assert spans["", "sofa"].mean < 0.01  # kept, for a rule asks for it
    assert ("parked", "sofa") not in spans
    assert spans["", "background"].looks == spans["parked", "car"].looks >= 2


def test_a_model_that_comes_later_is_taken_up(shard: Shard, shared_data: Path, mirror: Path) -> None:
    assign(shard)
    loop = shard._loops["yard"]
    assert loop.maps is not None
    assert loop.maps.trouble.startswith("nothing is known of areas (maps.model): model 'deeplab_voc' is not installed")
    assert wait_for(lambda: "nothing is known of areas" in shard.statuses()[0].message)
    shutil.copy(shared_data / "models" / FILE, mirror)
    assert wait_for(lambda: loop.maps is not None and loop.maps.looks > 1)
    assert loop.maps.trouble == ""
    assert "nothing is known of areas" not in shard.statuses()[0].message
