from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from panops.testing.rtsp_server import Mount, RtspServer, RtspServerFailed

pytestmark = pytest.mark.rtsp


def test_the_same_port_at_once_after_stop_and_kill(film: Path) -> None:
    server = RtspServer({"/cam": Mount(film)})
    server.start()
    port, pid = server.port, server.pid
    server.stop()
    server.start()
    server.kill()
    server.start()
    assert server.port == port
    assert server.pid != pid
    server.stop()
    server.stop()
    server.kill()
    assert not psutil.pid_exists(pid)
    assert server.pid == 0


def test_what_cannot_be_shown_says_so(tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear camera")
    with pytest.raises(RtspServerFailed, match=r"letter\.mp4"):
        RtspServer({"/cam": Mount(letter)}).start()


def test_a_port_that_is_taken(film: Path) -> None:
    with RtspServer({"/cam": Mount(film)}) as first, pytest.raises(RtspServerFailed, match="listen"):
        RtspServer({"/cam": Mount(film)}, port=first.port).start()
