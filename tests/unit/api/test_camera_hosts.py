"""Where cameras that are added over the API may not be."""

from __future__ import annotations

import pytest

from panops.api.camera_hosts import refuse_hidden_places
from panops.api.problems import ProblemError
from panops.domain.addresses import ip_of, is_off_limits_host

from .conftest import MakeSite, Path

pytestmark = pytest.mark.anyio

# The address, and what the refusal says; empty: none.
PLACES = [
    ("http://169.254.169.254/latest/meta-data/", "link-local"),
    ("http://169.254.169.254:80/", "link-local"),
    ("rtsp://169.254.1.2/stream", "link-local"),
    ("http://[fe80::1]/", "link-local"),
    ("http://[fe80::1%25eth0]/", "link-local"),
    ("http://[::ffff:169.254.169.254]/", "link-local"),
    ("http://[64:ff9b::a9fe:a9fe]/", "link-local"),
    ("http://[fd00:ec2::254]/", "link-local"),
    ("http://100.100.100.200/", "link-local"),
    ("http://2852039166/", "link-local"),
    ("http://0xA9FEA9FE/", "link-local"),
    ("http://169.16689662/", "link-local"),
    ("http://metadata.google.internal/", "link-local"),
    ("http://METADATA.google.internal./", "link-local"),
    ("http://user:pw@169.254.169.254/", "link-local"),
    ("http://127.0.0.1:8440/api/v1/events", "panops' own"),
    ("http://localhost:8440/", "panops' own"),
    ("http://127.1:8440/", "panops' own"),
    ("http://[::1]:8440/", "panops' own"),
    ("http://0.0.0.0:8440/", "panops' own"),
    ("rtsp://127.0.0.1:8440/", "panops' own"),
    ("http://127.0.0.1:8554/", ""),
    ("rtsp://127.0.0.1:8554/cam", ""),
    ("http://192.168.1.20/snap.jpg", ""),
    ("rtsp://nobody.invalid/cam", ""),
    ("sim://yard", ""),
]


@pytest.mark.parametrize(("source", "why"), PLACES)
def test_where_cameras_may_be(source: str, why: str) -> None:
    if not why:
        refuse_hidden_places(source, 8440, ())
        return
    with pytest.raises(ProblemError, match=why):
        refuse_hidden_places(source, 8440, ())


def test_the_site_file_may_allow_them() -> None:
    refuse_hidden_places("rtsp://169.254.7.1/cam", 8440, ("169.254.7.0/24",))
    with pytest.raises(ProblemError):
        refuse_hidden_places("rtsp://169.254.8.1/cam", 8440, ("169.254.7.0/24",))


@pytest.mark.parametrize("text", ["example.org", "1.2.3.4.5", "256.1.1.1", "08.1.1.1", "", "0x", "-1"])
def test_what_is_no_address_is_a_name(text: str) -> None:
    assert ip_of(text) is None
    assert not is_off_limits_host(text)


async def test_the_api_refuses_them_where_cameras_are_added_and_tested(make_site: MakeSite, filled_database: Path) -> None:
    site = make_site(filled_database, port=8440)
    async with site.live:
        for source in ("http://169.254.169.254/", "http://localhost:8440/"):
            for method, path in (("PUT", "/api/v1/cameras/new"), ("PUT", "/api/v1/cameras/gate"), ("POST", "/api/v1/cameras/test")):
                answer = await site.ask(method, "ada", path, json={"source": source})
                assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "source"), (source, path)
    allowing = make_site(filled_database, allowed_addresses=("169.254.169.254/32",))
    async with allowing.live:
        assert (await allowing.ask("PUT", "ada", "/api/v1/cameras/new", json={"source": "http://169.254.169.254/"})).status_code == 201
