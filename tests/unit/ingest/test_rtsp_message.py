from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.ingest.rtsp_message import LONGEST_BODY_BYTES, LONGEST_HEAD_BYTES, format_answer, format_request, parse_message

_ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 4\r\nWWW-Authenticate: Basic a\r\nwww-authenticate: Digest b\r\n\r\nbody$more"


def test_an_answer() -> None:
    found = parse_message(_ANSWER)
    assert found is not None
    message, length = found
    assert (message.status, message.method, message.body, _ANSWER[length:]) == (200, "", b"body", b"$more")
    assert message.header("cseq") == "3"
    assert message.header("nothing") == ""
    assert message.every("www-authenticate") == ["Basic a", "Digest b"]


@pytest.mark.parametrize("cut", range(0, len(_ANSWER) - 5, 7))
def test_a_part_is_waited_for(cut: int) -> None:
    assert parse_message(_ANSWER[:cut]) is None


def test_a_request_of_the_servers() -> None:
    found = parse_message(b"GET_PARAMETER rtsp://x/y RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    assert found is not None
    assert (found[0].status, found[0].method) == (0, "GET_PARAMETER")


def test_folded_headers_and_odd_lines() -> None:
    found = parse_message(b'RTSP/1.0 401\r\nWWW-Authenticate: Digest\r\n realm="x"\r\nno colon\r\n: empty\r\n\r\n')
    assert found is not None
    assert found[0].status == 401
    assert found[0].header("www-authenticate") == 'Digest realm="x"'


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "not RTSP"),
        (b"RTSP/1.0 OK\r\n\r\n", "not RTSP"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", "longer than"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", "longer than"),
        (f"RTSP/1.0 200 OK\r\nContent-Length: {LONGEST_BODY_BYTES + 1}\r\n\r\n".encode(), "longer than"),
        (b"R" * (LONGEST_HEAD_BYTES + 1), "without end"),
    ],
)
def test_what_is_no_message_or_too_long_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_message(data)


def test_requests_and_answers_are_written_plainly() -> None:
    assert format_request("SETUP", "rtsp://h:554/a b", [("CSeq", "2")]) == b"SETUP rtsp://h:554/a%20b RTSP/1.0\r\nCSeq: 2\r\n\r\n"
    assert format_answer("200 OK", [("CSeq", "9")]) == b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n"


@pytest.mark.parametrize("bad", ["x\r\nEvil: 1", "x\ny", "x\0"])
def test_nobody_writes_headers_of_his_own(bad: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        format_request("SETUP", f"rtsp://h/{bad}", [])
    with pytest.raises(ValueError, match="control characters"):
        format_request("SETUP", "rtsp://h/", [("Session", bad)])


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_bytes_raise_anything_else(head: bytes, rest: bytes) -> None:
    for data in (head, b"RTSP/1.0 200 OK\r\n" + head + b"\r\n\r\n" + rest):
        try:
            found = parse_message(data)
        except ValueError:
            continue
        assert found is None or found[1] <= len(data)
