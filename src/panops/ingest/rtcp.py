"""RTCP (RFC 3550, section 6): what a viewer tells a camera to show that it is still there, and a camera's farewell."""

from __future__ import annotations

import struct

_RECEIVER_REPORT, _DESCRIPTION, _GOODBYE = 201, 202, 203
_NAME = b"panops"


def receiver_report(own: int, source: int, highest: int) -> bytes:
    """A report with nothing to complain about, and who we are; 52 bytes.

    Args:
        own: The number that we go by.
        source: The sender's.
        highest: The highest sequence number so far, with its wraps in the upper half.
    """
    report = struct.pack(">BBHIIIIIII", 0x81, _RECEIVER_REPORT, 7, own, source, 0, highest & 0xFFFFFFFF, 0, 0, 0)
    item = struct.pack(">BB", 1, len(_NAME)) + _NAME
    item += b"\0" * (4 - len(item) % 4)
    return report + struct.pack(">BBHI", 0x81, _DESCRIPTION, 1 + len(item) // 4, own) + item


def says_goodbye(data: memoryview, at: int, end: int) -> bool:
    """Whether a sender leaves, in the compound packet `data[at:end]`; lengths that lead nowhere mean no."""
    while at + 4 <= end:
        if data[at] & 0xC0 != 0x80:
            return False
        if data[at + 1] == _GOODBYE:
            return True
        at += 4 + 4 * (data[at + 2] << 8 | data[at + 3])
    return False
