"""Lines of the log: their fields, and that no password is in them."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from panops.api.request_frame import RequestIdFilter, request_id
from panops.pipeline.log_format import TEXT, JsonFormatter, TextFormatter, without_secrets

SECRETS = [
    ("cannot open rtsp://eva:hunter2@cam/1: refused", "cannot open rtsp://eva:***@cam/1: refused"),
    ("rtsp://eva:hun@ter2@cam/1", "rtsp://eva:***@cam/1"),
    ("rtsp://:hunter2@cam/1", "rtsp://:***@cam/1"),
    ("GET http://cam/x?user=eva&pwd=hunter2&n=1", "GET http://cam/x?user=eva&pwd=***&n=1"),
    ('{"password": "hunter2", "user": "eva"}', '{"password": "***", "user": "eva"}'),
    ("Authorization: Bearer hunter2hunter2", "Authorization: Bearer ***"),
    ("Authorization: Basic aHVudGVyMmh1bnRlcjI=", "Authorization: Basic ***"),
    ("token panops_hunter2hunter2hunter2hunter2 is gone", "token panops_*** is gone"),
    ("postgresql+psycopg://eva:hunter2@db/panops", "postgresql+psycopg://eva:***@db/panops"),
]
PLAIN = [
    "camera gate: reconnecting in 0.5 s",
    "http://cam.example:8080/a is slow",
    "panops_camera_up of 3 cameras",
    "the password of eva was changed",
]


@pytest.mark.parametrize(("text", "wanted"), SECRETS)
def test_what_looks_like_a_secret_is_hidden(text: str, wanted: str) -> None:
    assert without_secrets(text) == wanted


@pytest.mark.parametrize("text", PLAIN)
def test_the_rest_stays(text: str) -> None:
    assert without_secrets(text) == text


def fail() -> None:
    raise ValueError("rtsp://eva:hunter2@cam/1")


@pytest.fixture
def lines() -> tuple[logging.Logger, io.StringIO, logging.Handler]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RequestIdFilter())
    logger = logging.Logger("panops.test")
    logger.addHandler(handler)
    return logger, stream, handler


def test_a_line_of_json_has_its_fields(lines: tuple[logging.Logger, io.StringIO, logging.Handler]) -> None:
    logger, stream, handler = lines
    handler.setFormatter(JsonFormatter("shard-3"))
    logger.warning("event %s has no clip:\nnone", "gate-1-2", extra={"event_id": "gate-1-2"})
    token = request_id.set("a1b2c3")
    try:
        fail()
    except ValueError:
        logger.exception("failed")
    finally:
        request_id.reset(token)
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "warning",
        "logger": "panops.test",
        "process": "shard-3",
        "message": "event gate-1-2 has no clip:\nnone",
        "event_id": "gate-1-2",
    }
    assert (second["request_id"], second["level"]) == ("a1b2c3", "error")
    assert "ValueError: rtsp://eva:***@cam/1" in second["exception"]
    assert "hunter2" not in stream.getvalue()


def test_text_has_no_secrets_either_also_not_in_tracebacks(lines: tuple[logging.Logger, io.StringIO, logging.Handler]) -> None:
    logger, stream, handler = lines
    handler.setFormatter(TextFormatter(TEXT))
    try:
        fail()
    except ValueError:
        logger.exception("cannot read %s", "http://eva:hunter2@cam/2")
    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("***") == 3
    assert "Traceback" in stream.getvalue()
    assert sys.exc_info() == (None, None, None)
