"""WS-Discovery and ONVIF against a real device over loopback, well-behaved and not."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.errors import SourceCorrupt, SourceUnreachable
from panops.ingest import onvif_probe
from panops.ingest.discovery import discover
from panops.ingest.onvif_device import Camera, Profile, ask_camera
from panops.ingest.onvif_probe import FoundDevice, is_at, probe
from panops.ingest.onvif_xml import LARGEST_BYTES, parse_xml

from .onvif_camera import ENVELOPE, OnvifCamera

SECONDS = 0.3


@pytest.fixture
def camera() -> Iterator[OnvifCamera]:
    made = OnvifCamera()
    yield made
    made.close()


def find(camera: OnvifCamera) -> Camera:
    (found,) = discover(SECONDS, username="eva", password="hunter2", targets=[camera.udp])
    return found


def test_a_camera_is_found_with_its_streams(camera: OnvifCamera) -> None:
    found = find(camera)
    assert found.device == FoundDevice("127.0.0.1", camera.address, "Front gate", "X1", "north")
    assert found.problem == ""
    assert found.profiles == (
        Profile("Main", "h264", (1920, 1080), 15.0, "rtsp://127.0.0.1:554/main?a=1&b=2"),
        Profile("Sub", "h264", (640, 360), 15.0, "rtsp://127.0.0.1:554/sub?a=1&b=2"),
    )
    assert "hunter2" not in "".join(camera.asked), "the password itself is not sent"
    assert "Nonce" not in camera.asked[0], "the clock is asked without a digest"


@pytest.mark.parametrize("hours", [-30, 9])
def test_a_camera_whose_clock_is_wrong_is_asked_in_its_own_time(hours: int) -> None:
    camera = OnvifCamera(ahead=timedelta(hours=hours))
    try:
        assert len(find(camera).profiles) == 2
    finally:
        camera.close()


def test_two_cameras_and_one_that_is_not_there(camera: OnvifCamera) -> None:
    other = OnvifCamera()
    try:
        found = probe(SECONDS, [camera.udp, ("127.0.0.1", 9), other.udp])
    finally:
        other.close()
    assert {device.address for device in found} == {camera.address, other.address}


@pytest.mark.parametrize(("password", "username", "sentence"), [("wrong", "eva", "refuses this user name"), ("", "", "wants a user name")])
def test_a_camera_that_does_not_know_us(camera: OnvifCamera, password: str, username: str, sentence: str) -> None:
    (found,) = discover(SECONDS, username=username, password=password, targets=[camera.udp])
    assert found.profiles == ()
    assert sentence in found.problem
    camera.status = 401
    camera.change = lambda _question, _answer: b""
    assert "wants a user name" in ask_camera(found.device).problem


# --- not well-behaved -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("urn:uuid:", "urn:uuid:other-"),
        lambda text: text.replace("http://127.0.0.1", "http://10.9.9.9"),
        lambda text: text.replace("http://127.0.0.1", "https://127.0.0.1"),
        lambda text: text.replace("http://127.0.0.1", "http://eva@127.0.0.1"),
        lambda text: text.replace("http://127.0.0.1", "file://127.0.0.1"),
        lambda text: "<!DOCTYPE x>" + text.removeprefix('<?xml version="1.0"?>'),
        lambda text: text.replace("ProbeMatches", "Other"),
        lambda text: text[:-20],
        lambda _text: "hello",
    ],
)
def test_an_answer_to_something_else_or_of_somebody_else_is_left_out(camera: OnvifCamera, change: object) -> None:
    camera.change_match = change  # type: ignore[assignment]  a function of text
    assert probe(SECONDS, [camera.udp]) == []


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "without a document type"),
        (b"not XML", "expected XML"),
        (b"", "expected XML"),
        (b"<a>" + b"x" * LARGEST_BYTES + b"</a>", "at most"),
        (b"<a>" * 100 + b"</a>" * 100, "too many elements"),
        (ENVELOPE.format(head="", body="<Fault><Reason><Text>Broken</Text></Reason></Fault>").encode(), "answers with a fault: Broken"),
        (ENVELOPE.format(head="", body="<x/>").encode(), "expected its media service at its own address"),
    ],
)
def test_answers_that_are_none(camera: OnvifCamera, answer: bytes, sentence: str) -> None:
    camera.change = lambda question, right: answer if "GetCapabilities" in question else right
    assert sentence in find(camera).problem


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b'version="1.0"', b'version="1.0" encoding="GB2312"'),
        lambda text: re.sub(rb"Year>\d+<", b"Year>99999999999<", text),
    ],
)
def test_one_strange_device_does_not_cost_the_others(camera: OnvifCamera, change: Callable[[bytes], bytes]) -> None:
    strange = OnvifCamera()
    strange.change = lambda question, right: change(right) if "GetSystemDateAndTime" in question else right
    try:
        found = discover(SECONDS, username="eva", password="hunter2", targets=[strange.udp, camera.udp])
    finally:
        strange.close()
    assert {one.device.address for one in found} == {camera.address, strange.address}
    assert [len(one.profiles) for one in found if one.device.address == camera.address] == [2]


def test_a_camera_at_the_end_of_all_time_is_asked_in_our_own(camera: OnvifCamera) -> None:
    def change(question: str, right: bytes) -> bytes:
        if "GetCapabilities" in question:
            time.sleep(1.1)  # by then its clock has run past the last second that there is
            return camera._body(f"<Capabilities><Media><XAddr>{camera.media}</XAddr></Media></Capabilities>")
        for name, value in {"Year": 9999, "Month": 12, "Day": 31, "Hour": 23, "Minute": 59, "Second": 59}.items():
            right = re.sub(rf"<{name}>\d+<".encode(), f"<{name}>{value}<".encode(), right)
        return right

    camera.change = change
    found = ask_camera(FoundDevice("127.0.0.1", camera.address), "eva", "hunter2")
    assert (found.problem, len(found.profiles)) == ("", 2)


def test_a_fault_that_nobody_foresaw_stays_with_its_device(camera: OnvifCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no idea")

    monkeypatch.setattr("panops.ingest.discovery.ask_camera", fail)
    assert find(camera).problem == "the camera cannot be asked: no idea"


def test_nobody_is_asked_whom_the_camera_names(camera: OnvifCamera) -> None:
    other = OnvifCamera()
    try:
        camera.media = other.media.replace("127.0.0.1", "localhost")
        assert "it was not asked" in find(camera).problem
        assert other.asked == []
    finally:
        other.close()


def test_redirects_are_not_followed(camera: OnvifCamera) -> None:
    camera.status = 302
    assert "the HTTP status 302" in find(camera).problem


def test_one_that_takes_too_long_is_given_up(camera: OnvifCamera) -> None:
    device = FoundDevice("127.0.0.1", camera.address)
    assert "took too long" in ask_camera(device, "eva", "hunter2", limit_s=0.0).problem
    assert camera.asked == []


def test_one_that_went_away() -> None:
    camera = OnvifCamera()
    device = FoundDevice("127.0.0.1", camera.address)
    camera.close()
    assert "does not answer at 127.0.0.1" in ask_camera(device).problem


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "file:///etc/passwd", "rtsp://a b/c", "", "rtsp://" + "x" * 600])
def test_addresses_that_are_no_streams_are_left_out(camera: OnvifCamera, uri: str) -> None:
    text = ENVELOPE.format(head="", body=f"<MediaUri><Uri>{uri}</Uri></MediaUri>").encode()
    camera.change = lambda question, right: text if "GetStreamUri" in question else right
    found = find(camera)
    assert (found.profiles, found.problem) == ((), "")


def test_what_cannot_be_asked_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceUnreachable, match="cannot be found"):
        discover(SECONDS, host="no such host")
    with pytest.raises(SourceUnreachable, match="cameras cannot be asked for"):
        probe(SECONDS, [("255.255.255.255", 1)])
    assert discover(0.05, targets=[("127.0.0.1", 9)]) == []


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("http://1.2.3.4/a", True),
        ("http://1.2.3.4:99999/", False),
        ("http://1.2.3.4.evil/", False),
        ("http://1.2.3.4@evil/", False),
        ("", False),
    ],
)
def test_who_is_at_a_host(address: str, right: bool) -> None:
    assert is_at(address, "1.2.3.4") is right


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a>",
        b"<a></b>",
        b"\xff\xfe\x00",
        b"<a><b/></a><c/>",
        b"<!DOCTYPE a><a/>",
        *(b'<?xml version="1.0" encoding="%s"?><a/>' % name for name in (b"GB2312", b"klingon")),
    ],
)
def test_xml_that_is_not_read(data: bytes) -> None:
    with pytest.raises(SourceCorrupt):
        parse_xml(data)


def test_many_attributes_and_entities_of_the_language_itself() -> None:
    element = parse_xml(b'<a xmlns:x="u" x:b="1" c="&lt;">&amp;<d> e </d></a>')
    assert (element.name, element.attributes, element.text, element.text_of("d")) == ("a", {"b": "1", "c": "<"}, "&", "e")


def test_by_multicast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real question to the real group, over loopback only."""
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(socket.if_nametoindex("lo"), "lo")])
    group, _ = onvif_probe.MULTICAST
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((group, 3702))
            listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton("127.0.0.1"))
        except OSError as error:
            pytest.skip(f"needs multicast on the loopback interface: {error}")
        listener.settimeout(5)
        try:
            probe(0.1)
        except SourceUnreachable as error:
            pytest.skip(f"needs a network: {error}")
        try:
            data, _ = listener.recvfrom(65536)
        except TimeoutError:
            pytest.skip("needs multicast on the loopback interface")
    assert parse_xml(data).text_of("Body", "Probe", "Types") == "dn:NetworkVideoTransmitter"


def test_the_command(camera: OnvifCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.ingest.discovery.MULTICAST", camera.udp)
    words = ["cameras", "discover", "--seconds", "0.3", "--username", "eva"]
    done = CliRunner().invoke(app, words, input="hunter2\n")
    assert done.exit_code == 0, done.output
    assert "127.0.0.1  Front gate  X1  north" in done.output
    assert "rtsp://127.0.0.1:554/sub?a=1&b=2  Sub h264 640x360, 15/s" in done.output
    assert "hunter2" not in done.stdout
    monkeypatch.setenv("PANOPS_CAMERA_PASSWORD", "hunter2")
    (found,) = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert [stream["name"] for stream in found["streams"]] == ["Main", "Sub"]
    monkeypatch.setattr("panops.ingest.discovery.MULTICAST", ("127.0.0.1", 9))
    done = CliRunner().invoke(app, ["cameras", "discover", "--seconds", "0.1"])
    assert done.exit_code == 1
    assert "nobody answered" in done.output
