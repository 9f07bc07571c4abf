"""kill -9 in the middle of every change of the store, at every step of it; and readers while somebody changes it."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from crash_points import SCENARIOS
from versions import empty_store, folder_of, put_flat, sha, store_with

from panops.models.promotion import promote

HERE = Path(__file__).parent


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_process_that_is_killed_at_any_step_leaves_a_store_that_works(scenario: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", str(HERE / "crash_points.py"), scenario, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["code"] == 0
    assert found["steps"] >= 3  # it was killed in the middle, not only before and after


_PROMOTER = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from versions import empty_store
from panops.models.promotion import promote
store = empty_store(Path({root!r}))
print("ready", flush=True)
while True:
    promote(store, "net", "2" if store.shelf("net").active == "1" else "1", who="loop")
"""


def test_readers_and_other_writers_beside_one_that_is_killed(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1", "2")
    code = _PROMOTER.format(here=str(HERE), root=str(tmp_path))
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        until_s = time.monotonic() + 0.3
        while time.monotonic() < until_s:
            model = store.get("net")
            assert model.manifest.sha256 == sha(model.version)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        before = store.shelf("net").active
        other = "1" if before == "2" else "2"
        promote(store, "net", other)  # the lock of the dead one is free
        assert store.get("net").version == other
    history = store.shelf("net").state.history
    changes = [change for change in history if change.what == "promote"]
    assert all(first.after == second.before for first, second in itertools.pairwise(changes))
    assert len(changes) > 3


def test_several_processes_may_add_to_a_flat_model_at_once(tmp_path: Path) -> None:
    put_flat(tmp_path)
    for version in "234":
        folder_of(tmp_path, version)
    code = (
        f"import sys; from pathlib import Path; sys.path.insert(0, {str(HERE)!r}); from versions import empty_store\n"
        f"empty_store(Path({str(tmp_path)!r})).add({str(tmp_path)!r} + '/export-net-' + sys.argv[1])"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, version], stderr=subprocess.PIPE, text=True) for version in "234"]
    assert [process.communicate()[1] for process in processes] == ["", "", ""]
    shelf = empty_store(tmp_path).shelf("net")
    assert list(shelf.places) == ["1", "2", "3", "4"]
    assert shelf.active == "1"
