from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from panops.domain.errors import SourceUnsupported
from panops.ingest.address import AddressKind, parse_address, scrub, with_placeholders


@pytest.mark.parametrize(
    ("source", "kind", "masked", "host", "port"),
    [
        ("rtsp://cam/sub", AddressKind.RTSP, "rtsp://cam/sub", "cam", None),
        ("rtsp://u:secret@cam:8554/sub", AddressKind.RTSP, "rtsp://u:***@cam:8554/sub", "cam", 8554),
        ("RTSPS://u:secret@cam/sub", AddressKind.RTSP, "rtsps://u:***@cam/sub", "cam", None),
        ("rtsp://u@cam/sub", AddressKind.RTSP, "rtsp://u@cam/sub", "cam", None),
        ("rtsp://u:p@ss@cam/sub", AddressKind.RTSP, "rtsp://u:***@cam/sub", "cam", None),
        ("rtsp://u:p/a?s#s@cam:554/sub?x=1", AddressKind.RTSP, "rtsp://u:***@cam:554/sub?x=1", "cam", 554),
        ("rtsp://u:p%40ss@[::1]:554/a", AddressKind.RTSP, "rtsp://u:***@[::1]:554/a", "::1", 554),
        ("rtsp://u:secret@cam.example/stream@1", AddressKind.RTSP, "rtsp://u:***@cam.example/stream@1", "cam.example", None),
        ("rtsp://u:secret@cam/x?mail=me@b.example", AddressKind.RTSP, "rtsp://u:***@cam/x?mail=me@b.example", "cam", None),
        ("rtsp://10.0.0.5:554/video@main.sub", AddressKind.RTSP, "rtsp://10.0.0.5:554/video@main.sub", "10.0.0.5", 554),
        ("rtsp://max.muster:1234#@cam.example/x", AddressKind.RTSP, "rtsp://max.muster:***@cam.example/x", "cam.example", None),
        ("rtsp://cam/stream@1", AddressKind.RTSP, "rtsp://cam/stream@1", "cam", None),
        ("http://cam/v.cgi?user=me&pwd=secret&n=1", AddressKind.HTTP, "http://cam/v.cgi?user=me&pwd=***&n=1", "cam", None),
        ("https://cam/live.m3u8?token=abc.def", AddressKind.HTTP, "https://cam/live.m3u8?token=***", "cam", None),
        ("device:/dev/video3", AddressKind.DEVICE, "device:/dev/video3", "", None),
        ("sim://yard", AddressKind.SIMULATED, "sim://yard", "", None),
        ("clip.mp4", AddressKind.FILE, "clip.mp4", "", None),
        ("file:clip.mp4", AddressKind.FILE, "clip.mp4", "", None),
        ("file:///a%20b/clip.mp4", AddressKind.FILE, "/a b/clip.mp4", "", None),
        ("clips/*.mp4", AddressKind.GLOB, "clips/*.mp4", "", None),
        ("other://u:secret@x/y", AddressKind.PLUGIN, "other://u:***@x/y", "", None),
        (
            "rtsp://h/user=me_password=secret_channel=1_stream=0.sdp?real_stream",
            AddressKind.RTSP,
            "rtsp://h/user=me_password=***_channel=1_stream=0.sdp?real_stream",
            "h",
            None,
        ),
        ("rtsp://h:554/user=me&password=sec_ret&channel=1", AddressKind.RTSP, "rtsp://h:554/user=me&password=***&channel=1", "h", 554),
        ("rtsp://h/live;token=secret;n=1", AddressKind.RTSP, "rtsp://h/live;token=***;n=1", "h", None),
        ("http://h/x?pw=secret&pin=secret&spin=1", AddressKind.HTTP, "http://h/x?pw=***&pin=***&spin=1", "h", None),
        ("http://h/x?loginuse=me&loginpas=secret", AddressKind.HTTP, "http://h/x?loginuse=me&loginpas=***", "h", None),
        ("http://h/x?pwd=se#cr&et&n=1", AddressKind.HTTP, "http://h/x?pwd=***&n=1", "h", None),
        ("rtsp://h:554/user=me_password=p@secret.de_channel=1", AddressKind.RTSP, "rtsp://h:554/user=me_password=***_channel=1", "h", 554),
        ("rtsp://admin:12/34@cam/x", AddressKind.RTSP, "rtsp://admin:***@cam/x", "cam", None),
        ("rtsp://nvr:8554/live@1", AddressKind.RTSP, "rtsp://nvr:***@1", "nvr", 8554),
        ("rtsp://u:p@ss/word@cam/x", AddressKind.RTSP, "rtsp://u:***@cam/x", "ss", None),
        ("10.0.0.5/user=me_password=secret_channel=1", AddressKind.FILE, "10.0.0.5/user=me_password=***_channel=1", "", None),
        ("/videos/10:30@gate.mp4", AddressKind.FILE, "/videos/10:30@gate.mp4", "", None),
        ("./10:30@gate.mp4", AddressKind.FILE, "./10:30@gate.mp4", "", None),
    ],
)
def test_addresses_are_understood_and_masked(source: str, kind: AddressKind, masked: str, host: str, port: int | None) -> None:
    address = parse_address(source)
    assert (address.kind, address.masked, address.host, address.port) == (kind, masked, host, port)
    assert "secret" not in repr(address)


