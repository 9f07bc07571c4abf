"""Runs the benchmarks of minutes and keeps the figures: `make bench`. How many cameras the machine carries: `benchmarks.capacity`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peer import peer_options

RESULTS = Path(__file__).parent / "results"
PANOPS = [sys.executable, "-m", "panops.cli", "bench"]


def main() -> int:
    """Run them one after the other; the exit code of the first that fails."""
    RESULTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            "stages": [sys.executable, "-m", "benchmarks.stages"],
            "demux": [sys.executable, "-m", "benchmarks.demux"],
            "batching": [sys.executable, "-m", "benchmarks.batching"],
            "inference-api": [sys.executable, "-m", "benchmarks.inference_api"],
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
    whole = {"tracking": ["tracking"], "cameras": ["cameras", "--duration", "60", *peer_options()]}
    for name, words in whole.items():
        print(f"{name} ...", flush=True)
        code = subprocess.run([*PANOPS, *words, "--json", str(RESULTS / f"{name}.json")], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
