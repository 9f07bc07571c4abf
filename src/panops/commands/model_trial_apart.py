"""The trial of a model in a process of its own: a server that only tells of models need not load an inference engine for it.

`python -m panops.commands.model_trial_apart FOLDER NAME@VERSION` prints what is wrong, or nothing.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from panops.domain.errors import PanopsError
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore

PATIENCE_S = 120.0


def trouble_apart(store: ModelStore, model: StoredModel) -> str:
    """As `model_trial.trouble_with`, also for a file that takes its process down. Blocks for some seconds, 120 at most."""
    command = [sys.executable, "-m", "panops.commands.model_trial_apart", str(store.folder), model.reference]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)  # noqa: S603  # our own
    except subprocess.TimeoutExpired:
        return f"it did not answer within {PATIENCE_S:.0f} s"
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        return f"the process that tried it ended: {last[0]}"
    return done.stdout.strip()


def main() -> None:
    """Try the version that the arguments name."""
    from panops.commands.model_trial import trouble_with  # noqa: PLC0415 - in this process only

    folder, reference = sys.argv[1:]
    try:
        store = ModelStore(Path(folder))
        sys.stdout.write(trouble_with(store.get(reference), store))
    except PanopsError as error:
        sys.stdout.write(str(error))


if __name__ == "__main__":
    main()