def test_folders_are_folders_and_names_with_brackets_are_files(tmp_path: Path) -> None:
    odd = tmp_path / "clip[1].mp4"
    odd.touch()
    assert parse_address(str(tmp_path)).kind is AddressKind.FOLDER
    assert parse_address(str(odd)).kind is AddressKind.FILE


@pytest.mark.parametrize("source", ["", "   ", "rtsp://", "rtsp:///path", "http://u:p@/x"])
def test_addresses_without_anything_to_reach_are_refused(source: str) -> None:
    with pytest.raises(SourceUnsupported):
        parse_address(source)


@pytest.mark.parametrize("password", ["pa/ss", "pa@ss", "pa#ss", "pa?ss", "50%off", "a:b@c/d", "pa ss", "пароль"])
def test_raw_passwords_reach_ffmpeg_encoded(password: str) -> None:
    address = parse_address(f"rtsp://u:{password}@cam.example/sub")
    login = address.target.removeprefix("rtsp://").removesuffix("@cam.example/sub")
    assert not set(login) & set("/@#? ")
    assert address.host == "cam.example"


def test_encoded_passwords_are_not_encoded_twice() -> None:
    assert parse_address("rtsp://u:p%40ss%2F@cam/sub").target == "rtsp://u:p%40ss%2F@cam/sub"


@pytest.mark.parametrize(
    "text",
    [
        "cannot open 'rtsp://u:s3cr3t/@cam/sub': refused",
        "cannot open rtsp://u:s3cr3t%2F@cam/sub",
        "Authorization: Basic dTpzM2NyM3Qv",
        "password s3cr3t/ is wrong",
        "PASSWORD S3CR3T/ IS WRONG",
    ],
)
def test_scrub_removes_every_spelling(text: str) -> None:
    address = parse_address("rtsp://u:s3cr3t/@cam/sub")
    clean = scrub(text, address.secrets)
    assert "s3cr3t" not in clean.lower()
    assert "dTpzM2NyM3Qv" not in clean


@given(
    user=st.from_regex(r"[a-zA-Z][a-zA-Z0-9._-]{0,8}", fullmatch=True),
    password=st.text("abcXYZ0189!@#$%^&*/?:;+~ ", min_size=4, max_size=16).filter(lambda text: text.strip() == text),
)
def test_a_password_is_never_shown(user: str, password: str) -> None:
    address = parse_address(f"rtsp://{user}:{password}@camera.example/live/sub")
    assert address.masked == f"rtsp://{user}:***@camera.example/live/sub"
    assert password not in scrub(f"x {address.target} y {password} z", address.secrets)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("my_user:secret@10.0.0.5/stream", "my_user:***@10.0.0.5/stream"),
        ("//user:secret@h/x", "//user:***@h/x"),
        ("admin:secret@cam", "admin:***@cam"),
        ("rtsp//user:secret@h/x", "rtsp//user:***@h/x"),
        ("u:secret@h/x?pwd=sec@ret", "u:***"),
        ("file://user:secret@h/x", "user:***@h/x"),
    ],
)
def test_a_login_without_a_scheme_is_asked_about(source: str, shown: str) -> None:
    with pytest.raises(SourceUnsupported, match="did you forget rtsp://") as caught:
        parse_address(source)
    assert shown in str(caught.value)
    assert "sec" not in str(caught.value)


