"""H.264 out of RTP (RFC 6184): single NAL units, STAP-A, FU-A; the interleaved modes are FFmpeg's."""

from __future__ import annotations

from panops.ingest.access_units import Depacketiser, Trait, exp_golomb, unescaped

_SEI, _SPS, _PPS, _DELIMITER = 6, 7, 8, 9
_STAP_A, _FU_A = 24, 28
_RECOVERY_POINT = 6
# The messages that matter stand in front; some cameras append kilobytes of their own.
_LONGEST_SEI_BYTES = 1024


class H264Depacketiser(Depacketiser):
    """One H.264 stream. A keyframe is an IDR picture, or one with a recovery point, as FFmpeg sees it."""

    FRAGMENT_MASK, FRAGMENT_BITS, FRAGMENT_HEAD_BYTES = 0x1F, _FU_A, 2
    TRAITS = tuple(
        int({
            1: Trait.SLICE, 2: Trait.SLICE, 5: Trait.SLICE | Trait.KEY,
            _SEI: Trait.LEADS | Trait.SEI, _SPS: Trait.LEADS | Trait.SET, _PPS: Trait.LEADS | Trait.SET, _DELIMITER: Trait.LEADS,
        }.get(kind, 0))
        for kind in range(32)
    )  # fmt: skip

    def _payload(self, data: memoryview, at: int, end: int, timestamp: int) -> None:
        kind = data[at] & 0x1F
        if kind == _FU_A:
            self._first_fragment(data, at, end, timestamp)
        elif kind == _STAP_A:
            at += 1
            while at + 2 < end:
                length = data[at] << 8 | data[at + 1]
                at += 2
                if not length or at + length > end:
                    raise ValueError("a NAL unit of a wrong length")
                if not self._whole(data, at, at + length, timestamp):
                    return
                at += length
        elif 0 < kind < _STAP_A:
            self._whole(data, at, end, timestamp)
        elif kind:
            self._lose(timestamp)

    def _first_fragment(self, data: memoryview, at: int, end: int, timestamp: int) -> None:
        if end - at < 3:
            raise ValueError("a NAL unit of a wrong length")
        edge = data[at + 1]
        if edge < 0x80:  # where one goes on, it never comes here
            self._stray(timestamp)
        elif self._begin(edge & 0x1F, data[at + 2] >= 0x80, timestamp):
            self._unit.append(data[at] & 0xE0 | edge & 0x1F)
            self._more(data[at + 2 : end])

    def _whole(self, data: memoryview, at: int, end: int, timestamp: int) -> bool:
        if not self._begin(data[at] & 0x1F, end - at > 1 and data[at + 1] >= 0x80, timestamp):
            return False
        self._more(data[at:end])
        self._end_nal()
        return True

    def _begins_picture(self, data: memoryview, at: int, end: int) -> bool:
        kind, first = data[at] & 0x1F, at + 1
        if kind == _STAP_A and end - at > 4:
            kind, first = data[at + 3] & 0x1F, at + 4
        elif kind == _FU_A and end - at > 2 and data[at + 1] & 0x80:
            kind, first = data[at + 1] & 0x1F, at + 2
        traits = self.TRAITS[kind]
        return bool(traits & Trait.LEADS or (traits & Trait.SLICE and first < end and data[first] >= 0x80))

    def _set_key(self, nal: bytes) -> tuple[int, int, bool] | None:
        kind = nal[0] & 0x1F
        number = exp_golomb(nal, 4) if kind == _SPS else exp_golomb(nal, 1)
        if kind not in {_SPS, _PPS} or number is None or number > 255:
            return None
        return kind, number, kind == _SPS

    def _is_recovery(self, nal: bytes) -> bool:
        data, at = unescaped(nal[:_LONGEST_SEI_BYTES]), 1
        while at + 2 < len(data):
            numbers = [0, 0]  # the message's type and length
            for index in range(2):
                while at < len(data) and data[at] == 0xFF:
                    numbers[index] += 0xFF
                    at += 1
                if at >= len(data):
                    return False
                numbers[index] += data[at]
                at += 1
            if numbers[0] == _RECOVERY_POINT:
                return True
            at += numbers[1]
        return False

    def has_all_sets(self) -> bool:
        """Whether a sequence and a picture parameter set are known."""
        return {kind for kind, _ in self.parameter_sets} == {_SPS, _PPS}
