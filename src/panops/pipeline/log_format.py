"""How a line of the log looks: text for people, JSON for machines, and no password in either."""

from __future__ import annotations

import json
import logging
import os
import re
from datetime import UTC, datetime
from typing import Literal

LogFormat = Literal["text", "json"]

LEVEL_VARIABLE, FORMAT_VARIABLE = "PANOPS_LOG", "PANOPS_LOG_FORMAT"
"""By these a process that is started tells those that it starts."""

TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"

# The messages of panops hold no secret. Those of libraries may: a login in an address, a parameter that says what it is, a token.
_SECRETS = (
    (re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\"]*):[^\s'\"]*@(?=[^\s@'\"]*)"), r"\1:***@"),
    (re.compile(r"(?i)\b(pwd|pass|passwd|password|secret|token|api_?key|access_?key)(['\"]?\s*[=:]\s*['\"]?)[^\s&'\",;]+"), r"\1\2***"),
    (re.compile(r"(?i)\b(bearer|basic|digest) [A-Za-z0-9+/=_.-]{8,}"), r"\1 ***"),
    (re.compile(r"\bpanops_[A-Za-z0-9_-]{20,}"), "panops_***"),
)
# Fields that a call may give beside its message (`extra={"event_id": ...}`), and what the request's filter adds.
_FIELDS = ("request_id", "event_id")


def without_secrets(text: str) -> str:
    """The text with what looks like a password or token replaced by `***`."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class TextFormatter(logging.Formatter):
    """As `logging` writes it, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback below it where there is one."""
        return without_secrets(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line.

    It has `time` (UTC, RFC 3339), `level`, `logger`, `process` and `message`; `request_id`, `event_id` and `exception` where there is one.

    Args:
        process: What this process is: `supervisor`, `shard-0`, `inference`.
    """

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        values = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": self._process,
            "message": without_secrets(record.getMessage()),
        }
        for name in _FIELDS:
            # The filter of requests puts brackets around the id, for the text format.
            if found := str(getattr(record, name, "") or "").strip("[] "):
                values[name] = found
        if record.exc_info:
            values["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(values, ensure_ascii=False)


def set_up_process_logging(process: str) -> None:
    """Log to standard error as the process does that started this one.

    Args:
        process: What this process is: `shard-0`, `inference`.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(process) if os.environ.get(FORMAT_VARIABLE) == "json" else TextFormatter(TEXT))
    logging.basicConfig(level=os.environ.get(LEVEL_VARIABLE, "INFO"), handlers=[handler])
