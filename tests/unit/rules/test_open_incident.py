from __future__ import annotations

import numpy as np

from panops.domain.events import EventPhase
from panops.rules.open_incident import MAX_TRACK_IDS, OpenIncident
from panops.rules.scene import Scene
from panops.testing.rule_conformance import Sighting, make_tracks


def make() -> OpenIncident:
    return OpenIncident(Scene("gate", (640, 360), ("person", "car")), "intrusion", "zone", "floor", 3.0)


def test_the_best_moment_stays() -> None:
    one = make()
    for time_s, score, class_id in ((3.0, 0.5, 0), (4.0, 0.9, 1), (5.0, 0.7, 0)):
        one.see(make_tracks(time_s, [Sighting(1, time_s / 10, 0.5, score=score, class_id=class_id)]), np.array([0]))
    message = one.message(EventPhase.UPDATE, 5.0)
    assert (message.score, message.class_name, message.started_at_s, message.ended_at_s) == (0.9, "car", 3.0, None)
    assert message.box is not None
    assert (message.box[0] + message.box[2]) / 2 == 0.4


def test_messages_do_not_change_afterwards() -> None:
    one = make()
    one.details["count"] = 1
    before = one.message(EventPhase.BEGIN, 3.0)
    one.details["count"] = 2
    one.involve([7])
    assert (before.details, before.track_ids) == ({"count": 1}, ())


def test_the_end_is_when_it_last_held() -> None:
    one = make()
    one.last_s = 8.0
    assert one.message(EventPhase.END, 11.0).ended_at_s == 8.0


def test_only_so_many_tracks_are_named() -> None:
    one = make()
    one.involve(range(MAX_TRACK_IDS - 1))
    assert "more_tracks" not in one.details
    one.involve([5000, 4000])
    message = one.message(EventPhase.UPDATE, 5.0)
    assert len(message.track_ids) == MAX_TRACK_IDS
    assert message.track_ids[-2:] == (4000, 5000)
    assert message.track_ids[0] == 1, "the newest ones: whoever judges it looks at those who are there"
    assert message.details["more_tracks"] is True
