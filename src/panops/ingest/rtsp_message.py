"""RTSP's requests and answers (RFC 2326) as text: made, and taken apart within bounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_HEAD_BYTES = 16 * 1024
LONGEST_BODY_BYTES = 64 * 1024

_STATUS = re.compile(r"RTSP/\d\.\d (\d{3})(?: |$)")
_REQUEST = re.compile(r"([A-Z_]{3,20}) \S+ RTSP/\d\.\d")


@dataclass(frozen=True, slots=True)
class RtspMessage:
    """An answer, or a request of the server's.

    Attributes:
        status: The answer's code; 0 for a request.
        method: The request's; empty for an answer.
        headers: Names in lower case with their values, in order.
        body: What follows them.
    """

    status: int
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first header of that name; empty where there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def every(self, name: str) -> list[str]:
        """All headers of that name."""
        return [value for key, value in self.headers if key == name]


def parse_message(data: bytes) -> tuple[RtspMessage, int] | None:
    """Take the message apart that `data` begins with.

    Returns:
        It and its length in bytes, or None while it is not complete.

    Raises:
        ValueError: It is none, or longer than allowed; the text says which.
    """
    end = data.find(b"\r\n\r\n", 0, LONGEST_HEAD_BYTES + 4)
    if end < 0:
        if len(data) > LONGEST_HEAD_BYTES:
            raise ValueError("a message without end")
        return None
    first, *lines = data[:end].decode("utf-8", "replace").split("\r\n")
    status, request = _STATUS.match(first), _REQUEST.match(first)
    if status is None and request is None:
        raise ValueError("something that is not RTSP")
    headers = _headers(lines)
    length = next((value for key, value in headers if key == "content-length"), "") or "0"
    if not length.isdecimal() or len(length) > 9 or int(length) > LONGEST_BODY_BYTES:
        raise ValueError("a message longer than can be handled")
    after = end + 4 + int(length)
    if len(data) < after:
        return None
    message = RtspMessage(int(status[1]) if status else 0, request[1] if request else "", headers, data[end + 4 : after])
    return message, after


def format_request(method: str, url: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """A request without a body.

    Raises:
        ValueError: A line break or another control character hides in it.
    """
    return _format(f"{method} {url.replace(' ', '%20')} RTSP/1.0", headers)


def format_answer(status: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """An answer to a request of the server's, such as `200 OK`.

    Raises:
        ValueError: A line break or another control character hides in it.
    """
    return _format(f"RTSP/1.0 {status}", headers)


def _format(first: str, headers: Sequence[tuple[str, str]]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    if any(letter < " " or letter == "\x7f" for line in lines for letter in line):
        raise ValueError("an address or a header with control characters")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _headers(lines: Sequence[str]) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if line[:1] in {" ", "\t"} and headers:  # the line before goes on
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}")
        elif colon:
            headers.append((name.strip().lower(), value.strip()))
    return tuple(headers)
