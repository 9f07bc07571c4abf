"""Who somebody is: how many looks decide, what a contradiction does, whom a rule asks for, and what a face that is none does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from panops.config.rule_schema import IdentityConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.face_votes import FaceOpinion, FaceVerdict, FaceVotes
from panops.domain.faces import FaceLook
from panops.domain.geometry import Polygon
from panops.domain.protocols import Rule
from panops.domain.tracks import Tracks
from panops.rules.identity import Identity
from panops.rules.scene import Scene
from panops.testing.rule_conformance import RuleConformance, Sighting, make_tracks, play

ZONES = {"door": Polygon("door", np.array([[0, 0], [0.5, 0], [0.5, 1], [0, 1]]))}
SCENE = Scene("gate", (640, 360), ("person", "car"), ZONES)


def ada(track_id: int = 1, quality: float = 0.8, **other: object) -> FaceLook:
    values = {"person_id": "p-1", "name": "Ada", "lists": ("staff",), "similarity": 0.7, **other}
    return FaceLook(track_id, quality=quality, **values)  # type: ignore[arg-type]


def bob(track_id: int = 1, quality: float = 0.8) -> FaceLook:
    return FaceLook(track_id, "p-2", "Bob", ("watch",), 0.6, quality)


def nobody(track_id: int = 1, quality: float = 0.8, similarity: float = 0.1) -> FaceLook:
    return FaceLook(track_id, "", "", (), similarity, quality)


def picture(track_id: int = 1) -> FaceLook:
    return FaceLook(track_id, "", "", (), -1.0, 0.8, 0.05, 0.9)


def identity(**settings: object) -> Identity:
    return Identity(IdentityConfig.model_validate({"id": "r", "kind": "identity", **settings}), SCENE)


def story(looks: Sequence[FaceLook | None], start_s: float = 100.0, x: float = 0.25) -> Iterable[Tracks]:
    """One person, looked at once a second; None shows no face."""
    for step, look in enumerate(looks):
        tracks = make_tracks(start_s + step, [Sighting(1, x, 0.9, first_seen_s=start_s)])
        yield tracks if look is None else replace(tracks, faces=(look,))


def told(rule: Rule, looks: Sequence[FaceLook | None], x: float = 0.25) -> list[tuple[float, Incident]]:
    return [(time_s - 100, one) for time_s, one in play(rule, story(looks, x=x)) if one.phase is EventPhase.BEGIN]


class TestIdentityKeepsToTheProtocol(RuleConformance):
    def make(self) -> Rule:
        return identity(who="known")

    def story(self, seed: int = 0, start_s: float = 0.0) -> list[Tracks]:
        faces: list[FaceLook | None] = [None] * (2 + seed) + [ada()] * 5 + [None] * 3 + [bob()] * 12
        return list(story(faces, start_s=start_s))


def test_three_looks_that_agree_decide_and_one_does_not() -> None:
    assert told(identity(who="known"), [ada(), ada()]) == []
    ((time_s, incident),) = told(identity(who="known"), [None, ada(), ada(), None, ada(), None])
    assert time_s == 4
    assert incident.started_at_s == 100
    assert incident.class_name == "person"
    assert dict(incident.details) == {
        "who": "known", "person_id": "p-1", "name": "Ada", "lists": "staff", "similarity": 0.7, "looks": 3.0, "agreement": 1.0,
    }  # fmt: skip


def test_poor_looks_need_more_of_them() -> None:
    assert told(identity(who="known"), [ada(quality=0.15)] * 4) == []
    assert len(told(identity(who="known"), [ada(quality=0.15)] * 12)) == 1
    assert told(identity(who="known"), [ada(clear=0.02)] * 60) == []


@pytest.mark.parametrize("who", ["known", "unknown", "spoof"])
def test_nobody_is_anybody_without_a_face(who: str) -> None:
    assert told(identity(who=who), [None] * 60) == []


def test_unknown_needs_good_faces_that_resemble_nobody() -> None:
    assert len(told(identity(who="unknown"), [nobody()] * 4)) == 1
    assert told(identity(who="unknown"), [nobody(quality=0.3)] * 5) == []
    assert told(identity(who="unknown"), [nobody(), nobody(), ada(), ada(), ada()]) == []
    assert told(identity(who="known"), [nobody()] * 9) == []


@pytest.mark.parametrize(
    ("settings", "whom"),
    [
        ({"who": "known"}, "ada bob"),
        ({"who": "unknown"}, "nobody"),
        ({"who": "listed", "lists": ["watch"]}, "bob"),
        ({"who": "listed", "lists": ["watch", "staff"]}, "ada bob"),
        ({"who": "unlisted", "lists": ["staff"]}, "bob nobody"),
        ({"who": "unlisted", "lists": ["staff", "watch"]}, "nobody"),
        ({"who": "spoof"}, "picture"),
    ],
    ids=str,
)
def test_whom_a_rule_asks_for(settings: dict[str, object], whom: str) -> None:
    people = {"ada": ada(), "bob": bob(), "nobody": nobody(), "picture": picture()}
    found = [name for name, look in people.items() if told(identity(**settings), [look] * 6)]
    assert " ".join(found) == whom


def test_a_picture_of_somebody_is_never_that_person() -> None:
    held_up = replace(ada(), live=0.1)
    assert told(identity(who="known"), [held_up] * 20) == []
    assert told(identity(who="unknown"), [held_up] * 20) == []
    ((_, incident),) = told(identity(who="spoof"), [held_up] * 20)
    assert dict(incident.details) == {"who": "spoof", "looks": 3.0, "agreement": 1.0}
    assert len(told(identity(who="known"), [replace(ada(), live=0.9)] * 4)) == 1


def test_a_single_wrong_look_changes_nothing_and_many_correct_it() -> None:
    said = play(identity(who="known"), story([ada()] * 6 + [bob()] + [ada()] * 4))
    assert {one.details["name"] for _, one in said} == {"Ada"}
    said = play(identity(who="known"), story([ada()] * 6 + [bob()] * 12))
    assert [(one.phase, one.details["name"]) for _, one in said if one.phase is not EventPhase.UPDATE] == [
        (EventPhase.BEGIN, "Ada"),
        (EventPhase.END, "Ada"),
        (EventPhase.BEGIN, "Bob"),
        (EventPhase.END, "Bob"),
    ]
    (end,) = [one for _, one in said if one.phase is EventPhase.END and one.details["name"] == "Ada"]
    assert end.details["corrected"] is True


def test_it_matters_in_the_zone_only_and_faces_elsewhere_count() -> None:
    assert told(identity(who="known", zone="door"), [ada()] * 9, x=0.8) == []
    rule = identity(who="known", zone="door")
    outside, inside = story([ada()] * 3, x=0.8), story([None] * 4, start_s=103.0, x=0.4)
    said = [one for tracks in [*outside, *inside] for one in rule.update(tracks)]
    assert said[0].phase is EventPhase.BEGIN
    assert said[0].started_at_s == 103.0


def test_there_is_time_until_it_counts() -> None:
    ((time_s, incident),) = told(identity(who="unknown", grace_s=8.0), [nobody()] * 12)
    assert time_s == 8
    assert incident.started_at_s == 100


def test_it_ends_when_they_are_gone() -> None:
    (end,) = [one for _, one in play(identity(who="known"), story([ada()] * 5)) if one.phase is EventPhase.END]
    assert end.ended_at_s == 104
    assert "corrected" not in end.details


def test_a_person_whose_number_changes_is_one_person() -> None:
    rule = identity(who="known")
    first = list(story([ada()] * 5))
    second = [replace(make_tracks(105.0 + step, [Sighting(2, 0.26, 0.9, first_seen_s=104.5)]), faces=(ada(2),)) for step in range(4)]
    said = [one for tracks in [*first, *second] for one in rule.update(tracks)]
    assert sum(one.phase is EventPhase.BEGIN for one in said) == 1
    assert said[-1].track_ids == (1, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"who": "listed"}, "`who: listed` needs `lists`, such as lists: \\[staff\\]"),
        ({"who": "known", "lists": ["staff"]}, "`lists` says nothing with `who: known`"),
        ({"who": "listed", "lists": ["staff", "staff"]}, "the list 'staff' is named twice"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        identity(**settings)


# --- the votes against a plain reference ------------------------------------------------------------------------------------------


def plain(looks: Sequence[FaceLook], least: int, share: float) -> tuple[str, str] | None:
    """The newest decision, from the whole list of looks anew at each of them."""
    decision = None
    for end in range(1, len(looks) + 1):
        weights: dict[tuple[str, str], float] = {}
        counts: dict[tuple[str, str], int] = {}
        for age, look in enumerate(reversed(looks[:end])):
            if look.live is not None and look.live < 0.5:
                said = ("spoof", "")
            else:
                said = ("known", look.person_id) if look.person_id else ("unknown", "")
            own = look.quality * look.clear * (look.quality**0.5 if said[0] == "unknown" else 1.0)
            weights[said] = weights.get(said, 0.0) + own * 0.85**age
            counts[said] = counts.get(said, 0) + 1
        for said, weight in weights.items():
            if counts[said] >= least and weight >= 0.25 * least - 1e-9 and weight >= share * sum(weights.values()) - 1e-9:
                decision = said
    return decision


LOOKS = st.lists(
    st.builds(
        lambda kind, quality, clear: replace(kind, quality=quality, clear=clear),
        st.sampled_from([ada(), bob(), nobody(), picture()]),
        st.floats(0, 1),
        st.floats(0, 1),
    ),
    max_size=30,
)


@given(LOOKS, st.integers(1, 6), st.sampled_from([0.55, 0.6, 0.75, 1.0]))
def test_votes_agree_with_the_plain_version(looks: list[FaceLook], least: int, share: float) -> None:
    votes = FaceVotes(least, share)
    for look in looks:
        votes.add(look)
    got = None if votes.opinion is None else (votes.opinion.verdict.value, votes.opinion.person_id)
    assert got == plain(looks, least, share)


def test_an_opinion_says_what_agreed() -> None:
    votes = FaceVotes()
    for similarity in (0.6, 0.7, 0.8):
        votes.add(ada(similarity=similarity))
    opinion = votes.opinion
    assert opinion is not None
    assert (opinion.verdict, opinion.person_id, opinion.looks) == (FaceVerdict.KNOWN, "p-1", 3)
    assert 0.7 < opinion.similarity < 0.72
    assert opinion.agrees(ada())
    assert not opinion.agrees(bob())
    assert not opinion.agrees(replace(ada(), live=0.0))
    assert isinstance(opinion, FaceOpinion)
    assert math.isclose(opinion.share, 1.0)
