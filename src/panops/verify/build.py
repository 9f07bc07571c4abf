"""From the site file to the chain of one camera."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, tzinfo
from typing import Any

from panops.config.verify_schema import VerifyConfig
from panops.verify.background import Background
from panops.verify.chain import Chain
from panops.verify.displacement import Displacement
from panops.verify.empty_scene import EmptyScene
from panops.verify.feedback import Feedback
from panops.verify.light import LightStep
from panops.verify.persistence import Persistence
from panops.verify.second_look import SecondLook
from panops.verify.size import Size
from panops.verify.static_memory import StaticMemory
from panops.verify.step import Step, Surroundings
from panops.verify.time_prior import TimePrior

# In the order in which they are asked: `displacement` uses what `background` measured, and what costs an inference comes last.
STEPS: dict[str, Callable[[Any, Surroundings], Step]] = {
    "persistence": Persistence,
    "background": Background,
    "displacement": Displacement,
    "size": Size,
    "light": LightStep,
    "static_memory": StaticMemory,
    "time_prior": TimePrior,
    "feedback": Feedback,
    "second_look": SecondLook,
}


def build_chain(
    config: VerifyConfig, classes: tuple[str, ...], timezone: tzinfo | None = None, trusted: Collection[str] = ()
) -> Chain | None:
    """The chain as a site's settings want it; None where it is off.

    Args:
        config: The settings.
        classes: Class names of the camera's model.
        timezone: The site's; None is the machine's own.
        trusted: Ids of rules whose events are believed without being asked.
    """
    if not config.enabled:
        return None
    around = Surroundings(EmptyScene(), classes, lambda time_s: datetime.fromtimestamp(time_s, timezone).hour)
    steps = [make(getattr(config, name), around) for name, make in STEPS.items() if getattr(config, name).enabled]
    return Chain(config, steps, around, frozenset(trusted))
