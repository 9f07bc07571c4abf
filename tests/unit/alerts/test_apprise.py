from __future__ import annotations

import json
from pathlib import Path

import pytest

from panops.alerts.registry import SINKS
from panops.config.alert_schema import AppriseConfig
from panops.domain.alerts import SiteFacts
from panops.domain.errors import SinkRefused, SinkUnreachable

from .makers import make_alert
from .test_webhook import Receiver, receiver  # noqa: F401  # a fixture

# What Apprise does with the standard library of older Pythons is not for us to mend.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
pytest.importorskip("apprise", reason="needs apprise: pip install 'panops[apprise]'")


def config(*urls: str) -> AppriseConfig:
    return AppriseConfig.model_validate({"id": "phone", "kind": "apprise", "urls": list(urls)})


def test_a_service_is_told_with_the_picture(receiver: Receiver, tmp_path: Path) -> None:  # noqa: F811
    picture = tmp_path / "annotated.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xd9")
    sink = SINKS.load("apprise")(config(receiver.url.replace("http://", "json://")), SiteFacts())
    assert sink.deliver(make_alert(picture=picture)) == "accepted"
    sink.close()
    body = json.loads(receiver.requests[0][2])
    assert (body["title"], body["type"]) == ("Line crossing: North gate", "failure")
    assert "person at yard" in body["message"]
    assert body["attachments"][0]["mimetype"] == "image/jpeg"


def test_a_service_that_does_not_take_it(receiver: Receiver) -> None:  # noqa: F811
    receiver.status = 500
    with pytest.raises(SinkUnreachable, match="a service did not take it"):
        SINKS.load("apprise")(config(receiver.url.replace("http://", "json://")), SiteFacts()).deliver(make_alert())


def test_an_address_that_apprise_does_not_know() -> None:
    with pytest.raises(SinkRefused, match="address 2 is none"):
        SINKS.load("apprise")(config("json://127.0.0.1", "nonsense://secret-token"), SiteFacts())


def test_who_has_it_is_not_told_again_while_another_one_fails(receiver: Receiver) -> None:  # noqa: F811
    sink = SINKS.load("apprise")(config(receiver.url.replace("http://", "json://"), "json://127.0.0.1:1/none"), SiteFacts())
    for _ in range(3):
        with pytest.raises(SinkRefused, match="1 of 2 services did not take it"):
            sink.deliver(make_alert())
    assert len(receiver.requests) == 1
