"""Who does what: the script with deeds against the one without, and what is seen of it."""

from __future__ import annotations

import numpy as np
import pytest

from panops.config.schema import CameraConfig, SimulationConfig
from panops.domain.errors import SourceUnsupported
from panops.simulation.deeds import Deed
from panops.simulation.motions import MOTIONS
from panops.simulation.scene import Scene
from panops.simulation.scenery import SIGNAL_S
from panops.simulation.script import LONGEST_S, Actor, Script
from panops.simulation.sim_address import simulation_of
from panops.simulation.sites import SCENES, site

LASTS = {"hands_up": (3, 8), "waving": (3, 6), "bending": (2, 4), "crouching": (3, 6), "sitting": (6, 12), "fall": (6, 15)}


def everybody(script: Script, seconds: int) -> dict[int, Actor]:
    return {actor.track_id: actor for time in range(seconds) for actor, _ in script.present(time + 0.01)}


@pytest.mark.parametrize("name", SCENES)
def test_deeds_change_who_does_them_and_nothing_else(name: str) -> None:
    nobody, some, many = (everybody(Script(site(name), 6, 12.0, 0.3, deeds), 150) for deeds in (0.0, 0.4, 1.0))
    doers = {number for number, actor in many.items() if actor.deed is not None}
    walkers = {number for number, actor in many.items() if actor.kind == "person"}
    assert doers
    assert doers <= walkers
    assert set() < {number for number, actor in some.items() if actor.deed is not None} < doers
    assert not any(actor.deed for actor in nobody.values())
    for number, actor in nobody.items():
        other = many[number]
        assert (actor.start_s, actor.look, actor.kind, actor.speed) == (other.start_s, other.look, other.kind, other.speed)
        assert np.array_equal(actor.path, other.path)
        if other.deed is None:
            assert np.array_equal(actor.knots_s, other.knots_s)


def test_whoever_leaves_the_ground_does_nothing_else_and_the_others_do_what_they_did() -> None:
    none, some, all_of_them = (everybody(Script(site("yard"), 6, 12.0, deeds=1.0, climbs=climbs), 200) for climbs in (0.0, 0.5, 1.0))
    names = {actor.deed.name for actor in all_of_them.values() if actor.deed is not None}
    assert names == {"climbing", "jumping"}
    off = {number for number, actor in some.items() if actor.deed is not None and actor.deed.name in names}
    assert off
    for number, actor in none.items():
        if number not in off and actor.deed is not None and number in some:
            assert some[number].deed == actor.deed


def test_climbers_are_seen_above_where_they_stood() -> None:
    scene = Scene(SimulationConfig(scene="yard", seed=3, activity=8, deeds=1, climbs=1, size_wh=(320, 180), rate_fps=5))
    feet: dict[int, list[float]] = {}
    for number in range(0, 400, 4):
        truth = scene.truth(number)
        for row in np.flatnonzero(np.array(truth.posture) == "climbing").tolist():
            feet.setdefault(int(truth.track_id[row]), []).append(float(truth.xyxy[row, 3] / (truth.xyxy[row, 3] - truth.xyxy[row, 1])))
    whole = [heights for heights in feet.values() if len(heights) > 11]
    assert len(whole) >= 4
    for heights in whole:
        assert max(heights) - min(heights) > 0.3


@pytest.mark.parametrize("name", SCENES)
def test_deeds_last_as_long_as_they_should_at_a_place_in_the_picture(name: str) -> None:
    for actor in everybody(Script(site(name), 2, 12.0, deeds=1.0), 200).values():
        deed = actor.deed
        if deed is None:
            continue
        least, most = LASTS[deed.name]
        assert least <= deed.held_s <= most
        assert actor.end_s - actor.start_s <= LONGEST_S
        begins, ends = actor.start_s + deed.begins_s, actor.start_s + deed.begins_s + deed.seconds
        places = [actor.at(time) for time in np.linspace(begins + 0.06, ends - 0.06, 20)]
        assert {(place.x, place.z) for place in places if place is not None} == {(places[0].x, places[0].z)} if places[0] else False
        assert actor.at(ends + 0.1) is not None, "they walk on"


@pytest.mark.parametrize(("name", "variant"), [(name, number) for name, motions in MOTIONS.items() for number in range(len(motions))])
def test_a_deed_has_its_postures_in_order(name: str, variant: int) -> None:
    deed = Deed(name, variant, 5.0, 4.0, 0.0 if name == "fall" else 1.2, begins_s=10.0)
    assert deed.at(9.99) is None
    assert deed.at(10.0 + deed.seconds) is None
    doing = [deed.at(10.0 + deed.seconds * number / 2000) for number in range(2000)]
    told = [one.posture for one in doing if one is not None]
    assert len(told) == 2000
    order = [posture for number, posture in enumerate(told) if number == 0 or told[number - 1] != posture]
    wanted = {"fall": ["falling", "lying", "getting_up"], "sitting": ["standing", "crouching", "sitting", "crouching", "standing"]}
    assert order == wanted.get(name, ["standing", name, "standing"])
    main = "lying" if name == "fall" else name
    # Whoever climbs does so on the way up and down, too.
    lasts_s = 4.0 + (deed.motion.there_s + deed.motion.back_s if name == "climbing" else 0.0)
    assert told.count(main) / 2000 * deed.seconds == pytest.approx(lasts_s, abs=1.6)
    turns = [one.turn_rad for one in doing if one is not None]
    assert turns[0] == 0.0
    assert max(turns) == pytest.approx(deed.turn_rad)
    assert np.abs(np.diff(turns)).max() < 0.05


def test_nobody_does_anything_where_cars_drive() -> None:
    script = Script(site("street"), 4, 20.0, deeds=1.0)
    for tick in range(3000):
        time = tick / 5
        phase = time % SIGNAL_S
        for actor, where in script.present(time):
            crossing = 1.0 < where.x < 10.6 and 12.4 < where.z < 15.6
            if crossing and actor.kind == "person":
                assert where.moving, (tick, actor.deed)
                assert phase > 17.5 or phase < 2.5, (tick, phase)


def test_every_deed_comes() -> None:
    script = Script(site("yard"), 1, 20.0, deeds=1.0, climbs=0.4)
    done = {(actor.deed.name, actor.deed.variant) for actor in everybody(script, 600).values() if actor.deed is not None}
    assert done == {(name, number) for name, motions in MOTIONS.items() for number in range(len(motions))}


def camera(source: str) -> CameraConfig:
    return CameraConfig.model_validate({"source": source})


def test_an_address_asks_for_deeds() -> None:
    assert simulation_of(camera("sim://yard?deeds=0.5")).deeds == 0.5
    assert simulation_of(camera("sim://yard")).deeds == 0.0


@pytest.mark.parametrize(("asked", "told"), [("deeds=1.5", "deeds"), ("deeds=-1", "deeds"), ("deeds=some", "deeds"), ("deed=1", "deeds")])
def test_wrong_addresses_say_what_would_be_right(asked: str, told: str) -> None:
    with pytest.raises(SourceUnsupported, match=told):
        simulation_of(camera(f"sim://yard?{asked}"))
