"""H.265 out of RTP (RFC 7798): single NAL units, aggregation packets, fragmentation units; no decoding order numbers."""

from __future__ import annotations

from panops.ingest.access_units import Depacketiser, Trait, exp_golomb, unescaped

_VPS, _SPS, _PPS, _DELIMITER, _PREFIX_SEI = 32, 33, 34, 35, 39
_AGGREGATE, _FRAGMENT = 48, 49
_RANDOM_ACCESS = range(16, 24)
# The general part of profile, tier and level, and what each sub-layer adds, in bytes.
_GENERAL_BYTES, _LAYER_BYTES = 12, 11
_SET_START_BYTES = 160


class H265Depacketiser(Depacketiser):
    """One H.265 stream. A keyframe is a picture for random access (IDR, CRA, BLA)."""

    FRAGMENT_MASK, FRAGMENT_BITS, FRAGMENT_HEAD_BYTES = 0x7E, _FRAGMENT << 1, 3
    TRAITS = tuple(
        int(
            Trait.SLICE | (Trait.KEY if kind in _RANDOM_ACCESS else 0)
            if kind < _VPS
            else Trait.LEADS | Trait.SET
            if kind in {_VPS, _SPS, _PPS}
            else Trait.LEADS
            if kind in {_DELIMITER, _PREFIX_SEI}
            else 0
        )
        for kind in range(64)
    )

    def _payload(self, data: memoryview, at: int, end: int, timestamp: int) -> None:
        if end - at < 3:
            raise ValueError("a NAL unit of a wrong length")
        kind = data[at] >> 1 & 0x3F
        if kind == _FRAGMENT:
            self._first_fragment(data, at, end, timestamp)
        elif kind == _AGGREGATE:
            at += 2
            while at + 2 < end:
                length = data[at] << 8 | data[at + 1]
                at += 2
                if length < 3 or at + length > end:
                    raise ValueError("a NAL unit of a wrong length")
                if not self._whole(data, at, at + length, timestamp):
                    return
                at += length
        elif kind < _AGGREGATE:
            self._whole(data, at, end, timestamp)
        else:
            self._lose(timestamp)

    def _first_fragment(self, data: memoryview, at: int, end: int, timestamp: int) -> None:
        if end - at < 4:
            raise ValueError("a NAL unit of a wrong length")
        edge = data[at + 2]
        if edge < 0x80:  # where one goes on, it never comes here
            self._stray(timestamp)
        elif self._begin(edge & 0x3F, data[at + 3] >= 0x80, timestamp):
            self._unit.append(data[at] & 0x81 | (edge & 0x3F) << 1)
            self._unit.append(data[at + 1])
            self._more(data[at + 3 : end])

    def _whole(self, data: memoryview, at: int, end: int, timestamp: int) -> bool:
        if not self._begin(data[at] >> 1 & 0x3F, data[at + 2] >= 0x80, timestamp):
            return False
        self._more(data[at:end])
        self._end_nal()
        return True

    def _begins_picture(self, data: memoryview, at: int, end: int) -> bool:
        kind, first = data[at] >> 1 & 0x3F, at + 2
        if kind == _AGGREGATE and end - at > 6:
            kind, first = data[at + 4] >> 1 & 0x3F, at + 6
        elif kind == _FRAGMENT and end - at > 3 and data[at + 2] & 0x80:
            kind, first = data[at + 2] & 0x3F, at + 3
        traits = self.TRAITS[kind]
        return bool(traits & Trait.LEADS or (traits & Trait.SLICE and first < end and data[first] >= 0x80))

    def _set_key(self, nal: bytes) -> tuple[int, int, bool] | None:
        kind = nal[0] >> 1 & 0x3F
        if kind == _VPS and len(nal) > 2:
            return kind, nal[2] >> 4, False
        number = _sps_number(nal) if kind == _SPS else exp_golomb(nal, 2) if kind == _PPS else None
        if number is None or number > 63:
            return None
        return kind, number, kind == _SPS

    def has_all_sets(self) -> bool:
        """Whether a video, a sequence and a picture parameter set are known."""
        return {kind for kind, _ in self.parameter_sets} == {_VPS, _SPS, _PPS}


def _sps_number(nal: bytes) -> int | None:
    """A sequence parameter set's number stands after profile, tier and level of all sub-layers (H.265, 7.3.2.2 and 7.3.3)."""
    data = unescaped(nal[:_SET_START_BYTES])
    if len(data) < 3 + _GENERAL_BYTES + 2:
        return None
    layers, at = data[2] >> 1 & 7, 3 + _GENERAL_BYTES
    if layers:
        flags = data[at] << 8 | data[at + 1]
        at += 2
        for layer in range(layers):
            at += _LAYER_BYTES * (flags >> 15 - 2 * layer & 1) + (flags >> 14 - 2 * layer & 1)
    return exp_golomb(data, at)
