"""Versions of a model: which one is active, which looks on, and what may be done with them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from versions import content, empty_store, folder_of, put_builtin, put_flat, sha, store_with

from panops.domain.errors import ModelChecksumMismatch, ModelError, ModelNotFound, ModelUnsupported
from panops.models.promotion import promote, roll_back, shadow
from panops.models.store import ModelStore
from panops.models.store_lock import writing


def test_a_further_version_does_not_become_active_by_itself(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1", "2")
    assert store.get("net").version == "1"
    assert store.get("net@2").path.read_bytes() == content("2")
    assert list(store.shelf("net").places) == ["1", "2"]


def test_promote_roll_back_and_forth_with_history(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1", "2")
    promote(store, "net", "2", who="ada", why="better at dusk")
    assert store.get("net").version == "2"
    roll_back(store, "net", who="bob")
    assert store.get("net").version == "1"
    roll_back(store, "net")
    assert store.get("net").version == "2"
    told = [(one.what, one.who, one.before, one.after, one.why) for one in store.shelf("net").state.history]
    assert told == [
        ("add", "", "", "1", ""),
        ("add", "", "", "2", ""),
        ("promote", "ada", "1", "2", "better at dusk"),
        ("rollback", "bob", "2", "1", ""),
        ("rollback", "", "1", "2", ""),
    ]
    assert all(abs(one.at_s - time.time()) < 60 for one in store.shelf("net").state.history)


def test_without_a_version_the_shadow_is_meant_or_the_only_other_one(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1", "2", "3")
    with pytest.raises(ModelError, match=r"several versions that could be promoted \(2, 3\); say which one"):
        promote(store, "net")
    shadow(store, "net", "3", every=4)
    assert (store.shelf("net").shadow, store.shelf("net").state.shadow_every) == ("3", 4)
    promote(store, "net")
    assert (store.get("net").version, store.shelf("net").shadow) == ("3", "")
    store.remove("net", "2")
    promote(store, "net")
    assert store.get("net").version == "1"


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda store: promote(store, "net", "9"), r"has no version '9'; there are: 1, 2"),
        (lambda store: promote(store, "net", "1"), "is the active version already"),
        (lambda store: roll_back(store, "net"), "had no other version in use before"),
        (lambda store: shadow(store, "net", "1"), "is the active version; only another one can look on"),
        (lambda store: shadow(store, "net", ""), "has no shadow that could be switched off"),
        (lambda store: shadow(store, "net", "2", every=0), "expected one in 1 to"),
        (lambda store: promote(store, "other"), "model 'other' is not installed; there are: net"),
        (lambda store: store.get("net@../1"), "expected NAME@VERSION"),
        (lambda store: store.get("net@3"), "has no version '3'"),
        (lambda store: store.remove("net"), r"net@1 is the version in use; promote another one first .* or say --force: cameras"),
        (lambda store: store.remove("net", "1"), "or say --force$"),
        (lambda store: store.remove("net", "7"), "has no version '7'"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(tmp_path: Path, act: object, said: str) -> None:
    store = store_with(tmp_path, "1", "2")
    before = store.shelf("net")
    with pytest.raises(ModelError, match=said):
        act(store)  # type: ignore[operator]
    assert store.shelf("net") == before


def test_a_damaged_version_does_not_come_into_use(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1", "2")
    (tmp_path / "models" / "net" / "2" / "net.onnx").write_bytes(b"half")
    for act in (lambda: promote(store, "net", "2"), lambda: shadow(store, "net", "2")):
        with pytest.raises(ModelChecksumMismatch):
            act()
    assert store.get("net").version == "1"


def test_the_same_version_twice(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1")
    with pytest.raises(ModelUnsupported, match="installed already; replace it with --replace"):
        store.add(str(folder_of(tmp_path, "1")))
    other = folder_of(tmp_path, "2")
    with pytest.raises(ModelUnsupported, match=r"has a version 1 already, which is another file; .*--version 2, or replace it: --replace"):
        store.add(str(other), version="1")
    assert store.add(str(other), version="1", replace_installed=True).manifest.sha256 == sha("2")
    assert store.add(str(folder_of(tmp_path, "3")), name="net", version="may.4").version == "may.4"
    assert store.add(str(folder_of(tmp_path, "3")), name="other").manifest.name == "other"
    with pytest.raises(ModelUnsupported, match="is no version"):
        store.add(str(other), version="../x")


def test_a_forced_removal_falls_back_to_what_was_active_before(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1", "2", "3")
    promote(store, "net", "2")
    shadow(store, "net", "3")
    assert store.remove("net", "2", force=True) == ("2",)
    assert (store.get("net").version, store.shelf("net").shadow, store.shelf("net").state.previous) == ("1", "3", "")
    store.remove("net", "1", force=True)
    assert store.get("net").version == "3"
    assert store.shelf("net").shadow == ""
    store.remove("net", force=True)
    assert not store.is_installed("net")


def test_a_flat_model_is_read_and_moved_by_the_first_change(tmp_path: Path) -> None:
    flat = put_flat(tmp_path)
    store = empty_store(tmp_path)
    assert store.get("net").path == flat / "net.onnx"
    assert [(model.manifest.name, model.version) for model in store.list()] == [("net", "1")]
    assert sorted(path.name for path in flat.iterdir()) == ["manifest.yaml", "net.onnx"]  # looking changes nothing
    store.add(str(folder_of(tmp_path, "2")))
    assert store.get("net").path == flat / "1" / "net.onnx"
    promote(store, "net", "2")
    assert sorted(path.name for path in flat.iterdir()) == ["1", "2", "state.json"]
    roll_back(store, "net")
    assert store.get("net").path.read_bytes() == content("1")


def test_a_flat_model_can_be_removed_and_replaced(tmp_path: Path) -> None:
    put_flat(tmp_path)
    store = empty_store(tmp_path)
    store.add(str(folder_of(tmp_path, "2")), version="1", replace_installed=True)
    assert store.get("net").manifest.sha256 == sha("2")
    store.remove("net", force=True)
    assert not (tmp_path / "models" / "net").exists()


def test_a_built_in_model_takes_further_versions_and_stays(tmp_path: Path) -> None:
    builtin = put_builtin(tmp_path)
    store = empty_store(tmp_path)
    with pytest.raises(ModelUnsupported, match=r"street@1 belongs to panops itself; add this one as another version: --version 2"):
        store.add(str(folder_of(tmp_path, "1", "street")))
    assert store.add(str(folder_of(tmp_path, "2", "street"))).version == "2"
    assert store.get("street").builtin
    promote(store, "street", "2")
    assert not store.get("street").builtin
    with pytest.raises(ModelUnsupported, match="comes with panops and cannot be removed"):
        store.remove("street", "1")
    roll_back(store, "street")
    assert store.get("street").builtin
    promote(store, "street", "2")
    assert store.remove("street", force=True) == ("2",)
    assert store.get("street").builtin
    with pytest.raises(ModelUnsupported, match="cannot be removed"):
        store.remove("street")
    assert sorted(path.name for path in builtin.iterdir()) == ["manifest.yaml", "net.onnx"]


def test_an_update_that_brings_another_built_in_version(tmp_path: Path) -> None:
    put_builtin(tmp_path, "1")
    store = empty_store(tmp_path)
    store.add(str(folder_of(tmp_path, "mine", "street")))
    put_builtin(tmp_path, "2")
    assert store.get("street").version == "2"  # it was built in that was active, and still is
    promote(store, "street", "mine")
    put_builtin(tmp_path, "3")
    assert store.get("street").version == "mine"  # somebody's choice stays


def test_versions_that_were_copied_there_by_hand_need_a_choice(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1", "2")
    (tmp_path / "models" / "net" / "state.json").unlink()
    with pytest.raises(ModelNotFound, match="has the versions 1, 2 and none is active; choose one: panops models promote net VERSION"):
        store.get("net")
    assert store.list() == []
    promote(store, "net", "2")
    assert store.get("net").version == "2"


def test_a_damaged_state_is_never_taken_for_none(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1", "2")
    path = tmp_path / "models" / "net" / "state.json"
    for text in ("", "{", "[]", '{"format": 2}', '{"format": 1, "active": "../x"}', '{"format": 1, "shadow_every": 0}', "\xff"):
        path.write_text(text)
        with pytest.raises(ModelUnsupported, match=r"is damaged .* say the active version anew: panops models promote net VERSION"):
            store.get("net")
        with pytest.raises(ModelUnsupported):
            roll_back(store, "net")
    promote(store, "net", "1")
    assert store.get("net").version == "1"


def test_the_active_version_is_gone(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1", "2")
    shutil.rmtree(tmp_path / "models" / "net" / "1")
    with pytest.raises(ModelNotFound, match=r"its active version 1 is gone; choose one of those that are here \(2\)"):
        store.get("net")
    store.add(str(folder_of(tmp_path, "3")))
    with pytest.raises(ModelNotFound):
        store.get("net")  # a new version does not become active by itself, not even now
    promote(store, "net", "2")
    assert store.get("net").version == "2"


def test_the_stamp_tells_every_decision(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1", "2")
    seen = [store.stamp("net")]
    for act in (lambda: promote(store, "net", "2"), lambda: roll_back(store, "net"), lambda: shadow(store, "net", "2")):
        act()
        seen.append(store.stamp("net"))
    assert len(set(seen)) == len(seen)
    assert store.stamp("net") == seen[-1]
    assert store.stamp("absent") is None


def test_who_waits_too_long_is_told(tmp_path: Path) -> None:
    with writing(tmp_path), pytest.raises(ModelError, match="another panops has been changing models"), writing(tmp_path, 0.05):
        pass
    with writing(tmp_path, 0.05):
        pass


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["add", "promote", "roll back", "shadow", "off", "remove", "force"]), st.sampled_from("1234")), max_size=12
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS, flat=st.booleans())
def test_whatever_is_done_one_version_is_active_and_at_most_one_looks_on(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, str]], flat: bool
) -> None:
    root = tmp_path_factory.mktemp("any")
    store = empty_store(root)
    if flat:
        put_flat(root)
    for what, version in operations:
        before = store.shelf("net")
        try:
            _do(store, root, what, version)
        except ModelError:
            assert store.shelf("net").state == before.state
            assert set(store.shelf("net").places) == set(before.places)
        shelf = store.shelf("net")
        if not shelf.places:
            continue
        assert shelf.active in shelf.places
        assert store.get("net").manifest.sha256 == sha(shelf.active)
        assert shelf.shadow != shelf.active
        assert not shelf.state.previous or shelf.state.previous in shelf.places
        if what == "add" and before.places:
            assert shelf.active == before.active
    shutil.rmtree(root)


def _do(store: ModelStore, root: Path, what: str, version: str) -> None:
    if what == "add":
        store.add(str(folder_of(root, version)))
    elif what == "promote":
        promote(store, "net", version)
    elif what == "roll back":
        roll_back(store, "net")
    elif what in ("shadow", "off"):
        shadow(store, "net", version if what == "shadow" else "")
    else:
        store.remove("net", version, force=what == "force")
