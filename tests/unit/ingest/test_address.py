from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.errors import SourceUnsupported
from panops.ingest.address import AddressKind, parse_address, scrub


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
