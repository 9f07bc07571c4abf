"""A command that ends with this process, whatever becomes of it: the other end of `leash`."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from panops.bench.leash import PATIENCE_S
from panops.domain.errors import PanopsError

# Beyond the leash's own patience, for what comes after it.
_SLACK_S = 5.0


class Leashed:
    """A command, its log, and a folder that goes with it.

    Args:
        command: What to run.
        folder: Removed when the command has ended.
        log: Where its output goes.
        environ: Its environment.

    Raises:
        PanopsError: It cannot be started.
    """

    def __init__(self, command: Sequence[str], folder: Path, log: Path, environ: Mapping[str, str]) -> None:
        arguments = [sys.executable, "-m", "panops.bench.leash", str(folder), "--", *command]
        with log.open("ab") as output:
            self._leash = subprocess.Popen(  # noqa: S603  # our own
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env={**environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # Ctrl-C is for whoever holds the leash
            )
        line = self._leash.stdout.readline() if self._leash.stdout else b""
        if not line.strip().isdigit():
            self.stop()
            raise PanopsError(f"{command[0]} could not be started; {log} may say why")
        self.pid = int(line)
        """The command's process id."""

    @property
    def ended(self) -> bool:
        """Whether the command has ended by itself; the leash says so in a second line."""
        out = self._leash.stdout
        return self._leash.poll() is not None or out is None or out.closed or bool(select.select([out], [], [], 0.0)[0])

    def stop(self) -> bool:
        """Let go, and wait until the command has ended and the folder is gone. Safe to call twice.

        Returns:
            Whether it ended in its own time.
        """
        for pipe in (self._leash.stdin, self._leash.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
        try:
            return self._leash.wait(PATIENCE_S + _SLACK_S) >= 0
        except subprocess.TimeoutExpired:
            self._leash.kill()
            self._leash.wait()
            return False
