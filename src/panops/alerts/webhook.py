"""An HTTP POST with JSON, signed, to an address that an administrator chose."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import ssl
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from panops import __version__
from panops.alerts.payload import payload
from panops.config.alert_schema import WebhookConfig
from panops.domain.addresses import is_off_limits
from panops.domain.alerts import Alert, SiteFacts
from panops.domain.errors import SinkRefused, SinkUnreachable

# Of an answer so much is read; its beginning stands in the log of deliveries.
_MOST_ANSWER_BYTES = 64 * 1024
_SHOWN = 120
_SHORTEST_SECRET = 4
# Answers that mean "later", besides all of 5xx: request time-out, too early, too many requests.
_LATER = frozenset({408, 425, 429})


class Webhook:
    """One address. A connection a delivery: hours may lie between two.

    The signature is `X-Panops-Signature: t=SECONDS,v1=HEX`, HEX being HMAC-SHA256 of `SECONDS.` and the body with the sink's secret, so
    that a receiver can tell a forged or an old request. `X-Panops-Delivery` is the same at each try.

    Args:
        config: The sink's settings.
        site: For times in the text.
        utc_s: Time of the signature.
    """

    def __init__(self, config: WebhookConfig, site: SiteFacts, utc_s: Callable[[], float] = time.time) -> None:
        self._config = config
        self._timezone = site.timezone
        self._utc_s = utc_s
        self._template = _template(config.template) if config.template else None

    def deliver(self, alert: Alert) -> str:
        """Send it.

        Raises:
            SinkUnreachable: No answer, or one that means "later".
            SinkRefused: Any other answer than 2xx, or the template does not give JSON for this alert.
        """
        body = self.body(alert)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"panops/{__version__}",
            "X-Panops-Delivery": str(alert.delivery_id),
            "X-Panops-Moment": alert.moment.value,
            **self._signature(body),
            **{name: value.get_secret_value() for name, value in self._config.headers.items()},
        }
        try:
            status, reason, answer = self._post(body, headers)
        except UnicodeError as error:
            raise SinkRefused("the address or a header has characters that HTTP does not know; write them as %XX") from error
        except (OSError, http.client.HTTPException) as error:
            raise SinkUnreachable(f"no answer: {_why(error)}") from error
        said = f"{status} {reason}".strip()
        if 200 <= status < 300:
            return said
        told = self._without_secrets(f"{said}: {_beginning(answer)}" if answer.strip() else said)
        if status >= 500 or status in _LATER:
            raise SinkUnreachable(told)
        if 300 <= status < 400:
            told = f"{said}: a redirection is not followed, for it would carry the alert to an address that nobody chose"
        raise SinkRefused(told)

    def close(self) -> None:
        """Nothing is kept open."""

    def body(self, alert: Alert) -> bytes:
        """What is sent.

        Raises:
            SinkRefused: The template does not give JSON for this alert.
        """
        values = payload(alert, self._timezone)
        if self._template is None:
            return json.dumps(values, allow_nan=False).encode()
        try:
            return json.dumps(json.loads(self._template.render(values))).encode()
        except (TemplateError, ValueError, TypeError, OverflowError) as error:
            raise SinkRefused(f"the template does not give JSON: {error}") from error

    def _without_secrets(self, words: str) -> str:
        """Receivers like to repeat what they were sent, and a hook's path is its key."""
        where = urlsplit(self._config.url.get_secret_value())
        parts = [where.path, where.query, *where.path.split("/"), self._config.secret.get_secret_value()]
        parts += [value.get_secret_value() for value in self._config.headers.values()]
        for part in sorted(set(parts), key=len, reverse=True):
            if len(part) >= _SHORTEST_SECRET:
                words = words.replace(part, "***")
        return words

    def _signature(self, body: bytes) -> dict[str, str]:
        secret = self._config.secret.get_secret_value()
        if not secret:
            return {}
        stamp = str(int(self._utc_s()))
        signed = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Panops-Signature": f"t={stamp},v1={signed}"}

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        where = urlsplit(self._config.url.get_secret_value())
        host, timeout_s = where.hostname or "", self._config.timeout_s
        connection: http.client.HTTPConnection
        if where.scheme == "https":
            connection = http.client.HTTPSConnection(host, where.port, timeout=timeout_s, context=ssl.create_default_context())
        else:
            connection = http.client.HTTPConnection(host, where.port, timeout=timeout_s)
        try:
            connection.connect()
            _check_peer(connection.sock.getpeername()[0])
            connection.request("POST", f"{where.path or '/'}{'?' + where.query if where.query else ''}", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.reason, answer.read(_MOST_ANSWER_BYTES)
        finally:
            connection.close()


def _check_peer(address: str) -> None:
    """Nothing is sent to link-local addresses and their like: there a cloud keeps the machine's own keys.

    Asked of the open connection, not of a name.

    Raises:
        SinkRefused: It is one.
    """
    if is_off_limits(ipaddress.ip_address(address.partition("%")[0])):
        raise SinkRefused("the address is link-local or a cloud's own, where nothing is sent")


def _template(text: str) -> Template:
    # That it can be read was checked with the site file.
    return SandboxedEnvironment(undefined=StrictUndefined, autoescape=False).from_string(text)  # JSON, not HTML


def _beginning(answer: bytes) -> str:
    text = " ".join(answer.decode("utf-8", "replace").split())
    return text[:_SHOWN] + ("..." if len(text) > _SHOWN else "")


def _why(error: Exception) -> Any:
    """What went wrong, without the address, which may hold a key."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "it took too long"
    return getattr(error, "strerror", None) or type(error).__name__
