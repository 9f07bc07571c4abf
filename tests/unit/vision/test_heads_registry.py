from __future__ import annotations

from dataclasses import replace

import pytest
from manifests import manifest

from panops.domain.errors import ModelUnsupported, PluginError
from panops.vision.detect_fastestdet import DetectFastestDet
from panops.vision.detect_ssd import DetectSsd
from panops.vision.detect_yolox import DetectYolox, DetectYoloxDecoded
from panops.vision.registry import HEADS, open_task


@pytest.mark.parametrize(
    ("head", "kind"), [("yolox", DetectYolox), ("yolox_decoded", DetectYoloxDecoded), ("ssd", DetectSsd), ("fastestdet", DetectFastestDet)]
)
def test_every_head_opens(head: str, kind: type) -> None:
    assert type(open_task(manifest(head))) is kind
    assert head in HEADS.names()


def test_an_unknown_head_names_the_known_ones() -> None:
    with pytest.raises(PluginError, match="unknown head 'yolo9000'; known are: fastestdet, ssd, yolox, yolox_decoded"):
        open_task(manifest("yolo9000"))


def test_another_task_is_refused() -> None:
    with pytest.raises(ModelUnsupported, match="m is a model for pose"):
        open_task(replace(manifest(), task="pose"))
