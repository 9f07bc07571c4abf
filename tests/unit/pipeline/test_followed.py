"""Only what some rule asks for is followed."""

from __future__ import annotations

import pytest

from panops.config.schema import PrivacyConfig, SiteConfig
from panops.pipeline.followed import followed_classes
from panops.pipeline.person_mask import needed_classes

COCO = ("person", "chair", "Car", "cat")


def test_the_items_of_compliance_are_followed_with_the_people() -> None:
    rule = {"id": "r", "kind": "compliance", "required": ["hardhat", {"item": "bib", "present": ["Orange_Bib"]}]}
    site = SiteConfig.model_validate({"cameras": {"a": {"source": "x"}}, "rules": [rule]})
    classes = ("person", "hardhat", "bare_head", "safety_vest", "orange_bib", "machinery")
    assert followed_classes(site.camera_rules("a"), classes).tolist() == [True, True, True, False, True, False]


@pytest.mark.parametrize(
    ("wanted", "classes", "followed"),
    [
        ([["person"]], COCO, [True, False, False, False]),
        ([["person"], ["car", "cat"]], COCO, [True, False, True, True]),
        ([["any"]], COCO, [True] * 4),
        ([["person", "any"]], COCO, [True] * 4),
        ([], COCO, [True, False, True, False]),
        ([["person"]], ("moving",), [True]),
        ([["zebra"]], COCO, [True] * 4),
        ([["person"]], (), []),
    ],
)
def test_followed(wanted: list[list[str]], classes: tuple[str, ...], followed: list[bool]) -> None:
    rules = [{"id": f"r{index}", "kind": "intrusion", "classes": names} for index, names in enumerate(wanted)]
    site = SiteConfig.model_validate({"cameras": {"a": {"source": "x"}}, "rules": rules})
    assert followed_classes(site.camera_rules("a"), classes).tolist() == followed


@pytest.mark.parametrize(
    ("wanted", "classes", "followed"),
    [
        ([["car"]], COCO, [True, False, True, False]),
        ([["zebra"]], COCO, [True] * 4),
        ([], COCO, [True, False, True, False]),
        ([["bird"]], ("bird",), [True]),
        ([["car"]], ("moving",), [True]),
    ],
)
def test_where_people_are_masked_they_are_followed_whatever_the_rules_ask_for(
    wanted: list[list[str]], classes: tuple[str, ...], followed: list[bool]
) -> None:
    rules = [{"id": f"r{index}", "kind": "intrusion", "classes": names} for index, names in enumerate(wanted)]
    site = SiteConfig.model_validate({"cameras": {"a": {"source": "x", "privacy": {"mask_persons": ["live"]}}}, "rules": rules})
    also = needed_classes(site.cameras["a"].privacy)
    assert followed_classes(site.camera_rules("a"), classes, also).tolist() == followed
    assert needed_classes(PrivacyConfig(blur_faces=["live"])) == ()


def test_owners_of_objects_are_followed_and_combined_rules_ask_for_nobody() -> None:
    rules = [
        {"id": "bags", "kind": "object_left", "classes": ["chair"]},
        {"id": "both", "kind": "combined", "of": ["bags", "cats"]},
        {"id": "cats", "kind": "dwell", "classes": ["cat"]},
    ]
    site = SiteConfig.model_validate({"cameras": {"a": {"source": "x"}}, "rules": rules})
    assert followed_classes(site.camera_rules("a"), COCO).tolist() == [True, True, False, True]
    assert followed_classes(site.camera_rules("a")[1:], COCO).tolist() == [False, False, False, True]
