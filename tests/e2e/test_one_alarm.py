"""One person, one alarm, as a user has it: two cameras in a room, the real model, a file that is told."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from tests.e2e.running_site import RunningSite

VISITS = 2
"""So many people come one after the other, within the first seconds of the film."""
_LENGTH_S = 47.0
_LIGHT = np.array([0.75, 0.65, 0.5])

SITE = """
cameras:
  gate: {{source: "{gate}"}}
  yard: {{source: "{yard}"}}
groups: {{room: [gate, yard]}}
rules: [{{id: anyone, kind: intrusion, classes: [person], after_s: 1}}]
evidence: {{before_s: 1, after_s: 1}}
one_alarm: {{groups: [room], likeness: 0.65}}
alerts: [{{id: log, kind: file, path: "{log}", moments: [begin]}}]
"""


def as_another_camera_sees_it(film: Path, to: Path) -> Path:
    """The beginning of a film from the other side and in other light."""
    with av.open(str(film)) as source, av.open(str(to), "w") as target:
        stream = target.add_stream("mpeg4", rate=10, options={"qscale:v": "3"})
        stream.width, stream.height = source.streams.video[0].width, source.streams.video[0].height
        for picture in source.decode(video=0):
            if (picture.time or 0.0) > _LENGTH_S:
                break
            pixels = picture.to_ndarray(format="rgb24")[:, ::-1]
            changed = av.VideoFrame.from_ndarray(np.ascontiguousarray((pixels * _LIGHT).astype(np.uint8)), format="rgb24")
            target.mux(stream.encode(changed))
        target.mux(stream.encode())
    return to


@pytest.mark.slow
def test_two_cameras_and_two_people_are_two_alarms(tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANOPS_MODEL_MIRROR", str(shared_data / "models"))
    gate = shared_data / "videos" / "intel_one-by-one-person-detection.mp4"
    yard = as_another_camera_sees_it(gate, tmp_path / "yard.mp4")
    log, path = tmp_path / "alarms.jsonl", tmp_path / "site.yaml"
    path.write_text(SITE.format(gate=gate, yard=yard, log=log))
    site = RunningSite(tmp_path / "home", str(path))

    def of(camera: str) -> list[str]:
        return sorted(event["event_id"] for event in site.events() if event["camera_id"] == camera)

    with site:
        site.sign_in()
        site.wait_for(lambda: of("gate") and of("yard"), 90, "both cameras saw the first one")
        site.wait_for(lambda: log.is_file() and log.read_text(), 20, "somebody was told")
        site.wait_for(lambda: any(site.get(f"/events/{name}")["seen_again"] for name in of("gate")), 20, "that is known to be one person")
        site.wait_for(lambda: len(of("gate")) >= VISITS and len(of("yard")) >= VISITS, 90, "both saw the second one")
        site.wait_for(lambda: len(log.read_text().splitlines()) >= VISITS, 20, "that was told, too")
        linked = {name: site.get(f"/events/{name}") for name in [*of("gate"), *of("yard")]}
    told = [json.loads(line)["event"]["event_id"] for line in log.read_text().splitlines()]
    assert len(told) == len(set(told)) == VISITS
    for name, event in linked.items():
        (other,) = event["seen_again"]
        assert other["camera_id"] != event["camera_id"]
        assert other["likeness"] >= 0.65
        assert (name in told) != (other["event_id"] in told)
        assert linked[other["event_id"]]["seen_again"][0]["event_id"] == name