def test_a_file_with_a_name_like_a_login_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "10:30@gate.mp4").touch()
    monkeypatch.chdir(tmp_path)
    address = parse_address("10:30@gate.mp4")
    assert (address.kind, address.masked) == (AddressKind.FILE, "10:30@gate.mp4")


@pytest.mark.parametrize("source", ["~nobody-of-that-name/x.mp4", "rtsp://cam:\u00b2/x", "a" * 5000])
def test_odd_texts_raise_nothing_else(source: str) -> None:
    with suppress(SourceUnsupported):
        parse_address(source)


_LOGINS = [
    "rtsp://me:{}@10.0.0.5:554/live",
    "rtsps://me:{}@camera.example/live/sub?channel=1",
    "rtsp://me:{}@cam/x",
    "http://me:{}@cam:8080/x?n=1",
    "other://me:{}@cam/x",
    "rtsp:/me:{}@cam/x",
    "rtsp:me:{}@cam/x",
    "my_user:{}@10.0.0.5/stream",
    "me:{}@cam/x",
    "//me:{}@cam/x",
    "rtsp//me:{}@cam/x",
]
_PAIRS = [
    "rtsp://h/user=admin_password={}_channel=1",
    "rtsp://10.0.0.5:554/user=admin&password={}&channel=1&stream=0.sdp?",
    "rtsp://h:554/user=admin;pwd={};channel=1",
    "rtsp://h/x;token={}",
    "http://h/x?pw={}",
    "http://h/x?user=me&pin={}&n=1",
    "http://h/x?credential={}&sig=abc",
    "http://me:pw@h/x?X-Amz-Signature={}",
    "h/user=admin_password={}_channel=1",
]


def _said(source: str) -> str:
    """All that is ever shown of an address."""
    try:
        address = parse_address(source)
    except SourceUnsupported as error:
        return str(error)
    return f"{address.masked} {address!r}"


@given(form=st.sampled_from(_LOGINS + _PAIRS), secret=st.text("abXY0189_-.!@#$%^*/?:;+~&'\"(){}|\\ ", min_size=4, max_size=14))
@example(form="rtsp://me:{}@cam/x", secret="12/34")
@example(form="rtsp://me:{}@cam/x", secret="554/34")
@example(form="rtsp://me:{}@10.0.0.5:554/live", secret="a@b/c#d?e")
@example(form="rtsp:/me:{}@cam/x", secret="/secret")
def test_no_secret_in_any_form_is_ever_shown(form: str, secret: str) -> None:
    assume(secret.strip() == secret and secret not in form)
    # `rtsp://me:p@b.de/cret@cam/x` cannot be told from a host with an `@` in its path, nor `me://secret@cam` from a scheme.
    assume(form in _PAIRS or not re.search(r"@[^/]*\..*[/?#]|^//", secret))
    source = form.format(secret)
    replaced = with_placeholders(source, lambda key, value: "<>")
    assert secret not in replaced
    said = _said(source)
    assert secret not in said


@given(form=st.sampled_from(_LOGINS + _PAIRS), secret=st.from_regex(r"[A-Za-z0-9!*+~#/@]{1,12}", fullmatch=True))
def test_a_placeholder_stands_for_what_it_replaced(form: str, secret: str) -> None:
    source, taken = form.format(secret), list[str]()

    def place(key: str, value: str) -> str:
        taken.append(value)
        return f"<{len(taken) - 1}>"

    text = with_placeholders(source, place)
    for number, value in enumerate(taken):
        text = text.replace(f"<{number}>", value, 1)
    assert text == source
