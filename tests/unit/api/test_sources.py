from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.api.problems import ProblemError
from panops.api.sources import masked, refuse_forbidden, resolved
from panops.ingest.address import parse_address

STORED = "rtsp://viewer:S3cret!pw@camera.example:554/gate"
MASKED = "rtsp://viewer:***@camera.example:554/gate"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (STORED, MASKED),
        ("rtsp://camera.example/gate", "rtsp://camera.example/gate"),
        ("rtsp://u:p@ss/wo?rd@camera.example/gate", None),
        ("http://cam/snap?user=me&pwd=t0psecret&x=1", "http://cam/snap?user=me&pwd=***&x=1"),
        ("sim://yard", "sim://yard"),
        ("/clips/a.mp4", "/clips/a.mp4"),
        ("rtsp://", "***"),
        ("rtsp://admin:12/34@cam/x", "rtsp://admin:***@cam/x"),
        ("rtsp://[::1]:554/x", "rtsp://[::1]:554/x"),
        ("http://cam:80/snap?to=me", "http://cam:80/snap?to=me"),
    ],
)
def test_addresses_for_people(source: str, shown: str | None) -> None:
    if shown is not None:
        assert masked(source) == shown
    assert "p@ss" not in masked(source)
    assert "wo?rd" not in masked(source)


@pytest.mark.parametrize(
    ("given_source", "stored", "meant"),
    [
        ("", STORED, STORED),
        (MASKED, STORED, STORED),
        (f"  {MASKED} ", STORED, STORED),
        ("rtsp://viewer:***@camera.example:554/other", STORED, "rtsp://viewer:S3cret!pw@camera.example:554/other"),
        ("rtsp://viewer:new@camera.example:554/gate", STORED, "rtsp://viewer:new@camera.example:554/gate"),
        ("sim://yard", STORED, "sim://yard"),
        ("rtsp://camera.example/x", None, "rtsp://camera.example/x"),
        ("", None, ""),
        ("http://cam/snap?pwd=***", "http://cam/snap?pwd=x", "http://cam/snap?pwd=x"),
    ],
)
def test_what_a_page_means(given_source: str, stored: str | None, meant: str) -> None:
    assert resolved(given_source, stored) == meant


def test_a_mask_may_stand_for_the_password_of_the_cameras_other_address() -> None:
    main = "rtsp://boss:M41n@camera.example:554/main"
    assert resolved("rtsp://viewer:***@camera.example:554/main", None, STORED) == "rtsp://viewer:S3cret!pw@camera.example:554/main"
    assert resolved("rtsp://boss:***@camera.example:554/main", STORED, main) == main
    assert resolved(MASKED, main, STORED) == STORED
    for elsewhere in ("rtsp://viewer:***@evil.example:554/main", "rtsp://boss:***@camera.example:554/main"):
        with pytest.raises(ProblemError):
            resolved(elsewhere, None, STORED)


@pytest.mark.parametrize(
    ("given_source", "stored"),
    [
        ("rtsp://viewer:***@evil.example:554/gate", STORED),
        ("rtsp://viewer:***@camera.example:555/gate", STORED),
        ("rtsp://viewer:***@camera.example:554@evil.example/gate", STORED),
        ("rtsp://viewer:***@evil.example:554/gate?x=@camera.example:554/gate", STORED),
        ("rtsp://viewer:***@evil.example#@camera.example:554/", STORED),
        ("rtsp://admin:***@camera.example:554/gate", STORED),
        ("http://viewer:***@camera.example:554/gate", STORED),
        ("rtsp://viewer:***@camera.example:554/gate?token=***", STORED),
        ("http://evil.example/snap?pwd=***", "http://cam/snap?pwd=x"),
        (MASKED, None),
        (MASKED, "sim://yard"),
        ("***", STORED),
    ],
)
def test_a_password_is_never_sent_elsewhere(given_source: str, stored: str | None) -> None:
    with pytest.raises(ProblemError) as caught:
        resolved(given_source, stored)
    assert caught.value.status == 422
    assert caught.value.errors[0].field == "source"
    assert "S3cret" not in caught.value.detail


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)


@given(user=TEXT, host=TEXT, path=TEXT)
def test_whatever_is_edited_around_the_mask_the_password_stays_at_its_host(user: str, host: str, path: str) -> None:
    edited = f"rtsp://{user or 'viewer'}:***@{host or 'camera.example:554'}/{path}"
    try:
        meant = resolved(edited, STORED)
    except ProblemError:
        return
    if "S3cret" in meant:
        address = parse_address(meant)
        assert (address.scheme, address.host, address.port) == ("rtsp", "camera.example", 554)


@pytest.mark.parametrize(
    "source",
    ["rtsp://cam/x", "rtsps://u:p@cam/x", "http://cam:8080/x.mjpg", "https://cam/a.m3u8", "sim://yard", "RTSP://cam/x", "http://[::1]/x"],
)
def test_network_and_simulated_addresses_may_be_opened(source: str) -> None:
    refuse_forbidden(source, ())


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "a.mp4").touch()
    (tmp_path / "secret.mp4").touch()
    (folder / "out").symlink_to(tmp_path)
    (folder / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    return folder


@pytest.mark.parametrize(
    "form",
    [
        "{clips}/a.mp4",
        "file:{clips}/a.mp4",
        "file://{clips}/a.mp4",
        "{clips}/*.MP4",
        "{clips}",
        "{clips}/none.mp4",
        "file://{clips}/%61.mp4",
    ],
)
def test_files_in_the_allowed_folders_may_be_opened(clips: Path, form: str) -> None:
    refuse_forbidden(form.format(clips=clips), [Path("/elsewhere"), clips])


@pytest.mark.parametrize(
    "form",
    [
        "/etc/passwd",
        "file:/etc/passwd",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "etc/passwd",
        "~/x.mp4",
        "device:/dev/video0",
        "device:",
        "{clips}/../secret.mp4",
        "file://{clips}/%2e%2e/secret.mp4",
        "{clips}/link.mp4",
        "{clips}/out/secret.mp4",
        "{clips}/*",
        "{clips}/*/secret.mp4",
        "{clips}2/a.mp4",
        "concat:/etc/passwd|x",
        "CONCAT:/etc/passwd",
        "subfile,,start,0,end,9,,:/etc/passwd",
        "data:video/mp4;base64,AA",
        "tcp://10.0.0.1:22",
        "ftp://host/x",
        "rtsp://",
        "http:///x",
        "",
        "{clips}/a\x00.mp4",
    ],
)
@pytest.mark.parametrize("roots", [True, False], ids=["a folder allowed", "none allowed"])
def test_other_files_and_addresses_are_refused(clips: Path, form: str, roots: bool) -> None:
    with pytest.raises(ProblemError) as caught:
        refuse_forbidden(form.format(clips=clips), [clips] if roots else [])
    assert caught.value.status == 422
    assert caught.value.errors[0].field == "source"


def test_a_pattern_with_wildcards_finds_no_way_out(clips: Path) -> None:
    with pytest.raises(ProblemError, match="allowed folders"):
        refuse_forbidden(f"{clips}/*.mp4", [clips])  # link.mp4 leads out
    (clips / "link.mp4").unlink()
    refuse_forbidden(f"{clips}/*.mp4", [clips])
