"""Questions in plain words: what their words mean, and which events are found by them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from panops.config.rule_schema import KNOWN_ITEMS
from panops.domain.events import Event, EventPhase, Severity
from panops.storage.database import Database
from panops.storage.events import EventFilter, EventRepository, ReviewStatus
from panops.storage.question import Question, Vocabulary
from panops.storage.question_reader import understand
from panops.storage.question_words import question_words, stem
from panops.storage.scope import Role, Scope
from panops.storage.search import AnyOf

from .makers import make_event

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 30, 14, 30, tzinfo=BERLIN).timestamp()
NIGHT = datetime(2026, 11, 30, 1, 0, tzinfo=BERLIN).timestamp()
NOON = datetime(2026, 11, 29, 12, 0, tzinfo=BERLIN).timestamp()
EVERYTHING = Scope.everything()
SITE = Vocabulary(
    cameras={"gate": "North gate", "cam-2": "Gate 2", "yard": "Hof", "store": "Store room"},
    groups={"outside": frozenset({"gate", "yard"})},
    zones={"floor": frozenset({"gate"}), "gate-area": frozenset({"yard"}), "west fence": frozenset({"yard"})},
    rules={"gate-night": frozenset({"gate"}), "hats": frozenset({"gate", "yard"})},
    kinds=["intrusion", "compliance", "waving"],
    classes=["person", "reach_stacker"],
    items={name: known["absent"] for name, known in KNOWN_ITEMS.items()},
)


def read(words: str) -> Question:
    return understand(words, SITE, NOW, BERLIN)


def told(question: Question) -> list[str]:
    """Each term as `words: field value value, field value`."""
    found = []
    for term in question.terms:
        words = " ".join(question.text[begin:end] for begin, end in term.at)
        found.append(f"{words}: " + (", ".join(f"{one.field} {' '.join(one.values)}" for one in term.meanings) or "time"))
    return found


@pytest.mark.parametrize(
    ("words", "terms"),
    [
        ("person at the gate", ["person: class person", "gate: camera gate cam-2, zone gate-area"]),
        ("Person am Tor", ["Person: class person", "Tor: camera gate cam-2, zone gate-area"]),
        ("north gate", ["north gate: camera gate"]),
        ("gates", ["gates: camera gate cam-2, zone gate-area"]),
        ("Hof", ["Hof: camera yard"]),
        ("courtyard", ["courtyard: camera yard"]),
        ("Zaun", ["Zaun: zone west fence"]),
        ("outside", ["outside: group outside"]),
        ("hats", ["hats: rule hats"]),
        ("gate or yard", ["gate yard: camera gate cam-2 yard, zone gate-area"]),
        ("cars, Lastwagen", ["cars Lastwagen: class car truck"]),
        ("vehicles", ["vehicles: class vehicle car truck bus motorcycle"]),
        ("reach stacker", ["reach stacker: class reach_stacker"]),
        ("without helmet", ["without helmet: missing hardhat"]),
        ("not wearing a hard hat", ["not wearing a hard hat: missing hardhat"]),
        ("doesn't wear a high vis", ["doesn't wear a high vis: missing vest"]),
        ("ohne Warnweste", ["ohne Warnweste: missing vest"]),
        ("Helm fehlt", ["Helm fehlt: missing hardhat"]),
        ("helmet", ["helmet: class hardhat"]),
        ("waving", ["waving: kind waving"]),
        ("Einbrecher", ["Einbrecher: kind intrusion"]),
        ("nobody", ["nobody: kind absence"]),
        ("no person", ["no person: kind absence"]),
        ("false alarms", ["false alarms: status false_alarm"]),
        ("Fehlalarme", ["Fehlalarme: status false_alarm"]),
        ("warnings still going", ["warnings: severity warning", "still going: flag open"]),
        ("a to b", ["a to b: fact direction=a_to_b"]),
        ("Ada", ["Ada: text Ada"]),
        ('"red van" yesterday', ['"red van": text red van', "yesterday: time"]),
        ("helmt", ["helmt: class hardhat, text helmt"]),
        ("show me all events", []),
    ],
)
def test_terms(words: str, terms: list[str]) -> None:
    assert told(read(words)) == terms


def test_the_same_question_in_both_languages() -> None:
    english, german = read("person without helmet at the gate last night"), read("Person ohne Helm am Tor letzte Nacht")
    assert english.narrow(EventFilter()) == german.narrow(EventFilter())
    assert english.narrow(EventFilter()).since_s == datetime(2026, 11, 29, 20, tzinfo=BERLIN).timestamp()


def test_words_that_cannot_be_used_are_named() -> None:
    assert read("no dog").left_out == ("no",)
    assert read("person at the gate").left_out == ()


def test_a_question_only_narrows() -> None:
    wanted = EventFilter(since_s=NIGHT - 60, until_s=NIGHT, cameras=["gate"])
    narrowed = read("yesterday").narrow(wanted)
    assert (narrowed.since_s, narrowed.until_s, narrowed.cameras) == (
        NIGHT - 60,
        datetime(2026, 11, 30, tzinfo=BERLIN).timestamp(),
        ["gate"],
    )


@pytest.mark.parametrize(("one", "other"), [("gates", "gate"), ("Fußgänger", "Fussgaenger"), ("Türen", "tuer"), ("Personen", "person")])
def test_endings_do_not_matter(one: str, other: str) -> None:
    known = Vocabulary(cameras={"x": other})
    assert told(understand(one, known, NOW, BERLIN))[0].split(": ")[1].startswith(("camera x", "class person"))


def test_every_word_of_the_file_is_a_word() -> None:
    """YAML reads `no`, `on` and `off` as true and false where they are not quoted."""

    def check(value: object) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                assert isinstance(name, str), name
                check(item)
        elif isinstance(value, list):
            for item in value:
                check(item)
        else:
            assert isinstance(value, str | int), value
            assert not isinstance(value, bool), value

    check(yaml.safe_load((Path(question_words.__wrapped__.__code__.co_filename).parent / "question_words.yaml").read_text("utf-8")))


@given(st.text(max_size=60))
def test_anything_can_be_asked(words: str) -> None:
    question = read(words)
    question.narrow(EventFilter())
    assert all(0 <= begin < end <= len(question.text) for term in question.terms for begin, end in term.at)


@given(st.text(alphabet="abcdeinrsu", max_size=12))
def test_no_word_is_stripped_to_less_than_three_letters(word: str) -> None:
    assert len(stem(word)) >= min(3, len(word.replace("ae", "a").replace("ss", "s").replace("ue", "u")))


# --- what is found --------------------------------------------------------------------------------------------------------------


def events() -> dict[str, Event]:
    """By a word for each."""
    end = EventPhase.END
    return {
        "hat": make_event("gate-1-1", end, rule_id="hats", kind="compliance", started_at_s=NIGHT, details={"item": "hardhat"}),
        "vest": make_event("gate-1-2", end, rule_id="hats", kind="compliance", started_at_s=NIGHT, details={"item": "vest"}),
        "bare": make_event("yard-1-3", end, camera_id="yard", rule_id="bare", class_name="bare_head", started_at_s=NIGHT, zone=""),
        "noon": make_event("gate-1-4", end, rule_id="hats", kind="compliance", started_at_s=NOON, details={"item": "hardhat"}),
        "car": make_event("cam-2-1-5", end, camera_id="cam-2", class_name="car", started_at_s=NIGHT, zone="", severity=Severity.INFO),
        "line": make_event(
            "yard-1-6", end, camera_id="yard", kind="line_crossing", zone="door", started_at_s=NOON, details={"direction": "a_to_b"}
        ),
        "ada": make_event(
            "store-1-7", camera_id="store", kind="identity", started_at_s=NOON, zone="", details={"names": "Ada, Björn", "known": True}
        ),
        "old": make_event("shed-1-8", end, camera_id="shed", rule_id="shed", started_at_s=NOON - 40 * 86400, zone="shed door"),
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventRepository]:
    with Database.at(tmp_path_factory.mktemp("question")) as database:
        repository = EventRepository(database)
        fill(repository)
        yield repository


def fill(repository: EventRepository) -> None:
    made = events()
    repository.save(list(made.values()))
    repository.review(EVERYTHING, made["car"].event_id, status=ReviewStatus.FALSE_ALARM, note="The milkman's van", user="eva", at_s=1.0)


FOUND = [
    ("person without helmet at the gate last night", ["hat"]),
    ("Person ohne Helm letzte Nacht", ["hat", "bare"]),
    ("without helmet", ["hat", "bare", "noon"]),
    ("ohne Weste", ["vest"]),
    ("hardhat", ["hat", "noon"]),
    ("cars", ["car"]),
    ("gate or yard yesterday at noon", ["noon", "line"]),
    ("milkman", ["car"]),
    ("Fehlalarme", ["car"]),
    ("a to b", ["line"]),
    ("ada", ["ada"]),
    ("Björn gestern", ["ada"]),
    ("known", ["ada"]),
    ("still going", ["ada"]),
    ("shed", ["old"]),
    ("door", ["line", "old"]),
    ("info", ["car"]),
    ("zebra", []),
    ("cars at the store", []),
]


@pytest.mark.parametrize(("words", "names"), FOUND)
def test_what_is_found(filled: EventRepository, words: str, names: list[str]) -> None:
    check_found(filled, words, names)


def check_found(repository: EventRepository, words: str, names: list[str]) -> None:
    ids = {event.event_id: name for name, event in events().items()}
    page = repository.search(EVERYTHING, read(words).narrow(EventFilter()))
    assert {ids[stored.event.event_id] for stored in page.events} == set(names)


def test_words_find_nothing_beyond_the_scope(filled: EventRepository) -> None:
    yard = Scope(Role.VIEWER, frozenset({"yard"}))
    found = filled.search(yard, read("without helmet or milkman").narrow(EventFilter())).events
    assert [stored.event.camera_id for stored in filled.search(yard, read("without helmet").narrow(EventFilter())).events] == ["yard"]
    assert not found


def test_pages_of_a_question_hold_each_event_once(filled: EventRepository) -> None:
    wanted = read("without helmet").narrow(EventFilter())
    seen, cursor = [], None
    while True:
        page = filled.search(EVERYTHING, wanted, cursor, 1)
        seen += [stored.event.event_id for stored in page.events]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 3


def test_who_somebody_is_cannot_be_asked_and_that_they_are_known_can(tmp_path: Path) -> None:
    details = {"who": "known", "person_id": "5f" * 12, "name": "Annabella", "lists": "staff", "similarity": 0.7}
    with Database.at(tmp_path) as database:
        repository = EventRepository(database)
        repository.save([make_event("gate-1-1", kind="identity", started_at_s=NOON, zone="", details=details)])
        for words in ("annabella", '"name=annabella"', "5f5f5f", "staff"):
            assert not repository.search(EVERYTHING, read(words).narrow(EventFilter())).events, words
        repository.close_open(None)
        assert not repository.search(EVERYTHING, read("annabella").narrow(EventFilter())).events
        found = repository.search(EVERYTHING, read("known").narrow(EventFilter())).events
        assert [stored.event.event_id for stored in found] == ["gate-1-1"]


def test_no_text_of_an_event_can_pass_for_another_fact(tmp_path: Path) -> None:
    with Database.at(tmp_path) as database:
        repository = EventRepository(database)
        forged, plain = (
            make_event(f"gate-1-{number}", kind="compliance", started_at_s=NOON, zone="", details={"item": item})
            for number, item in enumerate(("x|item=hardhat", "hardhat"))
        )
        repository.save([forged, plain])
        found = repository.search(EVERYTHING, EventFilter(any_of=(AnyOf(facts=("item=hardhat",)),))).events
        assert [stored.event.event_id for stored in found] == [plain.event_id]
        for wanted in (AnyOf(facts=("item=x|item=hardhat",)), AnyOf(texts=("x|item",))):
            found = repository.search(EVERYTHING, EventFilter(any_of=(wanted,))).events
            assert [stored.event.event_id for stored in found] == [forged.event_id], wanted


def test_an_event_cut_short_can_be_found_by_that(tmp_path: Path) -> None:
    with Database.at(tmp_path) as database:
        repository = EventRepository(database)
        repository.save([make_event("gate-1-1", started_at_s=NOON, details={"names": "Ada"})])
        repository.close_open(None)
        found = repository.search(EVERYTHING, read("interrupted ada").narrow(EventFilter())).events
        assert [stored.event.event_id for stored in found] == ["gate-1-1"]
