"""What the command that starts the server decides for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from panops import __version__
from panops.config.sign_in_schema import OidcConfig, ProxyLoginConfig
from panops.storage.scope import Role


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Set by code, mostly from the site file's `server:` and the home folder.

    Attributes:
        evidence_folder: Where snapshots and clips are.
        recordings_folder: Where recordings are unless the site file says otherwise; None: `recordings` beside the evidence folder.
        looks_folder: Where is kept what was followed in the last hours; `looks` beside the evidence when None.
        version: Shown in `/api/v1/site`.
        setup_code: The one-time code that the run command prints while no user exists; a client that is not on this machine must
            give it to make the first administrator. Empty: only this machine may do that.
        allowed_hosts: Names that a browser may use for this server, `*.example.com` for all below one. Addresses, `localhost`, names
            without a dot and the endings that no stranger can register (`.local`, `.lan`, `.internal`, `.home.arpa`) always work.
        trusted_proxies: Addresses of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
        allowed_file_roots: Folders whose files and devices may be given as a camera's source over the API; empty: none.
        require_second_factor: The roles whose users must have a second factor before they can do anything else.
        oidc: The provider where people may sign in instead, or None.
        proxy_login: How the trusted proxies say who somebody is, or None: then their headers mean nothing.
        public_url: The page's address as people reach it; a provider sends them back there.
        port: Where this server listens; no camera may be added that leads back to it. 0: unknown.
        allowed_addresses: Networks that cameras may have over the API although they are refused otherwise.
        loopback_is_local: Whether a client at 127.0.0.1 counts as a person at this machine (first user without a code, `/metrics`
            without signing in). Switch it off behind a reverse proxy on the same machine.
        max_body_bytes: Longer request bodies are refused.
        max_sockets: Websockets at once, over all users.
        max_sockets_of_one: Websockets at once of one user or token.
    """

    evidence_folder: Path
    version: str = __version__
    looks_folder: Path | None = None
    setup_code: str = ""
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    allowed_file_roots: tuple[Path, ...] = ()
    require_second_factor: frozenset[Role] = frozenset()
    oidc: OidcConfig | None = None
    proxy_login: ProxyLoginConfig | None = None
    public_url: str = ""
    port: int = 0
    allowed_addresses: tuple[str, ...] = ()
    loopback_is_local: bool = True
    max_body_bytes: int = 1024 * 1024
    max_sockets: int = 200
    max_sockets_of_one: int = 20
    recordings_folder: Path | None = None
