"""How many cameras this machine carries, as JSON and as a page in `benchmarks/results`: `make bench-capacity`."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.__main__ import PANOPS, RESULTS
from benchmarks.peer import peer_options


def main() -> int:
    """Run it; its exit code."""
    RESULTS.mkdir(exist_ok=True)
    files = ["--json", str(RESULTS / "capacity.json"), "--report", str(RESULTS / "capacity.html")]
    return subprocess.run([*PANOPS, "capacity", *peer_options(), *files], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
