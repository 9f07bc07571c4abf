"""From the site file to the chain of one camera."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from datetime import datetime, tzinfo

from panops.config.verify_schema import StepConfig, VerifyConfig
from panops.domain.errors import PanopsError, PluginError
from panops.verify.chain import Chain
from panops.verify.empty_scene import EmptyScene
from panops.verify.registry import STEPS, VERIFIERS
from panops.verify.step import Step, Surroundings

logger = logging.getLogger(__name__)


def build_chain(
    config: VerifyConfig, classes: tuple[str, ...], timezone: tzinfo | None = None, trusted: Collection[str] = ()
) -> Chain | None:
    """The chain as a site's settings want it; None where it is off.

    A plug-in's step that cannot be made is left out: alarms are told without it, and `Chain.problems` says so.

    Args:
        config: The settings.
        classes: Class names of the camera's model.
        timezone: The site's; None is the machine's own.
        trusted: Ids of rules whose events are believed without being asked.
    """
    if not config.enabled:
        return None
    around = Surroundings(EmptyScene(), classes, lambda time_s: datetime.fromtimestamp(time_s, timezone).hour)
    steps: list[Step] = []
    problems: list[str] = []
    for name, settings in _wanted(config):
        try:
            steps.append(_make(name, settings, around))
        except Exception as error:
            if name in STEPS:
                raise
            if not isinstance(error, PanopsError | ValueError | TypeError):
                logger.exception("the step %s cannot be made", name)
            problems.append(f"verify.plugins.{name}: {error}; events are told without this step")
            logger.warning("%s", problems[-1])
    return Chain(config, steps, around, frozenset(trusted), problems)


def _make(name: str, settings: StepConfig, around: Surroundings) -> Step:
    step: Step = VERIFIERS.load(name)(settings, around)
    if getattr(step, "name", None) != name:  # its findings are counted and shown by this name
        raise PluginError(f"expected a step whose `name` is {name!r}, got {getattr(step, 'name', None)!r}")
    return step


def _wanted(config: VerifyConfig) -> Iterator[tuple[str, StepConfig]]:
    """The steps that are on, in the order in which they are asked: a plug-in's after the built-in ones, but before a second look."""
    for name in STEPS:
        if name == "second_look":
            yield from ((further, settings) for further, settings in config.plugins.items() if settings.enabled)
        settings = getattr(config, name)
        if settings.enabled:
            yield name, settings
