"""The inference worker's end of its wire, over a real socket pair."""

from __future__ import annotations

import socket
import struct
import threading

import pytest

from panops.pipeline.inference_link import InferenceLink
from panops.pipeline.link import LinkClosedError, pack


def test_messages_that_come_in_pieces_or_together_are_read_one_by_one() -> None:
    ours, theirs = socket.socketpair()
    link = InferenceLink(theirs)
    frames = b"".join(pack({"n": number, "text": "x" * number * 1000}) for number in range(40))

    def feed() -> None:
        for at in range(0, len(frames), 7001):
            ours.sendall(frames[at : at + 7001])

    thread = threading.Thread(target=feed)
    thread.start()
    assert [link.receive()["n"] for _ in range(40)] == list(range(40))
    thread.join()
    link.close()
    link.close()
    ours.close()


def test_what_several_threads_say_stays_whole() -> None:
    ours, theirs = socket.socketpair()
    said, heard = InferenceLink(theirs), InferenceLink(ours)

    def say(who: int) -> None:
        for number in range(30):
            said.send({"who": who, "number": number, "text": "y" * 50_000})

    threads = [threading.Thread(target=say, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    got = [heard.receive() for _ in range(120)]
    for thread in threads:
        thread.join()
    assert [[one["number"] for one in got if one["who"] == who] for who in range(4)] == [list(range(30))] * 4
    said.close()
    heard.close()


def test_the_end_of_the_desk_ends_reading_and_hurts_no_sender() -> None:
    ours, theirs = socket.socketpair()
    link = InferenceLink(theirs)
    ours.sendall(pack({"n": 1})[:-1])
    ours.close()
    with pytest.raises(LinkClosedError):
        link.receive()
    for _ in range(3):
        link.send({"type": "answer"})
    link.close()


@pytest.mark.parametrize("head", [struct.pack("<II", 2**31, 0), struct.pack("<II", 2, 1)])
def test_what_cannot_be_right_is_not_waited_for(head: bytes) -> None:
    ours, theirs = socket.socketpair()
    link = InferenceLink(theirs)
    ours.sendall(head + b"{}x")
    with pytest.raises(LinkClosedError, match="cannot be right"):
        link.receive()
    ours.close()
    link.close()
