"""How people sign in who have no account of their own here: by an OpenID Connect provider, or by a proxy that knows them already."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from panops.config.fields import Config, Name, Secret

RoleName = Literal["viewer", "operator", "admin"]


class ClaimMap(Config):
    """From what somebody else says of a person to what that person may do here. Whoever gets no role may not come in."""

    roles: dict[str, RoleName] = Field(default_factory=dict, description="what a claim or header says -> a role; the highest counts")
    groups: dict[str, list[Name]] = Field(
        default_factory=dict, description="what a claim or header says -> camera groups; left out: all cameras; none that fits: no camera"
    )
    default_role: RoleName | None = Field(None, description="the role of those whom `roles` gives none; left out: they may not come in")

    @model_validator(mode="after")
    def _gives_some_role(self) -> Self:
        if not self.roles and self.default_role is None:
            raise ValueError("expected `roles` or a `default_role`; without one of them nobody may come in")
        return self


class OidcConfig(ClaimMap):
    """An OpenID Connect provider. Needs the extra `oidc`."""

    issuer: str = Field(description="the provider's address, where `/.well-known/openid-configuration` is")
    client_id: str = Field(min_length=1)
    client_secret: Secret = Field(SecretStr(""), description="empty for a public client, which PKCE protects")
    name: str = Field("", max_length=40, description="what the button on the sign-in page says after *Sign in with*")
    scopes: list[str] = Field(default_factory=lambda: ["openid", "profile", "email"])
    username_claim: str = Field("preferred_username", description="the claim that names people here")
    groups_claim: str = Field("groups", description="the claim that `roles` and `groups` look at: a text or a list of texts")

    @field_validator("issuer")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        local = re.match(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|$)", value)
        if not local and not re.fullmatch(r"https://[^\s/?#@]+(/[^\s?#]*)?", value):
            raise ValueError("expected an address such as https://sign-in.example.org/realms/home (http:// only on this machine)")
        return value.rstrip("/")

    @field_validator("scopes")
    @classmethod
    def _asks_for_an_identity(cls, value: list[str]) -> list[str]:
        if "openid" not in value:
            raise ValueError("expected `openid` among the scopes; without it a provider does not say who somebody is")
        return value


class ProxyLoginConfig(ClaimMap):
    """A reverse proxy that knows people already and says who they are in headers. Believed from `trusted_proxies` only."""

    user_header: str = Field("Remote-User", pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")
    groups_header: str = Field("Remote-Groups", pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")
    separator: str = Field(",", min_length=1, max_length=1, description="what stands between two groups in the header")
