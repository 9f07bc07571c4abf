from __future__ import annotations

import hashlib
import re

import pytest

from panops.ingest.rtsp_login import RtspLogin


def _fields(header: str | None) -> dict[str, str]:
    assert header is not None
    assert header.startswith("Digest ")
    return {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))', header)}


def _md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()


def test_nothing_is_said_before_somebody_asks() -> None:
    assert RtspLogin("me", "secret").header("OPTIONS", "rtsp://x/") is None
    assert not RtspLogin("", "").challenged(["Basic realm=x"])


def test_basic() -> None:
    login = RtspLogin("me", "p@ss")
    assert login.challenged(['Basic realm="camera"'])
    assert login.header("DESCRIBE", "rtsp://x/") == "Basic bWU6cEBzcw=="


def test_digest_without_qop_is_rfc_2069() -> None:
    login = RtspLogin("me", "secret")
    assert login.challenged(['Digest realm="cam", nonce="abc", stale="FALSE"'])
    fields = _fields(login.header("DESCRIBE", "rtsp://x/y"))
    assert fields["response"] == _md5(_md5("me", "cam", "secret"), "abc", _md5("DESCRIBE", "rtsp://x/y"))
    assert "qop" not in fields


def test_the_examples_of_rfc_7616(monkeypatch: pytest.MonkeyPatch) -> None:
    # Section 3.9.1; the client's own nonce is given there, and the address is HTTP's.
    monkeypatch.setattr("panops.ingest.rtsp_login.secrets.token_hex", lambda _: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    nonce, opaque = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    common = f'realm="http-auth@example.org", qop="auth, auth-int", nonce="{nonce}", opaque="{opaque}"'
    for algorithm, response in [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ]:
        login = RtspLogin("Mufasa", "Circle of Life")
        assert login.challenged([f"Digest {common}, algorithm={algorithm}"])
        fields = _fields(login.header("GET", "/dir/index.html"))
        assert (fields["response"], fields["nc"], fields["qop"], fields["algorithm"]) == (response, "00000001", "auth", algorithm)
        assert fields["opaque"].startswith("FQhe")


def test_the_safest_way_is_taken_and_what_is_unknown_left_out() -> None:
    login = RtspLogin("me", "secret")
    assert login.challenged(['Basic realm="x", Digest realm="y", nonce="n"', 'Digest realm="z", nonce="n", algorithm=SHA-256'])
    assert _fields(login.header("PLAY", "u"))["realm"] == "z"
    for odd in ["", "Negotiate", 'Digest realm="y"', 'Digest realm="y", nonce="n", algorithm=CRC', 'Digest nonce="n", qop="auth-int"']:
        login = RtspLogin("me", "secret")
        assert not login.challenged([odd])
        assert not login.understood


def test_counting_and_session_variants() -> None:
    login = RtspLogin("me", "secret")
    login.challenged(['Digest realm="r", nonce="n", qop=auth, algorithm=MD5-sess'])
    first, second = (_fields(login.header("PLAY", "u")) for _ in range(2))
    assert (first["nc"], second["nc"]) == ("00000001", "00000002")
    assert first["cnonce"] != second["cnonce"]
    secret = _md5(_md5("me", "r", "secret"), "n", first["cnonce"])
    assert first["response"] == _md5(secret, "n", "00000001", first["cnonce"], "auth", _md5("PLAY", "u"))


def test_a_wrong_password_is_not_tried_twice_but_an_old_question_is_answered_anew() -> None:
    login = RtspLogin("me", "wrong")
    assert login.challenged(['Digest realm="r", nonce="1"'])
    login.header("DESCRIBE", "u")
    assert not login.challenged(['Digest realm="r", nonce="2"'])
    login = RtspLogin("me", "right")
    login.challenged(['Digest realm="r", nonce="1"'])
    login.header("DESCRIBE", "u")
    assert login.challenged(['Digest realm="r", nonce="2", stale=true'])
    assert _fields(login.header("DESCRIBE", "u"))["nonce"] == "2"
    login.accepted()
    assert login.challenged(['Digest realm="r", nonce="3"'])
    login.header("PLAY", "u")
    assert not login.challenged(['Digest realm="r", nonce="4"'])


def test_quotes_are_escaped_and_the_password_shows_nowhere() -> None:
    login = RtspLogin('m"e\\', "sesame")
    login.challenged(['Digest realm="a\\"b", nonce="n"'])
    header = login.header("PLAY", "u")
    assert header is not None
    assert 'username="m\\"e\\\\"' in header
    assert 'realm="a\\"b"' in header
    assert "sesame" not in header + repr(login) + str(login)


def test_long_junk_takes_no_time() -> None:
    login = RtspLogin("me", "x")
    assert not login.challenged(["Digest " + 'a="' * 5000, "Digest " + "\\" * 16000, "Digest " + "=" * 16000, ",Digest " * 2000])
