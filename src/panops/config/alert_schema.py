"""Who is told of events, and how. Every field here is described in `docs/alerts.md`."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import (
    ConfigDict,
    Field,
    SecretStr,
    SerializeAsAny,
    field_validator,
    model_validator,
)

from panops.config.fields import Config, Name, ScheduleConfig, Seconds, Secret
from panops.config.kinds import Kinds
from panops.domain.alerts import Moment
from panops.domain.events import Severity

_ADDRESS = re.compile(r"[^@\s,;<>\x00-\x1f]+@[^@\s,;<>\x00-\x1f]+")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class _SinkConfig(Config):
    """What all sinks have in common."""

    id: Name
    enabled: bool = True
    cameras: list[Name] = Field(default_factory=list, description="the cameras it is told of; empty means all")
    rules: list[Name] = Field(default_factory=list, description="the rules it is told of; empty means all")
    severities: list[Severity] = Field(default_factory=lambda: list(Severity), description="the severities it is told of")
    moments: list[Moment] = Field(default_factory=lambda: [Moment.BEGIN, Moment.END], description="begin, clip, end")
    after_s: Seconds = Field(0.0, description="wait so long before an event is told")
    unless_reviewed: bool = Field(False, description="not when somebody reviewed the event by then: with `after_s`, an escalation")
    group_s: Seconds = Field(0.0, description="further events of one camera and rule within so long come as one; 0: each by itself")
    quiet: list[ScheduleConfig] = Field(default_factory=list, description="spans of the week in which nothing is sent")
    when_quiet: Literal["drop", "hold"] = Field("drop", description="what becomes of events in quiet spans: hold sends them afterwards")
    give_up_after_s: float = Field(86400.0, gt=0, le=30 * 86400, description="what could not be delivered for so long is given up")
    every_camera: bool = Field(False, description="told of each camera's alarm, also where `one_alarm` knows that it is one person's")

    @field_validator("severities", "moments")
    @classmethod
    def _names_something(cls, value: list[str]) -> list[str]:
        if not value:
            raise ValueError("expected at least one word; leave the setting out for the usual ones")
        return value

    @model_validator(mode="after")
    def _waits_for_the_review(self) -> Self:
        if self.unless_reviewed and not self.after_s:
            raise ValueError("unless_reviewed needs after_s: the time that people have to review an event")
        return self


class OneAlarmConfig(Config):
    """Groups of cameras in which one person is one alarm, however many of the cameras see them."""

    groups: list[Name] = Field(default_factory=list, description="the groups; none: every camera's alarms are told")
    model: str = Field("person_reid", min_length=1, max_length=120, description="a model for reid, which says who looks alike")
    within_s: float = Field(120.0, gt=0, le=3600, allow_inf_nan=False, description="so long after the first alarm it is the same alarm")
    likeness: float = Field(0.8, gt=0, le=1, allow_inf_nan=False, description="from which similarity on two people are taken for one")
    kinds: list[str] = Field(
        default_factory=lambda: ["intrusion", "line_crossing", "loitering"], min_length=1, description="the kinds of rules that it is for"
    )

    @field_validator("groups", "kinds")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(value))


class WebhookConfig(_SinkConfig):
    """An HTTP POST of JSON."""

    kind: Literal["webhook"]
    url: Secret = Field(description="http:// or https://")
    secret: Secret = Field(SecretStr(""), description="key of the signature in X-Panops-Signature; empty: no signature")
    headers: dict[str, Secret] = Field(default_factory=dict, description="further headers, such as Authorization")
    template: str = Field("", max_length=20000, description="the body as a Jinja template that gives JSON; empty: the usual body")
    timeout_s: float = Field(10.0, gt=0, le=120)

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(value.get_secret_value().strip())
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            good = False
        if not good:
            raise ValueError("expected an address such as https://example.org/hook")
        return SecretStr(value.get_secret_value().strip())

    @field_validator("template")
    @classmethod
    def _is_a_template(cls, value: str) -> str:
        try:
            SandboxedEnvironment().from_string(value)
        except TemplateError as error:
            raise ValueError(f"the template cannot be used: {error}") from error
        return value

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, text in value.items():
            if not _HEADER.fullmatch(name):
                raise ValueError(f"{name[:40]!r} cannot be a header's name")
            if any(ord(character) < 32 or ord(character) > 255 for character in text.get_secret_value()):
                raise ValueError(f"the header {name} has characters that a header cannot have")
        return value


class EmailConfig(_SinkConfig):
    """A mail with the picture, through a mail server."""

    kind: Literal["email"]
    server: str = Field(min_length=1, max_length=253, description="the mail server's name")
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="how the connection is encrypted; none sends in the clear")
    username: str = ""
    password: Secret = SecretStr("")
    sender: str = Field(description="the From address")
    to: list[str] = Field(min_length=1, max_length=50, description="the recipients")
    moments: list[Moment] = Field(default_factory=lambda: [Moment.BEGIN], description="begin, clip, end")
    picture_wait_s: float = Field(10.0, ge=0, le=120, description="wait so long for the picture; then the mail goes without it")
    timeout_s: float = Field(20.0, gt=0, le=120)

    @field_validator("sender", "to")
    @classmethod
    def _are_addresses(cls, value: str | list[str]) -> str | list[str]:
        for address in [value] if isinstance(value, str) else value:
            if not _ADDRESS.fullmatch(address):
                raise ValueError("expected a mail address such as alarm@example.org")
        return value

    @model_validator(mode="after")
    def _keeps_the_password(self) -> Self:
        if self.security == "none" and self.password.get_secret_value():
            raise ValueError("a password needs an encrypted connection: security: starttls or tls")
        return self


class MqttConfig(_SinkConfig):
    """Messages on a broker, as Frigate's, and discovery for Home Assistant."""

    kind: Literal["mqtt"]
    host: str = Field(min_length=1, max_length=253, description="the broker")
    port: int = Field(1883, ge=1, le=65535)
    username: str = ""
    password: Secret = SecretStr("")
    tls: bool = False
    ca_file: str = Field("", description="certificates to trust; empty: those of the machine")
    client_id: str = Field("", max_length=23, description="empty: panops- and the sink's id")
    prefix: str = Field("panops", pattern=r"^[^/+#\s][^+#\s]{0,62}$", description="the topics begin with this")
    moments: list[Moment] = Field(default_factory=lambda: list(Moment), description="begin, clip, end")
    picture_wait_s: float = Field(3.0, ge=0, le=120, description="wait so long for the picture; then the message goes without it")
    discovery: bool = Field(True, description="tell Home Assistant of cameras and rules")
    commands: bool = Field(False, description="let whoever may write to the broker switch cameras, their analysis and their alerts")
    discovery_prefix: str = Field("homeassistant", pattern=r"^[^/+#\s][^+#\s]{0,62}$")
    timeout_s: float = Field(10.0, gt=0, le=120)

    @model_validator(mode="after")
    def _tells_each_by_itself(self) -> Self:
        if self.group_s:
            raise ValueError("MQTT tells each event by itself; leave group_s out")
        return self

    @property
    def stays_connected(self) -> bool:
        """Whether the sink is opened before there is anything to tell."""
        return True


