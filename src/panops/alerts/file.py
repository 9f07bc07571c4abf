"""A line of JSON for each alert, at the end of a file or on standard output."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

from panops.alerts.payload import payload
from panops.config.alert_schema import FileConfig
from panops.domain.alerts import Alert, SiteFacts
from panops.domain.errors import SinkUnreachable


class LineFile:
    """Appends; the file may be rotated or deleted meanwhile, for it is opened for each line.

    Args:
        config: The sink's settings.
        site: For times in the text.
    """

    def __init__(self, config: FileConfig, site: SiteFacts) -> None:
        self._path = config.path
        self._timezone = site.timezone

    def deliver(self, alert: Alert) -> str:
        """Write the line, and have it on the disk.

        Raises:
            SinkUnreachable: The file cannot be written.
        """
        line = json.dumps(payload(alert, self._timezone), allow_nan=False) + "\n"
        if self._path == "-":
            sys.stdout.write(line)
            sys.stdout.flush()
            return "written"
        try:
            with Path(self._path).open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                _sync(file.fileno())
        except OSError as error:
            raise SinkUnreachable(f"the file cannot be written: {error.strerror or type(error).__name__}") from error
        return "written"

    def close(self) -> None:
        """Nothing is kept open."""


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a pipe or a device, which has nothing to sync
            raise
