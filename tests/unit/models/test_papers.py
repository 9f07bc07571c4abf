"""Where a version comes from: kept with it, read back the same, and refused with every mistake named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from evaluations import evaluation
from hypothesis import given
from hypothesis import strategies as st
from versions import empty_store, folder_of, put_builtin, sha, store_with

from panops.domain.errors import ConfigError, ModelUnsupported
from panops.models.provenance import DataUsed, Parent, Provenance, dump_provenance, parse_provenance, read_provenance, write_provenance

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30)
NAMED = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=20)
PAPERS = st.builds(
    Provenance,
    purpose=TEXT,
    parent=st.none() | st.builds(Parent, name=NAMED, version=TEXT, sha256=TEXT),
    data=st.lists(
        st.builds(DataUsed, name=NAMED, fingerprint=TEXT, pictures=st.integers(0, 10**9), boxes=st.integers(0, 10**9), licence=TEXT),
        max_size=3,
    ).map(tuple),
    tools=st.dictionaries(NAMED, TEXT.filter(bool), max_size=3),
    created_at=TEXT,
)


@given(papers=PAPERS)
def test_papers_read_back_the_same(papers: Provenance) -> None:
    assert parse_provenance(dump_provenance(papers)) == papers


def test_all_papers_of_a_folder(tmp_path: Path) -> None:
    recipe = "# my words\r\nname: net   \n\n"
    papers = Provenance("cars at the gate", Parent("street", "1"), (DataUsed("gate", "ab", 50),), {"torch": "2.6"}, "2026-11-20", recipe)
    papers = Provenance(**{**_fields(papers), "export": {"int8": {"layers": 3}}, "figures": {"val": evaluation(sha("1"))}})
    write_provenance(tmp_path, papers)
    assert read_provenance(tmp_path) == papers
    assert (tmp_path / "recipe.yaml").read_bytes() == recipe.encode()


def _fields(papers: Provenance) -> dict[str, Any]:
    return {name: getattr(papers, name) for name in Provenance.__slots__}


def test_a_folder_without_papers(tmp_path: Path) -> None:
    assert read_provenance(tmp_path) == Provenance()
    assert dump_provenance(Provenance()) == ""


def test_every_mistake_is_named() -> None:
    text = "purpose: [1]\nparent: {version: 2}\ndata: [{name: a, pictures: -1, boxes: 1.5}, 7]\ntools: 3\nwhen: now\n"
    with pytest.raises(ConfigError) as caught:
        parse_provenance(text)
    fields = {problem.field for problem in caught.value.problems}
    assert fields == {"purpose", "parent.name", "data[0].pictures", "data[0].boxes", "data[1]", "tools", "when"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("provenance.yaml", "a: ["),
        ("provenance.yaml", "- 1"),
        ("provenance.yaml", b"\xff\xfe"),
        ("export.json", "{"),
        ("export.json", "[]"),
        ("export.json", '{"a": NaN}'),
        ("figures/val.json", "nonsense"),
    ],
)
def test_a_damaged_paper_is_named(tmp_path: Path, name: str, text: str | bytes) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=name.rpartition("/")[2]):
        read_provenance(tmp_path)


def test_what_lies_beside_a_manifest_comes_into_the_store_with_it(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "1")
    papers = Provenance(purpose="cars", recipe="name: net\n", export={"int8": {}}, figures={"val": evaluation(sha("1"))})
    write_provenance(folder, papers)
    store = empty_store(tmp_path)
    kept = store.papers(store.add(str(folder)))
    assert (kept.purpose, kept.recipe, kept.export) == ("cars", "name: net\n", {"int8": {}})
    assert kept.figures["val"]["models"][0]["sha256"] == sha("1")


def test_figures_are_kept_without_the_folders_of_the_machine(tmp_path: Path) -> None:
    store = store_with(tmp_path, "1")
    model = store.get("net")
    for path in ("/home/ada/secret project/val.json", "C:\\Users\\ada\\val.json", "val.json"):
        store.add_figures(model, {"val": evaluation(sha("1"), path=path)})
        text = (model.path.parent / "figures" / "val.json").read_text()
        assert json.loads(text)["data"]["path"] == "val.json"
        assert "ada" not in text
    store.add_figures(model, {"dusk": evaluation(sha("1"))})
    assert sorted(store.papers(model).figures) == ["dusk", "val"]
    assert store.get("net").manifest == model.manifest


def test_figures_of_another_file_are_refused(tmp_path: Path) -> None:
    put_builtin(tmp_path)
    store = store_with(tmp_path, "1")
    model = store.get("net")
    with pytest.raises(ConfigError, match=f"expected figures of the file with sha256 {sha('1')[:12]}"):
        store.add_figures(model, {"val": evaluation(sha("2"))})
    with pytest.raises(ConfigError, match="expected what `panops evaluate detector --json` writes"):
        store.add_figures(model, {"val": {"evaluation": "tracking"}})
    with pytest.raises(ModelUnsupported, match="expected a name for figures"):
        store.add_figures(model, {"../val": evaluation(sha("1"))})
    with pytest.raises(ModelUnsupported, match="comes with panops"):
        store.add_figures(store.get("street"), {"val": evaluation(sha("1"))})
    assert store.papers(model).figures == {}
