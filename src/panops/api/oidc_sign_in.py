"""Signing in at an OpenID Connect provider: the authorisation code flow with PKCE, state and nonce.

Nothing that the browser brings back is believed: the code is exchanged by this server, the identity token's signature is checked with the
provider's keys, and its issuer, audience, age and nonce have to fit. Needs the extra `oidc`; nothing else imports this module.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from panops.api.oidc_begun import END_PATH, Begun, BegunSignIns, OidcRefused
from panops.config.sign_in_schema import OidcConfig
from panops.domain.clock import Clock

_KEEP_S = 3600.0
_SKEW_S = 60.0
_TIMEOUT_S = 10.0
# No `none`, and nothing that takes the public key for a shared secret.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]


class OidcSignIn:
    """One provider; threads may share it. `begin` and `end` ask the provider, so they block.

    Args:
        config: The provider.
        public_url: This site's own address, to which the provider sends people back.
        clock: Time.
    """

    def __init__(self, config: OidcConfig, public_url: str, clock: Clock) -> None:
        self.config = config
        self.name = config.name or config.issuer.split("//", 1)[-1].split("/", 1)[0]
        self._redirect = public_url + END_PATH
        self._clock = clock
        self._lock = threading.Lock()
        self.begun = BegunSignIns(clock)
        self._documents: dict[str, tuple[float, dict[str, Any]]] = {}

    def begin(self, next_path: str) -> tuple[str, str]:
        """Begin a sign-in.

        Returns:
            The provider's address for the browser, and a secret for its cookie: only this browser may end it.

        Raises:
            OidcRefused: The provider cannot be asked.
        """
        where = self._provider()["authorization_endpoint"]
        state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        self.begun.add(state, browser, nonce, verifier, next_path)
        asked = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": self._redirect,
            "scope": " ".join(self.config.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}", browser

    def end(self, begun: Begun, code: str) -> Mapping[str, Any]:
        """Exchange the code for what the provider says of the person: the claims, which were checked.

        Raises:
            OidcRefused: The provider does not take the code, or its answer is not to be believed.
        """
        provider = self._provider()
        answer = self._ask_for_tokens(provider, begun, code)
        claims = self._checked(str(answer.get("id_token", "")), begun.nonce, provider)
        if self.config.groups_claim not in claims and provider.get("userinfo_endpoint") and answer.get("access_token"):
            more = self._get(provider["userinfo_endpoint"], {"Authorization": f"Bearer {answer['access_token']}"})
            if more.get("sub") != claims["sub"]:
                raise OidcRefused("the provider's user info is of somebody else")
            claims = {**more, **claims}
        return claims

    def _ask_for_tokens(self, provider: Mapping[str, Any], begun: Begun, code: str) -> Mapping[str, Any]:
        secret = self.config.client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "code_verifier": begun.verifier,
            "client_id": self.config.client_id,
        }
        try:
            login = (self.config.client_id, secret) if secret else None
            answer = httpx.post(provider["token_endpoint"], data=form, auth=login, timeout=_TIMEOUT_S)
            found = answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise OidcRefused(f"the provider cannot be asked for tokens: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise OidcRefused(f"the provider does not take the code: it answered {answer.status_code}")
        return found

    def _checked(self, token: str, nonce: str, provider: Mapping[str, Any]) -> dict[str, Any]:
        claims = self._signed(token, provider)
        now_s, audience = self._clock.utc_s(), claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        faults = [
            (claims.get("iss") != provider["issuer"], "another issuer's"),
            (self.config.client_id not in audiences, "for another client"),
            (len(audiences) > 1 and claims.get("azp") != self.config.client_id, "for another client"),
            (not _is_after(claims.get("exp"), now_s - _SKEW_S), "over"),
            (_is_after(claims.get("iat", 0), now_s + _SKEW_S), "not from now"),
            (not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()), "of another sign-in"),
            (not isinstance(claims.get("sub"), str) or not claims["sub"], "of nobody"),
        ]
        for wrong, what in faults:
            if wrong:
                raise OidcRefused(f"the identity token is {what}")
        return claims

    def _signed(self, token: str, provider: Mapping[str, Any]) -> dict[str, Any]:
        """The claims of a token that one of the provider's keys signed; keys are asked for again once, since providers change them."""
        why = ""
        for fresh in (False, True):
            try:
                keys = KeySet.import_key_set(self._document(provider["jwks_uri"], fresh=fresh))  # type: ignore[arg-type]  # JSON of a key set
                return dict(jwt.decode(token, keys, algorithms=_ALGORITHMS).claims)
            except (JoseError, ValueError, TypeError, KeyError) as error:
                why = type(error).__name__
        raise OidcRefused(f"the identity token is not signed by the provider ({why})")

    def _provider(self) -> Mapping[str, Any]:
        found = self._document(f"{self.config.issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self.config.issuer:
            raise OidcRefused("the provider calls itself by another address than server.oidc.issuer says")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            where = str(found.get(name, ""))
            if not where.startswith(("https://", "http://") if self.config.issuer.startswith("http://") else "https://"):
                raise OidcRefused(f"the provider gives no good address for {name}")
        return found

    def _document(self, url: str, *, fresh: bool = False) -> dict[str, Any]:
        now_s = self._clock.monotonic_s()
        with self._lock:
            kept = self._documents.get(url)
        if kept is not None and not fresh and now_s - kept[0] < _KEEP_S:
            return kept[1]
        found = self._get(url, {})
        with self._lock:
            self._documents[url] = (now_s, found)
        return found

    def _get(self, url: str, headers: Mapping[str, str]) -> dict[str, Any]:
        try:
            # Redirections are not followed: what an address gives must come from that address.
            answer = httpx.get(url, headers=dict(headers), timeout=_TIMEOUT_S, follow_redirects=False)
            found = answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise OidcRefused(f"the provider cannot be asked: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise OidcRefused(f"the provider answered {answer.status_code} where it should say how it works")
        return found


def _is_after(value: object, moment_s: float) -> bool:
    return isinstance(value, int | float) and value > moment_s
