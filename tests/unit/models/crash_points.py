"""Kills a process at every single step of a change, one after the other, and looks at what is left. Run by `test_crash.py`.

A child is forked for each step. An audit hook in it counts what touches the file system under the store, and at the chosen one the child
ends itself with SIGKILL, before the step is done. The parent then looks at the store as any other process would, and does the same change
to its end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from versions import empty_store, folder_of, put_flat, sha, store_with

from panops.models.promotion import promote, roll_back, shadow
from panops.models.store import ModelStore

STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.chmod", "shutil.rmtree", "tempfile.mkstemp"}
STEPS |= {"tempfile.mkdtemp"}


def two(root: Path) -> ModelStore:
    return store_with(root, "1", "2")


def changed_once(root: Path) -> ModelStore:
    store = two(root)
    promote(store, "net", "2")
    return store


def flat(root: Path) -> ModelStore:
    put_flat(root, "1")
    folder_of(root, "2")
    return empty_store(root)


def add_second(store: ModelStore) -> None:
    if "2" not in store.shelf("net").places:
        store.add(str(store.folder.parent / "export-net-2"))


def flat_with_second(root: Path) -> ModelStore:
    store = flat(root)
    add_second(store)
    return store


def add_first(store: ModelStore) -> None:
    if not store.is_installed("net"):
        store.add(str(folder_of(store.folder.parent, "1")))


def remove_second(store: ModelStore) -> None:
    if "2" in store.shelf("net").places:
        store.remove("net", "2", force=True)


def promote_second(store: ModelStore) -> None:
    if store.shelf("net").active != "2":
        promote(store, "net", "2")


def back(store: ModelStore) -> None:
    if store.shelf("net").active != "1":
        roll_back(store, "net")


# what there is, what is done, the versions that may be active at any moment, the one that is it at the end
SCENARIOS: dict[str, tuple[Callable[[Path], ModelStore], Callable[[ModelStore], Any], set[str], str]] = {
    "promote": (two, promote_second, {"1", "2"}, "2"),
    "roll back": (changed_once, back, {"1", "2"}, "1"),
    "shadow": (two, lambda store: shadow(store, "net", "2"), {"1"}, "1"),
    "promote a flat one's successor": (flat_with_second, promote_second, {"1", "2"}, "2"),
    "add to a flat one": (flat, add_second, {"1"}, "1"),
    "shadow off a flat one that stays": (
        lambda root: (flat(root), add_second(empty_store(root)))[0],
        lambda s: shadow(s, "net", "2"),
        {"1"},
        "1",
    ),
    "add the first": (empty_store, add_first, {"1", ""}, "1"),
    "remove the active one": (changed_once, remove_second, {"1", "2"}, "1"),
}


def main(name: str, root: Path) -> None:
    prepare, act, allowed, end = SCENARIOS[name]
    wrong, step = [], 0
    while True:
        step += 1
        place = root / f"step-{step}"
        place.mkdir()
        store = prepare(place)
        pid = os.fork()
        if pid == 0:
            _die_at(step, str(store.folder))
            act(store)
            os._exit(0)
        status = os.waitpid(pid, 0)[1]
        fresh = empty_store(place)
        active = fresh.shelf("net").active if fresh.is_installed("net") else ""
        if active not in allowed or (active and fresh.get("net").manifest.sha256 != sha(active)):
            wrong.append(f"step {step}: {active!r} is active")
        act(fresh)
        if fresh.get("net").version != end:
            wrong.append(f"step {step}: finished, {fresh.get('net').version} is active")
        shutil.rmtree(place)
        if os.WIFEXITED(status):
            code = os.WEXITSTATUS(status)
            print(json.dumps({"steps": step - 1, "wrong": wrong, "code": code}))  # noqa: T201 - read by the test
            return


def _die_at(step: int, folder: str) -> None:
    count = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event not in STEPS or not any(isinstance(one, str | os.PathLike) and os.fspath(one).startswith(folder) for one in arguments):
            return
        if event == "open" and not int(arguments[2]) & (os.O_WRONLY | os.O_RDWR):
            return  # reading leaves nothing behind
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
