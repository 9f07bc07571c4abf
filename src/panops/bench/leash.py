"""Runs a command that ends with whoever holds the other end of the standard input, even after kill -9; then removes its folder.

Its own program: `python -m panops.bench.leash FOLDER -- COMMAND ...`. It says the command's process id in its first line of output, and its
exit code in the second one when it ends by itself; the folder stays until the holder lets go, for it may say why. When the standard input
ends, or SIGTERM comes, the command gets SIGTERM and after a while, with all of its group, SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading

PATIENCE_S = 25.0


def main(arguments: list[str]) -> int:
    """Run the command; 0, or 2 for wrong arguments."""
    if len(arguments) < 3 or arguments[1] != "--":
        sys.stderr.write("expected: FOLDER -- COMMAND ...\n")
        return 2
    folder, command = arguments[0], arguments[2:]
    # What it says goes where errors go: the standard output is for the holder.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True)  # noqa: S603  # the bench's wish
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    let_go = threading.Event()
    # A thread, for the signal's handler may not wait.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=_end, args=(child, let_go), daemon=True).start())
    threading.Thread(target=_hold, args=(child, let_go), daemon=True).start()
    code = child.wait()
    # Whatever of its group is left has lost its parent.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()
    let_go.wait()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # the holder may be gone, and with it the pipe that the interpreter would flush


def _hold(child: subprocess.Popen[bytes], let_go: threading.Event) -> None:
    """Wait until the other end lets go, then end the command."""
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    _end(child, let_go)


def _end(child: subprocess.Popen[bytes], let_go: threading.Event) -> None:
    let_go.set()
    child.terminate()
    try:
        child.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
