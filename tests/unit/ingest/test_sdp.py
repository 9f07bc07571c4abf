from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.ingest.reader_choice import Unusual
from panops.ingest.sdp import VideoOffer, parse_sdp

_SPS, _PPS = bytes([0x67, 66, 0, 30, 0x80]), bytes([0x68, 0x80, 1])
_SETS = ",".join(base64.b64encode(one).decode() for one in (_SPS, _PPS))


def _sdp(*video: str, media: str = "m=video 0 RTP/AVP 96", session: tuple[str, ...] = ("a=control:*",)) -> str:
    return "\r\n".join(["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=camera", "t=0 0", *session, media, *video, ""])


def test_a_usual_camera() -> None:
    text = _sdp(
        "b=AS:5000",
        "a=rtpmap:96 H264/90000",
        f"a=fmtp:96 profile-level-id=42001E; packetization-mode=1; sprop-parameter-sets={_SETS}",
        "a=control:trackID=1",
        "a=framerate:15.0",
        "m=audio 0 RTP/AVP 8",
        "a=control:trackID=2",
        "m=application 0 RTP/AVP 107",
        "a=rtpmap:107 vnd.onvif.metadata/90000",
    )
    assert parse_sdp(text) == VideoOffer("h264", 96, 90_000, "trackID=1", "*", (_SPS, _PPS), 15.0)
    assert parse_sdp(text.replace("\r\n", "\n")) == parse_sdp(text)


def test_h265() -> None:
    sets = [bytes([kind << 1, 1, 0, 7]) for kind in (32, 33, 34)]
    names = zip(("sprop-vps", "sprop-sps", "sprop-pps"), sets, strict=True)
    parameters = "; ".join(f"{name}={base64.b64encode(one).decode()}" for name, one in names)
    offer = parse_sdp(_sdp("a=rtpmap:98 h265/90000", f"a=fmtp:98 {parameters}; sprop-max-don-diff=0", media="m=video 0 RTP/AVP 98"))
    assert (offer.codec, offer.payload_type, offer.parameter_sets, offer.rate_fps) == ("hevc", 98, tuple(sets), None)


def test_what_cannot_be_read_of_the_details_is_left_out() -> None:
    offer = parse_sdp(_sdp("a=rtpmap:96 H264/90000", "a=fmtp:96 sprop-parameter-sets=%%%,AA==,,;junk;=x", "a=framerate:many"))
    assert (offer.parameter_sets, offer.rate_fps, offer.control) == ((), None, "")
    unpadded = _SETS.split(",")[1].rstrip("=")
    assert parse_sdp(_sdp("a=rtpmap:96 H264/90000", f"a=fmtp:96 sprop-parameter-sets={unpadded}")).parameter_sets == (_PPS,)
    huge = base64.b64encode(bytes(5000)).decode()
    assert parse_sdp(_sdp("a=rtpmap:96 H264/90000", f"a=fmtp:96 sprop-parameter-sets={huge}")).parameter_sets == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no video streams"),
        ("<html>", "no video streams"),
        (_sdp(media="m=audio 0 RTP/AVP 8"), "no video streams"),
        (_sdp("a=rtpmap:96 H264/90000", "m=video 0 RTP/AVP 97", "a=rtpmap:97 H264/90000"), "2 video streams"),
        (_sdp("a=rtpmap:96 H264/90000", media="m=video 0 RTP/SAVP 96"), "not plain RTP"),
        (_sdp("a=rtpmap:96 H264/90000", "a=crypto:1 AES_CM_128 x", media="m=video 0 RTP/AVP 96"), "not plain RTP"),
        (_sdp("a=rtpmap:96 H264/90000", media="m=video 0 UDP 96"), "not plain RTP"),
        (_sdp("a=rtpmap:96 H264/90000", media="m=video 0"), "not plain RTP"),
        (_sdp("a=rtpmap:96 H264/90000", media="m=video 0 RTP/AVP 96 97"), "several formats"),
        (_sdp("a=rtpmap:96 H264/90000", media="m=video 0 RTP/AVP 999"), "several formats"),
        (_sdp("a=rtpmap:96 H264/90000", media="m=video 0 RTP/AVP x"), "several formats"),
        (_sdp("a=rtpmap:26 JPEG/90000", media="m=video 0 RTP/AVP 26"), r"neither H\.264 nor H\.265"),
        (_sdp(media="m=video 0 RTP/AVP 26"), r"neither H\.264 nor H\.265"),
        (_sdp("a=rtpmap:96 H264"), "clock"),
        (_sdp("a=rtpmap:96 H264/0"), "clock"),
        (_sdp("a=rtpmap:96 H264/99999999999999999999"), "clock"),
        (_sdp("a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=2"), "order of its own"),
        (_sdp("a=rtpmap:96 H265/90000", "a=fmtp:96 sprop-max-don-diff=2"), "order of its own"),
        (_sdp("a=rtpmap:96 H265/90000", "a=fmtp:96 tx-mode=MRST"), "order of its own"),
    ],
)
def test_everything_unusual_is_for_ffmpeg(text: str, reason: str) -> None:
    with pytest.raises(Unusual, match=reason):
        parse_sdp(text)


@given(
    st.lists(
        st.sampled_from(["m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", "a=fmtp:96 ", "a=", "m=", "=", "a=control", "x", "m=video"])
    ),
    st.text(),
)
def test_no_text_raises_anything_else(lines: list[str], text: str) -> None:
    for candidate in ("\r\n".join(lines), "\r\n".join(lines) + text, text):
        try:
            offer = parse_sdp(candidate)
        except Unusual:
            continue
        assert offer.codec == "h264"
