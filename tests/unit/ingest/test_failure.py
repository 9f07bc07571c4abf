from __future__ import annotations

import errno

import av.error
import pytest

from panops.domain.errors import SourceCorrupt, SourceError, SourceStalled, SourceUnauthorized, SourceUnreachable, SourceUnsupported
from panops.ingest.address import parse_address
from panops.ingest.failure import closed_by_peer, open_failure, read_failure

_ADDRESS = parse_address("rtsp://u:secret@192.0.2.7:554/sub")
_HOMELESS = parse_address("rtsp://u:secret@no-such-host.invalid/sub")
_NO_LOGIN = parse_address("rtsp://192.0.2.7/sub")


def _error(kind: type[av.error.FFmpegError], code: int = 1) -> av.error.FFmpegError:
    return kind(code, "library text with u:secret", "rtsp://u:secret@192.0.2.7:554/sub")


def _system(code: int) -> BaseException:
    return av.error.OSError(code, "library text", "rtsp://u:secret@192.0.2.7:554/sub")


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (_error(av.error.HTTPUnauthorizedError), SourceUnauthorized, "refuses the user name or password (401)"),
        (_error(av.error.HTTPForbiddenError), SourceUnauthorized, "(403)"),
        (_error(av.error.HTTPNotFoundError), SourceUnreachable, "404"),
        (_error(av.error.HTTPServerError), SourceUnreachable, "5xx"),
        (_error(av.error.HTTPBadRequestError), SourceUnreachable, "4xx"),
        (_error(av.error.InvalidDataError), SourceCorrupt, "not video"),
        (_error(av.error.DemuxerNotFoundError), SourceUnsupported, "container"),
        (_error(av.error.DecoderNotFoundError), SourceUnsupported, "decoder"),
        (_error(av.error.ProtocolNotFoundError), SourceUnsupported, "protocol"),
        (_error(av.error.TimeoutError, errno.ETIMEDOUT), SourceUnreachable, "did not answer"),
        (_error(av.error.ExitError), SourceUnreachable, "did not answer"),
        (_error(av.error.ConnectionRefusedError, errno.ECONNREFUSED), SourceUnreachable, "refused"),
        (_system(errno.EHOSTUNREACH), SourceUnreachable, "no route"),
        (_system(errno.ENETUNREACH), SourceUnreachable, "no route"),
        (_system(errno.ECONNRESET), SourceUnreachable, "broke"),
        (_system(errno.EACCES), SourceUnauthorized, "may not be read"),
        (_system(errno.EBUSY), SourceUnreachable, "in use"),
        (_system(12345), SourceUnreachable, "library text"),
    ],
)
def test_each_error_has_its_kind_and_no_password(error: BaseException, kind: type[SourceError], word: str) -> None:
    failure = open_failure(error, _ADDRESS, took_s=0.1, limit_s=10)
    assert type(failure) is kind
    assert word in str(failure)
    assert "u:***@192.0.2.7" in str(failure)
    assert "secret" not in str(failure)


def test_an_unknown_host_is_named() -> None:
    failure = open_failure(_system(errno.EIO), _HOMELESS, 0.1, 10)
    assert "no host named no-such-host.invalid" in str(failure)


def test_whatever_comes_after_the_limit_is_a_time_out() -> None:
    assert "did not answer within 10 s" in str(open_failure(_error(av.error.InvalidDataError), _ADDRESS, took_s=10.1, limit_s=10))


def test_a_missing_password_is_asked_for() -> None:
    assert "asks for a user name" in str(open_failure(_error(av.error.HTTPUnauthorizedError), _NO_LOGIN, 0.1, 10))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_error(av.error.TimeoutError, errno.ETIMEDOUT), SourceStalled),
        (_error(av.error.ExitError), SourceStalled),
        (_error(av.error.InvalidDataError), SourceCorrupt),
        (_system(errno.ECONNRESET), SourceUnreachable),
        (_system(errno.EPIPE), SourceUnreachable),
    ],
)
def test_errors_while_reading(error: BaseException, kind: type[SourceError]) -> None:
    failure = read_failure(error, _ADDRESS, 10)
    assert type(failure) is kind
    assert "secret" not in str(failure)


def test_the_end_of_a_live_stream_is_a_failure() -> None:
    assert closed_by_peer(_ADDRESS).kind == "unreachable"
