"""The site file's shape. `Config` classes are set by users; every field here is described in `docs/site-file.md`."""

from __future__ import annotations

import re
from datetime import time
from ipaddress import ip_network
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from panops.config.alert_schema import OneAlarmConfig, SinkConfig
from panops.config.fields import WITH_SECRETS, Config, Name, Point, Seconds, plugin_names
from panops.config.grpc_schema import GrpcConfig
from panops.config.health_schema import HealthConfig
from panops.config.record_schema import RecordConfig, RecordingConfig
from panops.config.rule_schema import RuleConfig
from panops.config.sign_in_schema import OidcConfig, ProxyLoginConfig, RoleName
from panops.config.spelling import did_you_mean
from panops.config.verify_schema import VerifyConfig
from panops.domain.body_parts import BodyPart
from panops.domain.device import Device

# What a camera's address can be, for messages.
SOURCE_CHOICES = "rtsp://HOST/..., http://HOST/..., device:/dev/video0, sim://SCENE, or a file such as clips/gate.mp4"
NO_SCHEME_ADVICE = "a file of such a name begins with ./"


class ZoneConfig(Config):
    """An area of the picture."""

    polygon: list[Point] = Field(description="at least three corners, each [x, y] in 0..1")

    @field_validator("polygon")
    @classmethod
    def _has_an_area(cls, value: list[Point]) -> list[Point]:
        if len(value) < 3:
            raise ValueError(f"a zone needs at least 3 points, got {len(value)}")
        doubled = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(value, value[1:] + value[:1], strict=True))
        if abs(doubled) < 2e-6:
            raise ValueError("a zone needs an area; these points lie on one line")
        crossing = _self_crossing(value)
        if crossing:
            raise ValueError(f"a zone's edges must not cross; the edges after points {crossing[0]} and {crossing[1]} do")
        return value


def _self_crossing(corners: list[Point]) -> tuple[int, int] | None:
    """The first two edges of a polygon that cross, counted from 1; touching is allowed."""

    def turn(first: Point, second: Point, third: Point) -> float:
        return (second[0] - first[0]) * (third[1] - first[1]) - (second[1] - first[1]) * (third[0] - first[0])

    edges = list(zip(corners, corners[1:] + corners[:1], strict=True))
    for one, (a, b) in enumerate(edges):
        for other, (c, d) in enumerate(edges[one + 2 :], one + 2):
            if turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0:
                return one + 1, other + 1
    return None


class LineConfig(Config):
    """A tripwire. Walking along it from its first point, side `a` is on the left hand, side `b` on the right."""

    points: list[Point] = Field(description="two or more points, each [x, y] in 0..1")

    @field_validator("points")
    @classmethod
    def _has_a_length(cls, value: list[Point]) -> list[Point]:
        if len(value) < 2:
            raise ValueError(f"a line needs at least 2 points, got {len(value)}")
        if len(set(value)) < 2:
            raise ValueError("a line needs a length; its points are all the same")
        return value


class GroundConfig(Config):
    """Four points of flat ground, in the picture and in metres, so that speeds can be measured."""

    points: list[Point] = Field(description="four points of the ground in the picture, each [x, y] in 0..1")
    metres: list[tuple[float, float]] = Field(description="where they are on the ground, each [x, y] in metres, in the same order")

    @model_validator(mode="after")
    def _fixes_a_plane(self) -> Self:
        from panops.domain.ground_plane import GroundPlane  # noqa: PLC0415  # numpy, which few site files need

        GroundPlane.of(self.points, self.metres)
        return self


class MotionConfig(Config):
    """When a frame is worth the detector."""

    enabled: bool = Field(True, description="off: every check runs the detector")
    threshold: float = Field(12.0, gt=0, le=255, description="how much brighter or darker a block must get, 0..255")
    min_area: float = Field(0.0008, ge=0, le=1, description="the least share of the picture that must change")
    refresh_s: Seconds = Field(10.0, description="run the detector at least this often, even when nothing moves")
    whole_every_s: Seconds = Field(1.0, description="while something goes on, look at the whole picture at least this often; 0: always")


