"""The part of `panops gestures deploy` that touches the site: a camera's `gestures`, and the rule, in one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from panops.config.rule_schema import GestureConfig
from panops.config.schema import CameraConfig, GesturesConfig
from panops.config.signs import sign_problems
from panops.config.spelling import did_you_mean
from panops.domain.clock import SystemClock
from panops.domain.errors import PanopsError
from panops.storage.audit import AuditLog
from panops.storage.database import Database
from panops.storage.site import SiteRepository


@dataclass(frozen=True, slots=True)
class WantedRule:
    """What is to be told.

    Attributes:
        camera: The camera's id.
        rule: The rule; it watches this camera.
    """

    camera: str
    rule: GestureConfig

    @classmethod
    def made(cls, rule_id: str, camera: str, signs: list[str], zone: str, after_s: float, *, in_order: bool) -> Self:
        """Of what the command line says.

        Raises:
            ValidationError: A setting is wrong.
        """
        values = {"id": rule_id, "kind": "gesture", "cameras": [camera], "zone": zone or None, "after_s": after_s}
        return cls(camera, GestureConfig.model_validate({**values, "sequence" if in_order else "signs": signs}))


def wanted_camera(database: Database, camera_id: str, asked: WantedRule) -> GesturesConfig:
    """How the camera looks for hands, or would.

    Raises:
        PanopsError: There is no such camera or zone, or a rule of another kind has the id.
    """
    camera, _ = _found(SiteRepository(database), camera_id, asked)
    return camera.gestures or GesturesConfig()


def deploy_rule(database: Database, asked: WantedRule, classifier: str, classes: Sequence[str]) -> bool:
    """Have the camera read hands with a classifier, and the rule tell a sign: both or neither.

    Args:
        database: The site's.
        asked: The rule.
        classifier: The model.
        classes: What it knows.

    Returns:
        Whether the rule is new; False where one of that id was replaced.

    Raises:
        PanopsError: As for `wanted_camera`, or another rule of the camera asks for signs that this classifier does not know.
        StaleEdit: Camera or rule were changed in the meantime.
    """
    sites = SiteRepository(database)
    rule_etag, camera_etag = sites.rule_etag(asked.rule.id), sites.camera_etag(asked.camera)
    camera, _ = _found(sites, asked.camera, asked)
    gestures = (camera.gestures or GesturesConfig()).model_copy(update={"classifier": classifier})
    changed = camera.model_copy(update={"gestures": gestures})
    for other in sites.load().camera_rules(asked.camera):
        if isinstance(other, GestureConfig) and other.id != asked.rule.id:
            for problem in sign_problems(other, asked.camera, changed, classes):
                raise PanopsError(f"the rule {other.id!r} would see nothing any more: {problem}; change or remove it first")
    sites.put_both(asked.camera, changed, asked.rule, camera_etag=camera_etag, rule_etag=rule_etag)
    facts = {"camera": asked.camera, "classifier": classifier, "signs": asked.rule.named_signs}
    AuditLog(database).record(SystemClock().utc_s(), "", "gestures.deploy", asked.rule.id, facts)
    return rule_etag is None


def _found(sites: SiteRepository, camera_id: str, asked: WantedRule) -> tuple[CameraConfig, GestureConfig | None]:
    """The camera, and the rule that has the wanted id so far."""
    site = sites.load()
    camera = site.cameras.get(camera_id)
    if camera is None:
        raise PanopsError(f"no camera {camera_id!r}{did_you_mean(camera_id, site.cameras)}; add it first: panops apply")
    if asked.rule.zone is not None and asked.rule.zone not in camera.zones:
        raise PanopsError(f"camera {camera_id!r} has no zone {asked.rule.zone!r}{did_you_mean(asked.rule.zone, camera.zones, 'it has')}")
    before = next((rule for rule in site.rules if rule.id == asked.rule.id), None)
    if before is not None and not isinstance(before, GestureConfig):
        raise PanopsError(f"the rule {asked.rule.id!r} is there and is of the kind {before.kind}; choose another id: --rule")
    return camera, before
