"""The second way to models for programs: the Open Inference Protocol by gRPC."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Self

from pydantic import Field, model_validator

from panops.config.fields import Config


class GrpcConfig(Config):
    """A port for gRPC. Needs the extra `grpc`."""

    host: str = Field("127.0.0.1", description="0.0.0.0 opens it to the network, and then it needs a certificate")
    port: int = Field(8441, ge=0, le=65535)
    certificate: str = Field(
        "", description="a PEM file with the server's certificate and what leads to its root; read anew when it changes"
    )
    key: str = Field("", description="a PEM file with the key of the certificate")
    without_tls: bool = Field(False, description="take calls from the network in the clear: for a proxy in front that encrypts")

    @model_validator(mode="after")
    def _is_private(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("expected `certificate` and `key` together, got one of them")
        if self.certificate and self.without_tls:
            raise ValueError("expected a `certificate` or `without_tls: true`, got both")
        if not self.certificate and not self.without_tls and not _is_this_machine(self.host):
            wanted = "`certificate` and `key`, or `without_tls: true` behind a proxy that encrypts"
            raise ValueError(f"tokens would cross the network in the clear: beyond this machine (127.0.0.1) it needs {wanted}")
        return self


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
