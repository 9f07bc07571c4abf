from __future__ import annotations

from typing import Any

import pytest

from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.verdicts import Verdict
from panops.storage.events import ReviewStatus
from panops.storage.scope import Scope

from .conftest import Site

pytestmark = pytest.mark.anyio

START_S = 1_000_000.0


def judge(
    site: Site,
    number: int,
    seconds: float,
    *,
    false_alarm: bool = True,
    camera: str = "gate",
    rule: str = "night",
    kind: str = "intrusion",
    at: tuple[float, float] = (0.3, 0.5),
    pace: float = 0.0,
    score: float = 0.6,
) -> str:
    """Store an event as a running site does, with its boxes, and say what it was; its id."""
    start_s, event_id = START_S + 100 * number, f"{camera}-1-{number}"
    times = [start_s + look / 5 for look in range(round(seconds * 5) + 1)]
    incident = Incident(
        "zone", EventPhase.END, kind, "person", "floor", (number,), score, start_s, times[-1] + 3, times[-1], (0.2, 0.2, 0.3, 0.5)
    )
    event = Event(event_id, camera, rule, Severity.ALARM, incident, Verdict((), best_score=score))
    site.services.events.save([event])
    x, y = at
    boxes = [(x + pace * step - 0.05, y - 0.2, x + pace * step + 0.05, y) for step in range(len(times))]
    points = [(time_s, [(number, "person", score, box)]) for time_s, box in zip(times, boxes, strict=True)]
    site.services.trails.save_trail(event_id, points)
    say(site, event_id, ReviewStatus.FALSE_ALARM if false_alarm else ReviewStatus.TRUE_ALARM)
    return event_id


def say(site: Site, event_id: str, status: ReviewStatus) -> None:
    site.services.events.review(Scope.everything(), event_id, status=status, user="oscar", at_s=START_S)


def short_false_and_long_true(site: Site, camera: str = "gate") -> tuple[list[str], list[str]]:
    """Six false alarms of 1.4 s all over the picture, one of 9 s, and two true ones of 4 s and more."""
    gone = [judge(site, number, 1.4, camera=camera, at=(0.1 + 0.14 * number, 0.3 + 0.1 * number)) for number in range(6)]
    judge(site, 7, 9.0, camera=camera, at=(0.9, 0.3))
    true = [judge(site, number, 4.0 + number / 5, false_alarm=False, camera=camera, pace=0.03, at=(0.1, 0.95)) for number in (10, 11)]
    return gone, true


async def asked(site: Site, who: str = "ada") -> dict[str, Any]:
    answer = await site.get(who, "/api/v1/suggestions")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_applying_one_changes_the_rule_and_it_is_gone(site: Site) -> None:
    gone, true = short_false_and_long_true(site)
    (found,) = (await asked(site))["suggestions"]
    assert found["change"] == {
        "lever": "stay", "field": "after_s", "rule_id": "night", "camera_id": "", "before": 1.0, "after": 4.0, "polygon": [],
    }  # fmt: skip
    assert sorted(found["goes"]) == sorted(gone)
    assert (found["stays"], found["true_alarms"], found["nearest"]) == (["gate-1-7"], 2, true[0])
    assert found["nearest_value"] == pytest.approx(6.0, abs=0.01)
    assert found["dismissed"] is False

    path = f"/api/v1/suggestions/{found['suggestion_id']}"
    for who in ("greta", "vera", "oscar"):
        assert (await site.ask("POST", who, f"{path}/apply")).status_code == 403
    assert site.live.reloads == 1, "nobody below an administrator changed anything"
    done = await site.ask("POST", "ada", f"{path}/apply")
    assert done.status_code == 200
    assert site.live.reloads == 2, "the running site follows"
    assert (await site.get("ada", "/api/v1/rules/night")).json()["after_s"] == 4.0

    after = await asked(site)
    assert after["suggestions"] == [], "of those that are left only one is false"
    (applied,) = after["applied"]
    assert (applied["suggestion_id"], applied["user"], applied["holds"]) == (found["suggestion_id"], "ada", True)
    entry = (await site.get("ada", "/api/v1/audit")).json()["entries"][0]
    assert (entry["action"], entry["target"], entry["user"]) == ("suggestion.apply", "night", "ada")
    assert (entry["detail"]["field"], entry["detail"]["from"], entry["detail"]["to"]) == ("after_s", 1.0, 4.0)
    again = await site.ask("POST", "ada", f"{path}/apply")
    assert again.status_code == 409
    assert "does not stand any more" in again.json()["detail"]


