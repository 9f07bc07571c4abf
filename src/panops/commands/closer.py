"""What `panops evaluate compliance` looks closer with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from panops.config.schema import SecondaryConfig
from panops.domain.protocols import Detector
from panops.pipeline.secondary import SecondaryLooks


@dataclass(frozen=True, slots=True)
class Closer:
    """The settings of a camera's `secondary`, and its models.

    Attributes:
        config: The settings.
        detectors: Gives what runs a model.
    """

    config: SecondaryConfig
    detectors: Callable[[str], Detector]

    def looks(self, classes: Sequence[str], most: int | None = None) -> SecondaryLooks:
        """A camera's, which has looked at nobody yet.

        Args:
            classes: The class names of the camera's own detector.
            most: People at one check; the setting's when None.

        Raises:
            ModelError: A model cannot be used, or does something else.
        """
        config = self.config if most is None else self.config.model_copy(update={"most": most})
        return SecondaryLooks.made(config, self.detectors, classes)
