"""Heads of several models: one finds where something is, another says what exactly. The model that people name needs the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import Backend, Detector
from panops.domain.registry import Entry, Registry


@dataclass(frozen=True, slots=True)
class Part:
    """One of the models.

    Attributes:
        manifest: What is known of it.
        backend: Its loaded file.
    """

    manifest: ModelManifest
    backend: Backend


class CompositeFactory(Protocol):
    """What a plug-in registers in `panops.composites`: it makes a detector, which closes all backends when it is closed."""

    def __call__(self, own: Part, needed: Mapping[str, Part]) -> Detector:
        """Make it.

        Args:
            own: The model that people name.
            needed: The others, by what they do for it, as in its manifest's `needs`.

        Raises:
            ModelUnsupported: A manifest or a file does not fit this head.
        """
        ...


COMPOSITES = Registry(
    "head of several models",
    "panops.composites",
    {
        "mtcnn_onet": Entry("panops.vision.landmark_heads:mtcnn"),
        "face_mesh": Entry("panops.vision.landmark_heads:face_mesh"),
        "hands": Entry("panops.vision.landmark_heads:hands"),
        "blazepose": Entry("panops.vision.landmark_heads:blazepose"),
    },
)


def open_composite(own: Part, needed: Mapping[str, Part]) -> Detector:
    """The detector of a model that needs others; see `CompositeFactory`.

    Raises:
        PluginError: No such head.
        ModelUnsupported: A manifest or a file does not fit it.
    """
    factory: Any = COMPOSITES.load(own.manifest.head)
    detector: Detector = factory(own, needed)
    if tuple(detector.classes) != tuple(own.manifest.classes):
        has, says = ", ".join(detector.classes), ", ".join(own.manifest.classes)
        raise ModelUnsupported(f"{own.manifest.name}: its head {own.manifest.head} finds {has}; its manifest says {says}")
    return detector


def need(own: Part, needed: Mapping[str, Part], *roles: str) -> tuple[Part, ...]:
    """The parts for these roles, all of them and no others.

    Raises:
        ModelUnsupported: The manifest names others.
    """
    if set(needed) != set(roles):
        raise ModelUnsupported(
            f"{own.manifest.name}: its head {own.manifest.head} needs {', '.join(roles)}; its manifest has {', '.join(needed)}"
        )
    return tuple(needed[role] for role in roles)
