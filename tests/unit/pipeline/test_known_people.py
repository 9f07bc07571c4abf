"""From the gallery to the cameras: every shard is told once of each change, and its face looks know who is known."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from panops.domain.errors import StorageError
from panops.domain.faces import KnownFaces
from panops.pipeline.alerting import Alerting
from panops.pipeline.known_people import KnownHere, KnownTeller, known_from_wire, known_to_wire, nobody
from panops.pipeline.link import Message, ShardLink, pack
from panops.pipeline.live import SystemNotice
from panops.pipeline.shard import Shard
from panops.pipeline.shard_process import _obey
from panops.pipeline.site_board import SiteBoard
from panops.pipeline.subscription import FeedHub
from panops.pipeline.supervisor import SupervisorSettings
from panops.pipeline.switchboard import Switchboard
from panops.pipeline.upkeep import Upkeep
from panops.storage.database import Database
from panops.storage.erasure import Erasure
from panops.storage.evidence import EvidenceStore
from panops.storage.face_seal import KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.gallery_records import NewFace, PersonFacts
from panops.storage.home import Home
from panops.storage.scope import Scope
from panops.testing.fake_clock import FakeClock
from panops.testing.fake_faces import face

from .running_supervisor import QUIET, Play, play

EVERYTHING = Scope.everything()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.at(tmp_path) as opened:
        yield opened


@pytest.fixture
def gallery(database: Database, tmp_path: Path) -> Gallery:
    return Gallery(database, KeyPlace(tmp_path / "faces.key", {}), FakeClock())


def know(gallery: Gallery, name: str, who: int, model: str = "fake@1", keep_until_s: float | None = None) -> str:
    person = gallery.add(EVERYTHING, PersonFacts(name, ("staff",), "asked", 0.0, keep_until_s), "ada")
    gallery.add_face(EVERYTHING, person.person_id, NewFace(model, face(who), b"jpeg", name.encode(), 0.9))
    return person.person_id


class Told:
    """A shard that remembers what it was told, or takes nothing."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.messages: list[Message] = []
        self.takes = True

    def send(self, message: Message) -> bool:
        if self.takes:
            self.messages.append(json.loads(json.dumps(message)))
        return self.takes

    @property
    def names(self) -> list[list[str]]:
        return [[one[1] for one in known["people"]] for message in self.messages for known in message["galleries"]]


class Look:
    """A face look, as far as it is told who is known."""

    def __init__(self, face_model: str = "fake@1") -> None:
        self.face_model = face_model
        self.known: list[KnownFaces | None] = []

    def faces_known(self, known: KnownFaces | None) -> None:
        self.known.append(known)


