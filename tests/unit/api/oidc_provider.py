"""A small OpenID Connect provider, real where it matters: codes that count once, PKCE, client secrets, RS256 signatures, key sets."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "panops", "client-s3cret"
Claims = dict[str, Any]


class Provider:
    """Answers at `issuer`. Whoever asks for a code gets one for `person`; `spoil` changes the claims before they are signed."""

    def __init__(self) -> None:
        self.utc_s: Callable[[], float] = time.time
        self.person: Claims = {"sub": "1234", "preferred_username": "Nina", "groups": ["staff", "north-team"]}
        self.spoil: Callable[[Claims], Claims] = lambda claims: claims
        self.extra: Claims = {}
        self.sign: Callable[[Claims], str] = self._signed
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.shown: list[RSAKey] = [self.key]
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                self._answer(provider.get(urlsplit(self.path).path))

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                provider.asked.append(self.path)
                self._answer(provider.token({key: values[0] for key, values in form.items()}, self.headers.get("Authorization", "")))

            def _answer(self, found: Claims | None) -> None:
                body = json.dumps(found or {"error": "invalid_grant"}).encode()
                self.send_response(200 if found is not None else 400)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # the library's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()

    def get(self, path: str) -> Claims | None:
        """Discovery, keys, user info."""
        if path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys", "userinfo_endpoint": "/me"}
            return {"issuer": self.issuer, **{name: self.issuer + end for name, end in ends.items()}}
        if path == "/keys":
            return dict(KeySet(list(self.shown)).as_dict(private=False))
        return {**self.person, **self.extra} if path == "/me" else None

    def authorise(self, address: str) -> str:
        """What the person's browser does there: the address that it is sent back to."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str], login: str) -> Claims | None:
        """The token endpoint."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        known = login == "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or not known or challenge != asked["code_challenge"] or form.get("redirect_uri") != asked["redirect_uri"]:
            return None
        now_s = int(self.utc_s())
        times = {"iat": now_s, "exp": now_s + 300}
        claims = {"iss": self.issuer, "aud": CLIENT, "nonce": asked["nonce"], **times, **self.person}
        return {"id_token": self.sign(self.spoil(claims)), "access_token": "at", "token_type": "Bearer"}

    def _signed(self, claims: Claims) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