class FileConfig(_SinkConfig):
    """One line of JSON for each alert, at the end of a file."""

    kind: Literal["file"]
    path: str = Field(min_length=1, max_length=4096, description="the file; - is standard output")


class AppriseConfig(_SinkConfig):
    """A short message with the picture through Apprise, which knows a hundred services."""

    kind: Literal["apprise"]
    urls: list[Secret] = Field(min_length=1, max_length=20, description="Apprise's addresses, such as ntfy://topic")
    moments: list[Moment] = Field(default_factory=lambda: [Moment.BEGIN], description="begin, clip, end")
    picture_wait_s: float = Field(10.0, ge=0, le=120, description="wait so long for the picture; then the message goes without it")


class PluginSinkConfig(_SinkConfig):
    """A sink whose kind a plug-in brings. Its own settings are kept as they are, as attributes; the plug-in checks them."""

    model_config = ConfigDict(extra="allow")

    kind: str


SINK_KINDS = Kinds("panops.sinks", ("webhook", "email", "mqtt", "file", "apprise"), PluginSinkConfig)
SinkConfig = Annotated[
    WebhookConfig | EmailConfig | MqttConfig | FileConfig | AppriseConfig,
    Field(discriminator="kind"),
    SerializeAsAny(),
    SINK_KINDS.validator,
]