class SecondaryConfig(Config):
    """A second model that looks at single objects of a camera, each cut out and enlarged; or classifiers that look at parts of people."""

    model: str = Field("", description="the second model's name; may be left out where there are `parts`")
    parts: dict[BodyPart, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="by `head`, `torso` or `body`: a classifier that says what is on that part of somebody"
    )
    classes: list[str] = Field(default_factory=lambda: ["person"], min_length=1, description="whom it looks at")
    first_looks: int = Field(10, ge=2, le=1000, description="an object is looked at so often when it comes")
    refresh_s: Seconds = Field(5.0, description="and again after so long, three times each")
    most: int = Field(4, ge=1, le=64, description="objects at one check, at most")

    @model_validator(mode="after")
    def _has_something(self) -> SecondaryConfig:
        if not self.model and not self.parts:
            raise ValueError("expected a model, or parts with a classifier, such as parts: {head: ppe_head}; got neither")
        return self

    @property
    def models(self) -> tuple[str, ...]:
        """All models that it names."""
        return tuple(filter(None, (self.model, *self.parts.values())))


class PoseConfig(Config):
    """Looks for the joints of people who are followed, for rules that ask how somebody stands or lies."""

    model: str = Field("movenet_lightning", min_length=1, description="a model for poses with COCO's 17 joints")
    classes: list[str] = Field(default_factory=lambda: ["person"], min_length=1, description="whose joints")
    refresh_s: Seconds = Field(0.4, le=3.0, description="each of them is looked at so often")
    most: int = Field(4, ge=1, le=64, description="people at one check, at most")
    least_px: int = Field(40, ge=8, le=4096, description="nobody is looked at whose box's longer side is shorter")
    fallen: bool = Field(True, description="the place of whoever is lost in the middle of the picture is looked at for somebody lying")


