"""Runs pytest, and asks the few tests that failed once more, alone: docs/decisions/0014-tests-asked-again.md.

    python scripts/run_tests.py [pytest's arguments]

Eight thousand tests work with real servers, processes and browsers on two shared cores; a test that waits for one of them and fails once
in ten thousand runs would fail every second run of all. One that fails again is broken. One that passes alone is named at the end, for it,
or what it tests, does not stand load: that is to be mended, but says nothing of the change at hand. `PANOPS_STRICT_TESTS=1` forgives nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

# More than so many is no bad luck.
MOST_ASKED_AGAIN = 4
_TESTS_FAILED = 1
_CACHE = Path(".pytest_cache/v/cache/lastfailed")


def main(arguments: list[str]) -> int:
    """Run the tests; the exit status is pytest's own."""
    status = _pytest(["--cache-clear", *arguments])
    if status != _TESTS_FAILED or os.environ.get("PANOPS_STRICT_TESTS") == "1" or _stops_early(arguments):
        return status
    failed = _failed()
    if not 0 < len(failed) <= MOST_ASKED_AGAIN:
        return status
    print(f"\n{len(failed)} of these tests failed; asked once more, alone:", *failed, sep="\n  ", flush=True)
    status = _pytest(["-p", "no:xdist", *failed])
    if status == 0:
        print("\nUNSTEADY, passed alone and not before, to be mended:", *failed, sep="\n  ", flush=True)
    return status


def _stops_early(arguments: list[str]) -> bool:
    """Whether the run ends at a failure: nobody knows then what the rest would have said."""
    words = [*arguments, *os.environ.get("PYTEST_ADDOPTS", "").split()]
    return any(word in ("-x", "--exitfirst") or word.startswith("--maxfail") for word in words)


def _pytest(arguments: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


def _failed() -> list[str]:
    """The tests that failed, and whole files that could not be read."""
    try:
        return sorted(json.loads(_CACHE.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
