"""What a rule needs its cameras to have beside pictures: somebody's joints, faces, signs, maps, or the ground in metres."""

from __future__ import annotations

from typing import NamedTuple

from panops.config.rule_schema import POSTURE_KINDS


class CameraNeed(NamedTuple):
    """A setting of cameras without which a kind of rule knows nothing.

    Attributes:
        setting: Its name.
        so: What follows where it is missing, for people.
        advice: What to do about it.
    """

    setting: str
    so: str
    advice: str


CAMERA_NEEDS: dict[str, CameraNeed] = {
    **dict.fromkeys(POSTURE_KINDS, CameraNeed("pose", "nobody's joints are known", "give it `pose: {}`")),
    "speed": CameraNeed("ground", "no speed can be measured", "give it four points in metres"),
    "identity": CameraNeed(
        "faces", "nobody's face is looked at", "give it `faces: {notice: how people are told}`, or name this rule's `cameras`"
    ),
    "area": CameraNeed("maps", "nothing is known of areas", "give it `maps: {}`"),
    "gesture": CameraNeed("gestures", "nobody's signs are known", "give it `gestures: {}`"),
}
"""By the rule's kind."""