async def test_what_was_applied_can_be_taken_back(site: Site) -> None:
    short_false_and_long_true(site)
    (found,) = (await asked(site))["suggestions"]
    path = f"/api/v1/suggestions/{found['suggestion_id']}"
    await site.ask("POST", "ada", f"{path}/apply")
    assert (await site.ask("POST", "ada", f"{path}/take-back")).json()["holds"] is False
    assert (await site.get("ada", "/api/v1/rules/night")).json()["after_s"] == 1.0
    body = await asked(site)
    assert body["suggestions"] == [found], "it stands as before"
    assert [one["holds"] for one in body["applied"]] == [False]
    assert (await site.ask("POST", "ada", f"{path}/take-back")).status_code == 409
    assert (await site.get("ada", "/api/v1/audit")).json()["entries"][0]["action"] == "suggestion.take_back"
    await site.ask("POST", "ada", f"{path}/apply")
    assert [one["holds"] for one in (await asked(site))["applied"]] == [True, False], "the newer one counts"
    rule = (await site.get("ada", "/api/v1/rules/night")).json()
    await site.ask("PUT", "ada", "/api/v1/rules/night", json={**rule, "after_s": 3.0})
    assert (await site.ask("POST", "ada", f"{path}/take-back")).status_code == 409, "somebody else has changed it since"
    assert (await site.get("ada", "/api/v1/rules/night")).json()["after_s"] == 3.0


@pytest.mark.parametrize("what", ["a judgement", "the rule", "the rule is gone", "an event is gone"])
async def test_what_does_not_stand_any_more_is_refused(site: Site, what: str) -> None:
    gone, _ = short_false_and_long_true(site)
    (found,) = (await asked(site))["suggestions"]
    if what == "a judgement":
        say(site, gone[0], ReviewStatus.TRUE_ALARM)
    elif what == "the rule":
        rule = (await site.get("ada", "/api/v1/rules/night")).json()
        await site.ask("PUT", "ada", "/api/v1/rules/night", json={**rule, "after_s": 1.2})
    elif what == "the rule is gone":
        await site.ask("DELETE", "ada", "/api/v1/rules/night")
    else:
        say(site, "gate-1-10", ReviewStatus.NEW)
        say(site, "gate-1-11", ReviewStatus.NEW)
    before = site.services.sites.revision()
    answer = await site.ask("POST", "ada", f"/api/v1/suggestions/{found['suggestion_id']}/apply")
    assert answer.status_code == 409
    assert site.services.sites.revision() == before
    assert found["suggestion_id"] not in {one["suggestion_id"] for one in (await asked(site))["suggestions"]}


async def test_a_change_of_the_site_between_the_look_and_the_write_is_noticed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """`panops apply` in another process knows nothing of this process's lock."""
    short_false_and_long_true(site)
    (found,) = (await asked(site))["suggestions"]
    find = site.services.suggesting._find

    def find_while_somebody_writes(*args: Any) -> Any:
        suggestions = find(*args)
        rule = next(rule for rule in site.services.sites.load().rules if rule.id == "night")
        site.services.sites.put_rule(rule.model_copy(update={"cooldown_s": 7.0}))
        return suggestions

    monkeypatch.setattr(site.services.suggesting, "_find", find_while_somebody_writes)
    answer = await site.ask("POST", "ada", f"/api/v1/suggestions/{found['suggestion_id']}/apply")
    assert answer.status_code == 409
    rule = (await site.get("ada", "/api/v1/rules/night")).json()
    assert (rule["after_s"], rule["cooldown_s"]) == (1.0, 7.0), "what the other one wrote stays"


async def test_not_now_is_remembered_for_everybody_until_it_is_taken_back(site: Site) -> None:
    short_false_and_long_true(site)
    (found,) = (await asked(site))["suggestions"]
    path = f"/api/v1/suggestions/{found['suggestion_id']}/dismiss"
    assert (await site.ask("POST", "oscar", path)).status_code == 403
    assert (await site.ask("POST", "ada", path)).status_code == 204
    assert [one["dismissed"] for one in (await asked(site, "vera"))["suggestions"]] == [True]
    assert (await site.get("ada", "/api/v1/audit")).json()["entries"][0]["action"] == "suggestion.put_aside"
    assert (await site.ask("POST", "ada", path)).status_code == 204
    assert (await site.ask("DELETE", "ada", path)).status_code == 204
    assert [one["dismissed"] for one in (await asked(site))["suggestions"]] == [False]
    assert site.live.reloads == 1, "the site is as it was"


