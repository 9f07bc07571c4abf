"""Every error that panops raises on purpose.

The tree::

    PanopsError
    |-- ConfigError          a setting of the user's is wrong (all of them at once)
    |-- SourceError          a camera or file cannot be read
    |   |-- SourceUnreachable     no answer at that address
    |   |-- SourceUnauthorized    the camera refuses the user name or password
    |   |-- SourceUnsupported     a codec, container or protocol that cannot be read
    |   |-- SourceCorrupt         it is not video, or it is damaged
    |   `-- SourceStalled         connected, but nothing arrives any more
    |-- ModelError           a model cannot be used
    |   |-- ModelNotFound
    |   |-- ModelChecksumMismatch
    |   |-- ModelUnsupported
    |   `-- DeviceError      the device that runs models cannot be used, or failed at its work
    |       |-- DeviceLate       it cannot answer in time; the picture is given up
    |       `-- DeviceFull       more waits for it than may wait
    |-- StorageError         the database or the evidence folder cannot be used
    |   |-- StorageFull
    |   |-- StorageLocked
    |   `-- StorageCorrupt
    |-- SinkError            an alert could not be passed on
    |   |-- SinkUnreachable       no answer, or one that says "later"
    |   `-- SinkRefused           the receiver does not want this one
    `-- PluginError          an extension is unknown or does not load

A message is one sentence for a person: what was expected, what came, what to do. It never holds a password.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class PanopsError(Exception):
    """The root: a fault with a clear cause. The command line shows its text without a traceback."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong in a configuration.

    Attributes:
        field: Dotted path of the setting, for example `cameras.gate.zones.door.polygon`; empty for the whole file.
        message: What was expected and what came.
        line: 1-based line in the file, or None where there is none.
    """

    field: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        """`line 12: cameras.gate.source: ...`, leaving out what is not known."""
        parts = [f"line {self.line}" if self.line is not None else "", self.field, self.message]
        return ": ".join(part for part in parts if part)


class ConfigError(PanopsError):
    """A configuration is wrong; `problems` names every fault found, not just the first."""

    def __init__(self, origin: str, problems: Sequence[ConfigProblem]) -> None:
        """Make the error.

        Args:
            origin: The file name, or another word for where the settings came from.
            problems: At least one problem.
        """
        self.origin = origin
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{origin}: {count} problem{'s' if count != 1 else ''}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class SourceError(PanopsError):
    """A camera or file cannot be read. `kind` is the stable word for it in the API, metrics and page."""

    kind = "error"


class SourceUnreachable(SourceError):
    """Nothing answers at the address (refused, no route, name not found, time-out, file missing)."""

    kind = "unreachable"


class SourceUnauthorized(SourceError):
    """The camera answers and refuses the user name or password."""

    kind = "unauthorized"


class SourceUnsupported(SourceError):
    """The stream is there, but in a codec, container or protocol that cannot be read."""

    kind = "unsupported"


class SourceCorrupt(SourceError):
    """What arrives is not video, or is damaged beyond decoding."""

    kind = "corrupt"


class SourceStalled(SourceError):
    """The connection stands, but no packet has come for longer than the stall limit."""

    kind = "stalled"


class ModelError(PanopsError):
    """A model cannot be used. `kind` is the stable word under which a camera counts a picture that was lost to it."""

    kind = "detector_error"


class ModelNotFound(ModelError):
    """No model of that name in the store or catalogue, or its file is gone."""


class ModelChecksumMismatch(ModelError):
    """A model file's sha256 is not the expected one; the file is not used."""


class ModelUnsupported(ModelError):
    """The model's format, operators or tensors do not fit the backend or task."""


class DeviceError(ModelError):
    """The device that runs models cannot be used, or failed at its work; the model may be fine."""

    kind = "device_error"


class DeviceLate(DeviceError):
    """The device cannot answer by the deadline, so the picture is given up before it costs anything. Load, not a fault."""

    kind = "late_for_device"


class DeviceFull(DeviceError):
    """As many pictures wait for the device as may wait; this one had the least time left. Load, not a fault."""

    kind = "device_full"


class StorageError(PanopsError):
    """The database or the evidence folder cannot be used."""


class StorageFull(StorageError):
    """No space is left on the device."""


class StorageLocked(StorageError):
    """Another process holds the database for too long."""


class StorageCorrupt(StorageError):
    """The database file is damaged or not a database."""


class SinkError(PanopsError):
    """An alert could not be passed on."""


class SinkUnreachable(SinkError):
    """Nobody answers, or the answer means "later": the same alert is worth another try, and those behind it wait."""


class SinkRefused(SinkError):
    """The receiver answers, and does not want this alert: what comes after it may be welcome all the same."""


class PluginError(PanopsError):
    """An extension's name is unknown, or its module or extra is missing."""