def test_what_is_known_comes_over_the_wire_as_it_was(gallery: Gallery) -> None:
    for number, name in enumerate(("Anna", "Bo", "Çelik 李")):
        know(gallery, name, number)
    before = gallery.known("fake@1")
    after = known_from_wire(json.loads(json.dumps(known_to_wire(before))))
    assert (after.model, after.people) == (before.model, before.people)
    for name in ("embedding", "person", "negative"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert getattr(after, name).dtype == getattr(before, name).dtype
    empty = known_from_wire(json.loads(json.dumps(known_to_wire(nobody("fake@1")))))
    assert (len(empty), empty.embedding.shape) == (0, (0, 0))


def test_each_shard_is_told_of_each_change_once(gallery: Gallery) -> None:
    shards = [Told(0), Told(1)]
    teller = KnownTeller(gallery, lambda: shards)

    async def act() -> None:
        await teller.follow()
        assert [shard.names for shard in shards] == [[], []]
        assert [len(shard.messages) for shard in shards] == [1, 1], "that nobody is known is told as well"
        know(gallery, "Anna", 1)
        shards[1].takes = False
        for _ in range(3):
            await teller.follow()
        assert [shard.names for shard in shards] == [[["Anna"]], []]
        shards[1].takes = True
        await teller.follow()
        assert shards[1].names == [["Anna"]], "who could not be told is told later"
        # A process that was started again knows nothing; its greeting says all, and nobody says it twice.
        (greeting,) = await teller.greeting(1)
        assert greeting["galleries"][0]["people"][0][1] == "Anna"
        await teller.follow()
        assert len(shards[1].messages) == 2

    asyncio.run(act())


def test_a_gallery_that_cannot_be_opened_tells_nothing_and_says_why(gallery: Gallery, tmp_path: Path) -> None:
    shard = Told(0)
    teller = KnownTeller(gallery, lambda: [shard])
    know(gallery, "Anna", 1)
    (tmp_path / "faces.key").rename(tmp_path / "away")

    async def act() -> None:
        assert await teller.greeting(0) == []
        with pytest.raises(StorageError, match="their key is not there"):
            await teller.follow()
        assert shard.messages == []
        (tmp_path / "away").rename(tmp_path / "faces.key")
        await teller.follow()
        assert shard.names == [["Anna"]]

    asyncio.run(act())


def test_too_many_faces_are_refused_before_they_break_a_link(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    know(gallery, "Anna", 1)
    monkeypatch.setattr("panops.pipeline.known_people._MOST_BYTES", 100)
    with pytest.raises(StorageError, match="got 1 pictures of more"):
        asyncio.run(KnownTeller(gallery, list).follow())


def test_looks_that_run_and_those_that_begin_know_the_same(gallery: Gallery) -> None:
    know(gallery, "Anna", 1)
    know(gallery, "Bo", 2, model="other@1")
    running, beginning, stranger = Look(), Look("other@1"), Look("third@9")
    loops = {"gate": SimpleNamespace(looks=[running, object()])}
    here = KnownHere(loops)
    here.tell([beginning])
    assert beginning.known == [None], "before anybody told, nobody is compared"
    here.take({"galleries": [known_to_wire(gallery.known(model)) for model in ("fake@1", "other@1")]})
    here.tell([beginning, stranger])
    assert [known.model for known in running.known if known] == ["fake@1"]
    assert [known.model for known in beginning.known if known] == ["other@1"]
    assert stranger.known[0] is not None
    assert stranger.known[0].model != "third@9", "so that it can say that they do not fit"
    here.take({"galleries": []})
    assert running.known[-1] is not None
    assert (running.known[-1].model, len(running.known[-1])) == ("fake@1", 0), "nobody is known any more"


def test_a_look_that_takes_up_another_model_is_told_anew(gallery: Gallery) -> None:
    know(gallery, "Anna", 1)
    know(gallery, "Bo", 2, model="fake@2")
    look = Look()
    here = KnownHere({"gate": SimpleNamespace(looks=[look])})
    here.take({"galleries": [known_to_wire(gallery.known(model)) for model in ("fake@1", "fake@2")]})
    here.refresh()
    assert len(look.known) == 1, "nothing is new"
    look.face_model = "fake@2"
    here.refresh()
    here.refresh()
    assert [known.model for known in look.known if known] == ["fake@1", "fake@2"]


def test_a_shard_does_as_it_is_told(gallery: Gallery, database: Database, tmp_path: Path) -> None:
    know(gallery, "Anna", 1)
    look = Look()

    async def run() -> None:
        ours, theirs = socket.socketpair()
        link = ShardLink(theirs)
        shard = Shard(0, Home(tmp_path).create(), database, "motion", link)
        shard._loops["gate"] = SimpleNamespace(looks=[look])  # type: ignore[assignment]  # as far as it is asked
        _, writer = await asyncio.open_connection(sock=ours)
        message = {"type": "known_faces", "galleries": [known_to_wire(gallery.known("fake@1"))]}
        writer.write(pack(message) + pack({"type": "drain"}))
        await asyncio.to_thread(_obey, shard, link)
        link.close()
        writer.close()

    asyncio.run(run())
    assert look.known[-1] is not None
    assert [person.name for person in look.known[-1].people] == ["Anna"]


def test_a_running_site_tells_its_processes(tmp_path: Path) -> None:
    async def act(running: Play) -> None:
        teller = running.supervisor._known
        await running.until(running.live, what="the camera runs")
        assert teller._told == {0: 0}, "at its greeting"
        know(Gallery(running.database, KeyPlace(running.home.faces_key, {})), "Anna", 1)
        await running.until(lambda: teller._told == {0: 2}, what="the process was told")
        assert running.supervisor.notices() == []

    play(tmp_path, {"cameras": {"gate": QUIET}}, act, SupervisorSettings(default_model="motion"))


def test_upkeep_deletes_whose_time_is_over_and_says_so(database: Database, tmp_path: Path) -> None:
    clock = FakeClock()
    gallery = Gallery(database, KeyPlace(tmp_path / "faces.key", {}), clock)
    store = EvidenceStore(database, tmp_path / "evidence", clock)
    know(gallery, "Anna", 1, keep_until_s=clock.now_s + 60)
    know(gallery, "Bo", 2)

    async def act() -> None:
        hub = FeedHub(lambda: None)
        feed, board = hub.subscribe(), SiteBoard(hub)
        alerting = Alerting(database, store, clock, Switchboard(database, clock))
        upkeep = Upkeep(Home(tmp_path).create(), database, store, alerting, board, clock)
        await upkeep.let_people_go()
        assert upkeep.storage_figures()["people_expired"] == 0
        clock.now_s += 60
        await upkeep.let_people_go()
        assert upkeep.storage_figures()["people_expired"] == 1
        told = [item for item in await feed.next() if isinstance(item, SystemNotice)]
        assert [notice.message for notice in told] == ["1 known person was deleted, whose time was over"]
        alerting.stop()

    asyncio.run(act())
    assert [person.name for person in gallery.people(EVERYTHING)] == ["Bo"]
    assert Erasure(database, store, clock).expired() == 0
