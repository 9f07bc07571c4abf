"""What `panops config check` warns of: settings that work, and that somebody should have thought about."""

from __future__ import annotations

from collections.abc import Iterator

from panops.config.alert_schema import MqttConfig
from panops.config.load import SiteFile
from panops.config.problems import nearest_line
from panops.domain.errors import ConfigProblem

OPEN_COMMANDS = (
    "whoever reaches the broker can switch cameras and alarms off, for this sink gives it neither a user nor TLS: "
    "set username and password, or tls, and let the broker refuse everybody else"
)


def warnings(file: SiteFile) -> list[ConfigProblem]:
    """All of it, in the order of the file's lines.

    Args:
        file: A site file without faults.
    """
    return sorted(_open_commands(file), key=lambda problem: problem.line or 0)


def takes_commands_from_anybody(sink: MqttConfig) -> bool:
    """Whether a sink takes commands from a broker that it neither signs in to nor knows by a certificate."""
    return sink.commands and not sink.username and not sink.tls


def _open_commands(file: SiteFile) -> Iterator[ConfigProblem]:
    for index, sink in enumerate(file.site.alerts):
        if isinstance(sink, MqttConfig) and sink.enabled and takes_commands_from_anybody(sink):
            line = nearest_line(("alerts", index, "commands"), file.lines)
            yield ConfigProblem(f"alerts.{index}.commands", OPEN_COMMANDS, line)