async def test_a_suggestion_is_shown_to_those_only_who_see_every_camera_that_it_counts_for(site: Site) -> None:
    short_false_and_long_true(site)
    assert len((await asked(site, "greta"))["suggestions"]) == 1, "night watches the gate alone, which she sees"
    await site.ask("PUT", "ada", "/api/v1/rules/night", json={"kind": "intrusion", "after_s": 1.0})
    assert len((await asked(site, "vera"))["suggestions"]) == 1
    assert (await asked(site, "greta"))["suggestions"] == [], "it would change what other cameras tell"
    token = site.accounts.create_token("half", site.services.accounts.user("ada").role, ["gate"])  # type: ignore[union-attr]  # she exists
    (found,) = (await asked(site, "vera"))["suggestions"]
    answer = await site.ask(
        "POST", None, f"/api/v1/suggestions/{found['suggestion_id']}/apply", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 409
    await site.ask("POST", "ada", f"/api/v1/suggestions/{found['suggestion_id']}/apply")
    assert len((await asked(site, "vera"))["applied"]) == 1
    assert (await asked(site, "greta"))["applied"] == []


async def test_events_of_a_camera_out_of_sight_count_for_nothing(site: Site) -> None:
    await site.ask("PUT", "ada", "/api/v1/rules/way-in", json={"kind": "intrusion", "cameras": ["yard"], "after_s": 1.0})
    gone, true = short_false_and_long_true(site, "yard")
    for event_id in (*gone, *true, "yard-1-7"):
        stored = site.services.events.get(Scope.everything(), event_id)
        assert stored is not None
    assert (await asked(site, "greta"))["suggestions"] == []
    assert "yard" not in str(await asked(site, "greta"))


async def test_an_area_is_a_new_zone_that_the_rule_leaves_out(site: Site) -> None:
    for number in range(6):
        judge(site, number, 8.0 + number / 5, at=(0.3 + 0.01 * number, 0.5))
    judge(site, 10, 5.0, false_alarm=False, pace=0.02, at=(0.1, 0.9))
    (found,) = (await asked(site))["suggestions"]
    assert (found["change"]["lever"], found["change"]["before"], found["change"]["after"]) == ("area", [], ["night-left-out-1"])
    path = f"/api/v1/suggestions/{found['suggestion_id']}"
    assert (await site.ask("POST", "ada", f"{path}/apply")).status_code == 200
    whole = site.services.sites.load()
    assert whole.rules[0].leave_out == ["night-left-out-1"]
    assert [list(corner) for corner in whole.cameras["gate"].zones["night-left-out-1"].polygon] == found["change"]["polygon"]
    assert whole.cameras["gate"].source.get_secret_value().startswith("rtsp://viewer:S3cret"), "the password is still there"
    assert (await asked(site))["suggestions"] == []
    assert (await site.ask("POST", "ada", f"{path}/take-back")).status_code == 200
    whole = site.services.sites.load()
    assert (whole.rules[0].leave_out, sorted(whole.cameras["gate"].zones)) == ([], ["floor"])


async def test_a_score_is_a_setting_of_the_camera(site: Site) -> None:
    for number in range(6):
        judge(site, number, 8.0, at=(0.05 + 0.18 * number, 0.1 + 0.15 * number), score=0.4)
    judge(site, 10, 6.0, false_alarm=False, pace=0.02, at=(0.1, 0.95), score=0.8)
    (found,) = (await asked(site))["suggestions"]
    assert found["words"] == ("Raise min_score of the camera gate from 0.35 to 0.6: 6 of 6 false alarms go, the true one stays.")
    await site.ask("POST", "ada", f"/api/v1/suggestions/{found['suggestion_id']}/apply")
    camera = site.services.sites.load().cameras["gate"]
    assert (camera.min_score, camera.source.get_secret_value()) == (0.6, "rtsp://viewer:S3cret!pw@camera.example/gate")
    entry = (await site.get("ada", "/api/v1/audit")).json()["entries"][0]
    assert (entry["target"], entry["detail"]["from"], entry["detail"]["to"]) == ("gate", 0.35, 0.6)


async def test_how_much_is_missing_is_told(site: Site) -> None:
    assert (await asked(site))["progress"] == []
    judge(site, 1, 1.4)
    judge(site, 2, 1.4)
    judge(site, 3, 4.0, false_alarm=False)
    assert (await asked(site))["progress"] == [{"rule_id": "night", "false_alarms": 2, "true_alarms": 1, "needs_false": 5, "needs_true": 1}]
    say(site, "gate-1-2", ReviewStatus.NEW)
    assert (await asked(site))["progress"][0]["false_alarms"] == 1, "what was taken back does not count"
    answer = await site.get("vera", "/api/v1/suggestions")
    assert answer.json()["progress"][0]["false_alarms"] == 1


async def test_how_much_is_missing_is_told_without_looking_for_suggestions(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    judge(site, 1, 1.4)
    judge(site, 2, 1.4, camera="yard")
    monkeypatch.setattr(site.services.suggesting, "_find", None)
    for who, false_alarms in (("vera", 2), ("greta", 1)):
        told = {"rule_id": "night", "false_alarms": false_alarms, "true_alarms": 0, "needs_false": 5, "needs_true": 1}
        assert (await site.get(who, "/api/v1/suggestions/progress")).json() == {"progress": [told]}
