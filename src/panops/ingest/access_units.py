"""RTP packets to whole pictures: what H.264 (RFC 6184) and H.265 (RFC 7798) have in common.

A picture with all that belongs to it, an *access unit*, comes as NAL units in one or more packets. It ends with the packet that bears the
marker, or where the next one visibly begins, for some cameras set the marker wrongly or never. It leaves in Annex B form, each NAL unit
after a start code, as FFmpeg's reader gives it.

The connection loses nothing, but cameras throw packets away when the network is slow. A picture with a hole is not given on, nor is what
builds upon it up to the next keyframe: half-grey pictures would look like motion.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from enum import IntFlag
from typing import NamedTuple

_HEADER = struct.Struct(">BBHII")
_START = b"\0\0\0\1"
# Keyframes of 8K pictures have about 3 MB.
LARGEST_UNIT_BYTES = 8 << 20
# Level 6.2 allows 600 slices a picture. Many tiny units cost time, which belongs to the other cameras.
MOST_NALS = 1024
_LARGEST_SET_BYTES, _MOST_SETS = 4096, 64
# Of a stream that loses so much, or whose keyframes cannot be told, another reader may make more.
_PATIENCE = 300
# A packet so little behind is one that was sent twice.
_LARGEST_REPEAT = 64


class Trait(IntFlag):
    """What a type of NAL units means here."""

    SLICE = 1
    KEY = 2
    LEADS = 4
    """It stands before the slices, so after one it begins the next picture."""
    SET = 8
    SEI = 16


_SLICE, _KEY, _LEADS, _KEPT = (int(trait) for trait in (Trait.SLICE, Trait.KEY, Trait.LEADS, Trait.SET | Trait.SEI))


class AccessUnit(NamedTuple):
    """One picture.

    Attributes:
        data: Its NAL units, each after a start code.
        timestamp: RTP's.
        is_keyframe: Whether decoding can begin here.
        changed: Whether it is a keyframe of another stream: a sequence parameter set differs from the one before it.
    """

    data: bytearray
    timestamp: int
    is_keyframe: bool
    changed: bool


def _to_nobody(unit: AccessUnit) -> None:
    """After the end."""


class Depacketiser:
    """One stream. Subclasses take payloads apart; this class puts pictures together.

    Args:
        give: Told each access unit, in the order of decoding.
        payload_type: Of the video's packets; others are passed over.
        parameter_sets: What the session description announced, without start codes.

    Attributes:
        lost: Pictures given up because packets were missing.
        parameter_sets: The newest of each kind and number, without start codes.
        source: The number by which the sender names itself.
    """

    TRAITS: tuple[int, ...] = ()
    """What each type of NAL units means."""
    FRAGMENT_MASK = FRAGMENT_BITS = 0
    """How the first byte of a packet tells that it holds a piece of a NAL unit."""
    FRAGMENT_HEAD_BYTES = 0
    """What stands before such a piece; in the last of these bytes the highest bit marks the first piece."""

    def __init__(self, give: Callable[[AccessUnit], None], payload_type: int, parameter_sets: Iterable[bytes] = ()) -> None:
        self.lost = 0
        self.parameter_sets: dict[tuple[int, int], bytes] = {}
        self.source = 0
        self._give = give
        self._payload_type = payload_type
        self._next = -1  # the sequence number that should come
        self._wraps = 0
        self._unit = bytearray()
        self._timestamp = 0
        self._nals = 0
        self._nal_at = -1  # where the NAL unit begins that is being put together; -1 for none
        self._nal_traits = 0
        self._traits = 0  # of all NAL units of this picture
        self._recovers = False
        self._changed = False  # since the last keyframe
        self._skipping = True  # until a picture begins
        self._given_up: int | None = None  # timestamp of the picture that was counted as lost last
        self._needs_keyframe = False
        self._thrown_away = 0
        self._trusts_marker = True
        self._marked: int | None = None  # timestamp of the picture that a marker ended last
        for nal in parameter_sets:
            self._keep_set(nal)

    def end(self) -> None:
        """Nothing more will come: let go of whoever was told, who holds this one in turn."""
        self._give = _to_nobody

    @property
    def highest(self) -> int:
        """The highest sequence number so far, with its wraps in the upper half; -1 before the first."""
        return -1 if self._next < 0 else (self._wraps << 16) + self._next - 1

    def push(self, data: memoryview, at: int, end: int) -> None:
        """Take the RTP packet `data[at:end]`. Nothing of `data` is kept.

        Raises:
            ValueError: Lengths in it are wrong, or larger than can be handled; the text says which.
        """
        if end - at < 12:
            raise ValueError("an RTP packet that is too short")
        flags, kind, sequence, timestamp, source = _HEADER.unpack_from(data, at)
        if kind & 0x7F != self._payload_type or flags & 0xC0 != 0x80:
            return
        at += 12
        if flags != 0x80:
            at, end = _payload_inside(data, at, end, flags)
        if sequence != self._next and not self._in_step(sequence, timestamp, source):
            return
        self._next = (sequence + 1) & 0xFFFF
        if not self._next:
            self._wraps += 1
        head = self.FRAGMENT_HEAD_BYTES
        if (
            self._nal_at >= 0
            and timestamp == self._timestamp
            and end - at > head
            and data[at] & self.FRAGMENT_MASK == self.FRAGMENT_BITS
            and data[at + head - 1] < 0x80
        ):
            self._more(data[at + head : end])  # the usual case, in few steps: a NAL unit goes on
        elif at < end and (not self._skipping or self._is_over(data, at, end, timestamp, kind)):
            self._payload(data, at, end, timestamp)
        if kind & 0x80 and self._trusts_marker and self._traits & _SLICE:
            self._marked = timestamp
            self._end_picture()

    def annex_b(self) -> bytes:
        """All parameter sets, each after a start code."""
        return b"".join(_START + self.parameter_sets[key] for key in sorted(self.parameter_sets))

    # --- what subclasses say ------------------------------------------------------------------------------------------------

    def _payload(self, data: memoryview, at: int, end: int, timestamp: int) -> None:
        """Take a payload apart, calling `_begin`, `_more` and `_lose`."""
        raise NotImplementedError

    def _begins_picture(self, data: memoryview, at: int, end: int) -> bool:
        """Whether a payload surely holds the beginning of a picture."""
        raise NotImplementedError

    def _set_key(self, nal: bytes) -> tuple[int, int, bool] | None:
        """A parameter set's type, its number, and whether another set under the same number means another stream; None for junk."""
        raise NotImplementedError

    def _is_recovery(self, nal: bytes) -> bool:
        """Whether an SEI says that decoding can begin with this picture."""
        del nal
        return False

    def has_all_sets(self) -> bool:
        """Whether a decoder could begin."""
        raise NotImplementedError

    # --- for subclasses -----------------------------------------------------------------------------------------------------

    def _begin(self, kind: int, is_first: bool, timestamp: int) -> bool:
        """A NAL unit begins.

        Args:
            kind: Its type.
            is_first: Of a slice: whether it is its picture's first one.
            timestamp: Its packet's.

        Returns:
            False where it belongs to a picture that is given up; then the rest of it must not come.
        """
        if self._nal_at >= 0:
            self._end_nal()
        traits = self.TRAITS[kind]
        if self._traits & _SLICE:
            if timestamp != self._timestamp or traits & _LEADS or (traits & _SLICE and is_first):
                self._end_picture()
        elif traits & _SLICE and not is_first and timestamp == self._marked and not self._unit:
            # The picture goes on after its marker.
            self._trusts_marker = False
            self._lose(timestamp)
            return False
        self._timestamp = timestamp
        self._traits |= traits
        self._nals += 1
        if self._nals > MOST_NALS:
            raise ValueError(f"a picture of more than {MOST_NALS} pieces")
        self._unit += _START
        self._nal_at, self._nal_traits = len(self._unit), traits
        return True

    def _more(self, data: memoryview) -> None:
        """The NAL unit goes on."""
        self._unit += data
        if len(self._unit) > LARGEST_UNIT_BYTES:
            raise ValueError(f"a picture of more than {LARGEST_UNIT_BYTES >> 20} MB")

    def _stray(self, timestamp: int) -> None:
        """A piece came of a NAL unit whose beginning is not there."""
        if timestamp == self._marked:  # it is there, in the picture that the marker ended
            self._trusts_marker = False
        self._lose(timestamp)
        self._count_lost(timestamp)

    def _count_lost(self, timestamp: int) -> None:
        """A picture will not come whole; each counts once."""
        if timestamp != self._given_up:
            self._given_up = timestamp
            self.lost += 1

    def _lose(self, timestamp: int) -> None:
        """Something is missing: give up the picture that is being put together, and the one of this timestamp."""
        if self._traits & _SLICE:
            self._count_lost(self._timestamp)
        self._unit = bytearray()
        self._nals = self._traits = 0
        self._recovers = False
        self._nal_at = -1
        self._timestamp = timestamp
        self._skipping = True
        self._needs_keyframe = True

    # --- inside -------------------------------------------------------------------------------------------------------------

    def _in_step(self, sequence: int, timestamp: int, source: int) -> bool:
        """A packet that does not follow the one before it; False where it is one that was sent twice."""
        if self._next < 0:
            self.source, self._timestamp = source, timestamp
            return True
        if (self._next - sequence) & 0xFFFF <= _LARGEST_REPEAT and source == self.source:
            return False
        self.source = source
        self._wraps += sequence < self._next
        self._lose(timestamp)
        return True

    def _is_over(self, data: memoryview, at: int, end: int, timestamp: int, kind: int) -> bool:
        """While a picture is skipped: whether this packet belongs to the next one."""
        if timestamp == self._timestamp and not self._begins_picture(data, at, end):
            if self._needs_keyframe:
                self._count_lost(timestamp)
            self._skipping = not kind & 0x80
            return False
        self._skipping = False
        return True

    def _end_nal(self) -> None:
        if self._nal_traits & _KEPT:
            nal = bytes(self._unit[self._nal_at :])
            if self._nal_traits & Trait.SEI:
                self._recovers = self._recovers or self._is_recovery(nal)
            elif self._keep_set(nal):
                self._changed = True
        self._nal_at = -1

    def _keep_set(self, nal: bytes) -> bool:
        """Remember a parameter set; whether it means another stream."""
        found = self._set_key(nal) if len(nal) <= _LARGEST_SET_BYTES else None
        if found is None:
            return False
        kind, number, is_whole = found
        known = self.parameter_sets.get((kind, number))
        if known == nal or (known is None and len(self.parameter_sets) >= _MOST_SETS):
            return False
        self.parameter_sets[kind, number] = nal
        return known is not None and is_whole

    def _end_picture(self) -> None:
        if self._nal_at >= 0:
            self._end_nal()
        is_keyframe = self._recovers or self._traits & _KEY != 0
        unit = AccessUnit(self._unit, self._timestamp, is_keyframe, is_keyframe and self._changed)
        self._unit = bytearray()
        self._nals = self._traits = 0
        if is_keyframe:
            self._recovers = self._changed = False
        if self._needs_keyframe and not self._is_awaited(unit):
            return
        self._give(unit)

    def _is_awaited(self, unit: AccessUnit) -> bool:
        """Whether a picture is the keyframe that decoding can go on with."""
        if not unit.is_keyframe:
            self._count_lost(unit.timestamp)
            self._thrown_away += 1
            if self._thrown_away > _PATIENCE:
                raise ValueError(f"no whole keyframe among {_PATIENCE} pictures after packets were lost")
            return False
        self._needs_keyframe, self._thrown_away = False, 0
        return True


def _payload_inside(data: memoryview, at: int, end: int, flags: int) -> tuple[int, int]:
    """Where the payload begins and ends in a packet with padding, an extension or contributing sources."""
    at += 4 * (flags & 0x0F)
    if flags & 0x10:
        if at + 4 > end:
            raise ValueError("an RTP packet that is too short")
        at += 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
    if flags & 0x20 and end > at:
        end -= data[end - 1]
    if at > end:
        raise ValueError("an RTP packet that is too short")
    return at, end


def exp_golomb(data: bytes, at: int) -> int | None:
    """The number that an Exp-Golomb code at the beginning of `data[at:]` stands for; None where it does not end within five bytes."""
    bits = int.from_bytes(data[at : at + 5].ljust(5, b"\0"), "big")
    zeros = 40 - bits.bit_length()
    if zeros >= 20:
        return None
    return (bits >> (39 - 2 * zeros)) - 1


def unescaped(nal: bytes) -> bytes:
    """A NAL unit without emulation prevention bytes."""
    return nal.replace(b"\0\0\3", b"\0\0")