class FacesConfig(Config):
    """Looks at the faces of people who are followed and compares them with those that are known, for rules that ask who somebody is."""

    notice: str = Field(max_length=500, description="how people in view are told that their faces are compared: where a sign stands, say")
    detector: str = Field("yunet", min_length=1, description="a model for faces with five points")
    embedding: str = Field(
        "dlib_faces", min_length=1, description="a model that says what tells faces apart; the known ones are compared by it"
    )
    live: Literal["required", "off"] = Field("off", description="required: a face counts only where `liveness` takes it for a living one")
    liveness: str = Field("minifasnet", min_length=1, description="a model that tells faces from pictures of faces; for `live: required`")
    threshold: float | None = Field(
        None,
        gt=-1,
        lt=1,
        allow_inf_nan=False,
        description="from which similarity on two faces are one person's; empty: the model's own",
    )
    classes: list[str] = Field(default_factory=lambda: ["person"], min_length=1, description="whose faces")
    refresh_s: Seconds = Field(1.0, le=60.0, description="each of them is looked at so often until it is clear who it is")
    settled_s: Seconds = Field(20.0, le=600.0, description="and so often afterwards")
    most: int = Field(2, ge=1, le=64, description="people at one check, at most")
    least_px: int = Field(96, ge=16, le=4096, description="nobody is looked at whose box's longer side is shorter")

    @field_validator("notice")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if len(value.split()) < 2:
            raise ValueError("expected a few words on how people are told of it, such as 'sign at the gate since May'")
        return value.strip()

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models that it needs."""
        return (self.detector, self.embedding, *([self.liveness] if self.live == "required" else []))

    @model_validator(mode="after")
    def _rests_longer_than_it_looks(self) -> Self:
        if self.settled_s < self.refresh_s:
            raise ValueError(f"expected settled_s of at least refresh_s ({self.refresh_s:g}), got {self.settled_s:g}")
        return self


class PrivacyConfig(Config):
    """Faces, and persons, that people are not to see."""

    blur_faces: list[Literal["live", "snapshots", "exports"]] = Field(
        default_factory=list, description="where faces are made unknown: in live pictures, in pictures of events, in what is taken away"
    )
    detector: str = Field("yunet", min_length=1, description="a model for faces that finds them")
    mask_persons: list[Literal["live", "snapshots"]] = Field(
        default_factory=list, description="where everybody who is followed is filled with grey: in live pictures, in pictures of events"
    )
    person_model: str = Field(
        "selfie_segmentation", description="a model for segmentation that finds people's outlines; empty: whole boxes are filled"
    )

    @field_validator("blur_faces", "mask_persons")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(value))

    def hides(self, where: Literal["live", "snapshots", "exports"]) -> bool:
        """Whether anything is hidden there, so that film of it must not be shown as it is."""
        return where in self.blur_faces or where in self.mask_persons


class MapsConfig(Config):
    """Looks at the whole picture for what each part of it shows, for rules about how much of a zone something covers."""

    model: str = Field("deeplab_voc", min_length=1, description="a model for segmentation")
    refresh_s: Seconds = Field(10.0, ge=1.0, le=3600.0, description="the picture is looked at so often, while there is room")


class GesturesConfig(Config):
    """Looks for signs that people who are followed make with their hands."""

    model: str = Field("hands", min_length=1, description="a model for hands with 21 points")
    classifier: str = Field(
        "sign_digits", min_length=1, description="what tells signs apart: a classifier of pictures of hands, or one of hands' points"
    )
    classes: list[str] = Field(default_factory=lambda: ["person"], min_length=1, description="whose hands")
    refresh_s: Seconds = Field(0.4, le=3.0, description="each of them is looked at so often")
    most: int = Field(3, ge=1, le=64, description="people at one check, at most")
    least_px: int = Field(120, ge=8, le=4096, description="nobody is looked at whose box's longer side is shorter")
    min_score: float = Field(0.85, ge=0, le=1, description="what the classifier says less surely is no sign")


class SimulationConfig(Config):
    """The scene that a `sim://` camera renders."""

    scene: Literal["yard", "street", "gate", "room", "fence"] = "yard"
    seed: int = 0
    activity: float = Field(1.0, ge=0, le=20, description="about how many walkers and vehicles a minute")
    workers: float = Field(
        0.0, ge=0, le=1, description="the share of walkers who are dressed for a building site: hard hat, vest, both or none"
    )
    deeds: float = Field(0.0, ge=0, le=1, description="the share of walkers who do something: raise their hands, bend down, fall, and more")
    climbs: float = Field(0.0, ge=0, le=1, description="of those, the share who climb up or jump where they stand, and nothing else")
    rate_fps: float = Field(10.0, gt=0, le=60)
    size_wh: tuple[int, int] = (640, 360)
    weather: Literal["clear", "wind", "rain", "night"] = "clear"


class CameraConfig(Config):
    """One camera."""

    SOURCE_SCHEMES: ClassVar[tuple[str, ...]] = ("rtsp", "rtsps", "http", "https", "file", "device", "sim")

    source: SecretStr = Field(description="rtsp://, http(s)://, file path or glob, device:/dev/video0, or sim://SCENE")
    name: str = Field("", max_length=120, description="what people call it; the key is used where it is empty")
    enabled: bool = True
    transport: Literal["tcp", "udp"] = Field("tcp", description="how RTSP carries video")
    loop: bool = Field(False, description="play a file again from its start, as if it were a camera")
    model: str = Field("", description="a model's name; the site's default where it is empty")
    check_fps: float = Field(5.0, gt=0, le=60, allow_inf_nan=False, description="how often a second the picture is looked at")
    min_score: float = Field(0.35, ge=0, le=1, description="detections below this score are ignored")
    stall_s: Seconds = Field(10.0, gt=0, description="no packet for so long means the camera is stalled")
    frozen_s: Seconds = Field(60.0, description="the very same picture for so long means it is frozen; 0 switches this off")
    sleep: Literal["always", "auto", "never"] = Field("auto", description="when only keyframes are decoded while nothing happens")
    motion: MotionConfig = MotionConfig()
    secondary: SecondaryConfig | None = Field(None, description="a second model for what single objects show, such as who wears what")
    pose: PoseConfig | None = Field(None, description="looks for people's joints; rules such as fall and hands_up need it")
    faces: FacesConfig | None = Field(None, description="compares people's faces with known ones; the rule identity needs it")
    privacy: PrivacyConfig = Field(PrivacyConfig(), description="where faces are made unknown, and people")
    maps: MapsConfig | None = Field(None, description="looks for what each part of the picture shows; the rule area needs it")
    gestures: GesturesConfig | None = Field(None, description="looks for signs people make with their hands; the rule gesture needs it")
    health: HealthConfig = HealthConfig()
    record: RecordConfig = RecordConfig()
    record_source: SecretStr = Field(SecretStr(""), description="an address of the same camera to record instead of `source`")
    simulation: SimulationConfig | None = None
    zones: dict[Name, ZoneConfig] = Field(default_factory=dict)
    lines: dict[Name, LineConfig] = Field(default_factory=dict)
    ground: GroundConfig | None = Field(None, description="the ground in metres, for rules that measure speed")

    def plain(self) -> dict[str, Any]:
        """The settings as JSON values, with the source's password in it: for the database and the shard, never for people."""
        plain = {**self.model_dump(mode="json", exclude_defaults=True), "source": self.source.get_secret_value()}
        return {**plain, "record_source": self.record_source.get_secret_value()} if "record_source" in plain else plain

    @field_validator("source", "record_source")
    @classmethod
    def _is_an_address(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        text = value.get_secret_value().strip()
        if not text and info.field_name == "record_source":
            return SecretStr("")
        if not text:
            raise ValueError("expected an address such as rtsp://host/path or a file name, got nothing")
        match = re.match(r"^([a-z][a-z0-9+.-]+):(//)?", text, re.IGNORECASE)
        scheme = match[1].lower() if match else ""
        if match and scheme not in cls.SOURCE_SCHEMES:
            known = [*cls.SOURCE_SCHEMES, *plugin_names("panops.sources")]
            if scheme not in known and not match[2]:
                raise ValueError(
                    f"expected an address with its scheme; did you forget rtsp://? It can be {SOURCE_CHOICES}; {NO_SCHEME_ADVICE}"
                )
            if scheme not in known:
                raise ValueError(f"cannot read {scheme}: addresses{did_you_mean(scheme, known, 'expected a file name or one of')}")
        return SecretStr(text)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        both = sorted(set(self.zones) & set(self.lines))
        if both:
            raise ValueError(f"a zone and a line share the name {both[0]!r}")
        return self


class EvidenceConfig(Config):
    """The proof kept of each event."""

    before_s: Seconds = Field(5.0, le=60, description="seconds of video before the event")
    after_s: Seconds = Field(5.0, le=120, description="seconds of video after it")
    max_clip_s: Seconds = Field(60.0, gt=0, le=3600, description="a longer event's clip is cut here")
    first_clip_s: Seconds = Field(8.0, le=600, description="an event that goes on has a first clip after so long; 0: only at its end")
    snapshot_quality: int = Field(85, ge=30, le=100, description="JPEG quality")
    find_again: str = Field("", max_length=120, description="a model for reid: how people of events look is kept, to find them again")


class RetentionConfig(Config):
    """How long events and evidence are kept. What is marked kept is never deleted."""

    days: float = Field(30.0, gt=0, le=36500)
    max_gib: float = Field(20.0, gt=0, description="the evidence folder's greatest size")
    min_free_gib: float = Field(1.0, ge=0, description="space that is left to the rest of the machine")
    audit_days: float = Field(365.0, ge=0, le=36500, allow_inf_nan=False, description="older entries of the audit log go; 0: never")
    looks_hours: float = Field(2.0, ge=0, le=48, description="for how long what was followed is kept, to try rules on it; 0: not at all")


class ServerConfig(Config):
    """The page and API."""

    host: str = Field("127.0.0.1", description="0.0.0.0 opens it to the network")
    port: int = Field(8440, ge=0, le=65535)
    allowed_hosts: list[str] = Field(default_factory=list, description="further host names a browser may use for this server")
    file_roots: list[str] = Field(
        default_factory=list, description="folders whose files and devices may be added as cameras on the page; /dev for USB cameras"
    )
    public_url: str = Field("", description="the page's address as people reach it, for links in alerts")
    trusted_proxies: list[str] = Field(
        default_factory=list, description="addresses of reverse proxies whose X-Forwarded headers are believed"
    )
    session_idle_h: float = Field(336.0, gt=0, le=8784, description="how long a sign-in lasts from its last use, hours")
    session_max_h: float = Field(2160.0, gt=0, le=87840, description="how long it lasts at most, hours")
    require_second_factor: list[RoleName] = Field(
        default_factory=list, description="roles that must have a second factor: [admin], say; for accounts with a password here"
    )
    oidc: OidcConfig | None = Field(None, description="a provider where people sign in instead")
    proxy_login: ProxyLoginConfig | None = Field(None, description="the trusted proxies say who people are")
    grpc: GrpcConfig | None = Field(None, description="models for programs by gRPC too, on a port of its own")
    allowed_addresses: list[str] = Field(
        default_factory=list,
        description="addresses or networks that cameras added on the page may have although they are refused otherwise: [169.254.0.0/16]",
    )

    @field_validator("public_url")
    @classmethod
    def _is_a_page(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
            raise ValueError("expected an address such as https://panops.example.org")
        return value.rstrip("/")

    @field_validator("allowed_addresses")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        try:
            return [str(ip_network(one, strict=False)) for one in value]
        except ValueError as error:
            raise ValueError("expected addresses or networks such as 169.254.7.1 or 169.254.0.0/16") from error

    @model_validator(mode="after")
    def _knows_its_proxies(self) -> Self:
        if self.proxy_login is not None and not self.trusted_proxies:
            raise ValueError("`proxy_login` needs `trusted_proxies`: from anybody else the headers are not believed")
        if self.oidc is not None and not self.public_url:
            raise ValueError("`oidc` needs `public_url`: the provider sends people back to that address")
        return self


class SiteConfig(Config):
    """A whole site: cameras, rules and what they share."""

    cameras: dict[Name, CameraConfig] = Field(default_factory=dict)
    rules: list[RuleConfig] = Field(default_factory=list)
    groups: dict[Name, list[Name]] = Field(
        default_factory=dict, description="named groups of cameras: what people and tokens may be limited to, and lists filtered by"
    )
    alerts: list[SinkConfig] = Field(default_factory=list, description="who is told of events")
    one_alarm: OneAlarmConfig = Field(OneAlarmConfig(), description="groups of cameras in which one person is one alarm")
    model: str = Field("", description="the default model; empty: the best one that is there")
    device: str = Field("cpu", description="what runs models: cpu, cuda, cuda:1, tensorrt, tensorrt:1")
    timezone: str = Field("", description="IANA name, such as Europe/Berlin; empty means the machine's own")
    shifts: list[time] = Field(
        default_factory=lambda: [time(6), time(14), time(22)],
        min_length=1,
        max_length=24,
        description="when shifts begin, for figures by shift",
    )
    shards: int = Field(0, ge=0, le=64, description="processes; 0: as many as the machine carries")
    evidence: EvidenceConfig = EvidenceConfig()
    retention: RetentionConfig = RetentionConfig()
    recording: RecordingConfig = RecordingConfig()
    verify: VerifyConfig = VerifyConfig()
    server: ServerConfig = ServerConfig()

    @field_validator("device")
    @classmethod
    def _is_a_device(cls, value: str) -> str:
        return str(Device.parse(value))

    @field_validator("shifts")
    @classmethod
    def _in_order(cls, value: list[time]) -> list[time]:
        starts = sorted({one.replace(tzinfo=None, second=0, microsecond=0) for one in value})
        if len(starts) < len(value):
            raise ValueError("expected different times of day, such as [06:00, 14:00, 22:00], got one of them twice")
        return starts

    @field_validator("groups")
    @classmethod
    def _names_once(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        return {name: list(dict.fromkeys(cameras)) for name, cameras in value.items()}

    def plain_settings(self) -> dict[str, Any]:
        """All but cameras, rules and groups as JSON values, with the secrets in them: for the database, never for people."""
        return self.model_dump(mode="json", exclude={"cameras", "rules", "groups"}, exclude_defaults=True, context=WITH_SECRETS)

    def one_alarm_cameras(self, camera_id: str) -> frozenset[str]:
        """The cameras whose alarms about one person are one with this camera's, itself among them; none where `one_alarm` is not for it."""
        named = [frozenset(self.groups.get(name, ())) for name in self.one_alarm.groups]
        return frozenset[str]().union(*(cameras for cameras in named if camera_id in cameras))

    @property
    def finds_again(self) -> bool:
        """Whether people may look for others by what is kept of how these look; what is kept for `one_alarm` is for that only."""
        return bool(self.evidence.find_again) or not self.one_alarm.groups

    def looks_model(self, camera_id: str) -> str:
        """The model that says how people of a camera's events look; empty where nobody wants to know."""
        return self.evidence.find_again or (self.one_alarm.model if self.one_alarm_cameras(camera_id) else "")

    def camera_rules(self, camera_id: str) -> list[Any]:
        """The enabled rules that watch `camera_id`, in the file's order."""
        return [rule for rule in self.rules if rule.enabled and (not rule.cameras or camera_id in rule.cameras)]
