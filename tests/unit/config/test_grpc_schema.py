"""Where gRPC may be opened: tokens never cross a network in the clear unless the site file says so in as many words."""

from __future__ import annotations

from typing import Any

import pytest

from panops.config.load import parse_site
from panops.domain.errors import ConfigError

PAIR = "certificate: /etc/site.pem, key: /etc/site.key"


@pytest.mark.parametrize(
    "fields",
    ["", "port: 9000", "host: localhost", "host: '::1'", "host: 127.8.0.1", f"host: 0.0.0.0, {PAIR}", "host: 10.0.0.5, without_tls: true"],
)
def test_this_machine_a_certificate_or_a_word_for_it(fields: str) -> None:
    grpc = parse_site(f"server: {{grpc: {{{fields}}}}}", "test", {}).server.grpc
    assert grpc is not None
    assert grpc.port == (9000 if fields == "port: 9000" else 8441)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ("host: 0.0.0.0", "tokens would cross the network in the clear"),
        ("host: '::'", "tokens would cross the network in the clear"),
        ("host: site.example", "tokens would cross the network in the clear"),
        ("certificate: /etc/site.pem", "expected `certificate` and `key` together"),
        (f"{PAIR}, without_tls: true", "got both"),
        ("port: 70000", "65535"),
        ("tls: true", "tls"),
    ],
)
def test_what_is_refused(fields: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_site(f"server: {{grpc: {{{fields}}}}}", "test", {})
    assert complaint in str(caught.value)
    assert "server.grpc" in str(caught.value)


def test_it_is_off_unless_it_is_named() -> None:
    plain: Any = parse_site("server: {port: 8440}", "test", {})
    assert plain.server.grpc is None
