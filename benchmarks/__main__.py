"""Runs every benchmark and keeps the figures: `make bench`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run them one after the other; the exit code of the first that fails."""
    RESULTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            "stages": [sys.executable, "-m", "benchmarks.stages"],
            "demux": [sys.executable, "-m", "benchmarks.demux"],
            "storage": [sys.executable, "-m", "benchmarks.storage", folder],
        }
        for name, command in runs.items():
            print(f"{name} ...", flush=True)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(done.stderr)
                return done.returncode
            (RESULTS / f"{name}.json").write_text(json.dumps(json.loads(done.stdout), indent=2) + "\n", encoding="utf-8")
            print(done.stdout)
        print("tracking ...", flush=True)
        tracking = [sys.executable, "-m", "panops.cli", "bench", "tracking", "--json", str(RESULTS / "tracking.json")]
        return subprocess.run(tracking, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
