from __future__ import annotations

from panops.domain.places import Box
from panops.pipeline.still_tracks import StillTracks


def box(left: float, top: float = 100.0) -> Box:
    return left, top, left + 40.0, top + 80.0


def update(still: StillTracks, time_s: float, **tracks: Box) -> tuple[list[bool], list[Box]]:
    return still.update(time_s, [int(name[1:]) for name in tracks], list(tracks.values()))


def test_a_track_is_steady_once_it_stayed_for_long_enough() -> None:
    still = StillTracks(1.0, 0.7, 1.0)
    found = [update(still, n * 0.25, t1=box(100 + n % 2))[0] for n in range(8)]
    assert found == [[False]] * 4 + [[True]] * 4


def test_whoever_walks_or_creeps_away_is_not_steady() -> None:
    still = StillTracks(1.0, 0.7, 1.0)
    walking = [update(still, n * 0.25, t1=box(100 + 15 * n))[0] for n in range(12)]
    assert walking == [[False]] * 12
    still = StillTracks(1.0, 0.7, 1.0)
    creeping = [update(still, n * 0.25, t1=box(100 + 2 * n))[0][0] for n in range(40)]
    assert not all(creeping[4:])  # its first box of a place counts, not its last one


def test_the_order_of_tracks_does_not_matter() -> None:
    still = StillTracks(1.0, 0.7, 1.0)
    update(still, 0.0, t1=box(100), t2=box(300))
    steady, lost = update(still, 1.0, t2=box(300), t3=box(500), t1=box(200))
    assert steady == [True, False, False]
    assert len(lost) == 0


def test_who_is_lost_is_remembered_for_a_while_and_comes_back_as_steady_as_before() -> None:
    still = StillTracks(1.0, 0.7, 1.0)
    update(still, 0.0, t1=box(100), t2=box(300))
    for n in (1, 2):
        _, lost = update(still, n * 0.5, t2=box(300))
        assert lost == [box(100)]
    assert update(still, 1.0 + 0.25, t1=box(100), t2=box(300))[0] == [True, True]
    update(still, 1.5, t2=box(300))
    assert update(still, 2.5, t2=box(300))[1] == []


def test_no_tracks() -> None:
    still = StillTracks(1.0, 0.7, 1.0)
    steady, lost = update(still, 0.0)
    assert (steady, lost) == ([], [])
