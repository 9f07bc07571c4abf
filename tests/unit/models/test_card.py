"""The model card: everything that is known, nothing that is not, and no mark-up out of somebody's words."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from evaluations import evaluation, measured
from hypothesis import given
from hypothesis import strategies as st
from versions import sha, store_with

from panops.models.card import model_card
from panops.models.card_text import Facts, Heading, Paragraph, Table, Verbatim, as_markdown, as_page
from panops.models.provenance import DataUsed, Parent, Provenance
from panops.models.shelf import StoredModel

GATE = {
    "passed": True,
    "pictures": 800,
    "float": {"AP": 0.301, "AP50": 0.5, "APs": None},
    "int8": {"AP": 0.2985, "AP50": 0.502, "APs": None},
}
PAPERS = Provenance(
    purpose="people and cars at gates",
    parent=Parent("street", "1", "ab" * 32),
    data=(DataUsed("gate pictures", "cd" * 32, 4500, 21000, "CC-BY-4.0", "the gate keepers"),),
    tools={"torch": "2.6", "panops": "0.1.0"},
    created_at="2026-11-20T09:00:00+00:00",
    recipe="# tuned\nname: net\nlearning_rate: 1.0e-3\n",
    export={"int8": {"gate": GATE, "calibration_pictures": 200, "kept_float": []}},
)


@pytest.fixture
def model(tmp_path: Path) -> StoredModel:
    return store_with(tmp_path, "1").get("net")


def text_of(model: StoredModel, papers: Provenance, parent: Provenance | None = None) -> str:
    return as_markdown(model_card(model, papers, parent))


def test_a_card_tells_what_it_is_for_and_not_for_and_all_that_is_known(model: StoredModel) -> None:
    figures = {"val": evaluation(sha("1"), beside=measured("yolox_nano", "ee" * 32, 0.4))}
    text = text_of(model, replace(PAPERS, figures=figures))
    for said in (
        "# net, version 1",
        "people and cars at gates.",
        "It is not for night.",
        "**Classes**: person, car",
        "**Input**: 64x64 px",
        f"sha256 {sha('1')}",
        "**Licence of the weights**: MIT",
        f"**Made from**: street version 1, sha256 {'ab' * 32}",
        "| gate pictures | 4,500 | 21,000 | CC-BY-4.0 | the gate keepers | cdcdcdcdcdcdcdcd |",
        "Beside it, after the stroke: yolox\\_nano.",
        "| gate | 0.600 / 0.400 | - |",
        "| yard | (0.300 / 0.200) | 0.150 / 0.100 |",
        "| all pictures | 0.600 / 0.400 | 0.150 / 0.100 |",
        "| mean | 0.300 | 0.600 | 0.240 | - | 0.360 | 0.420 | 0.800 | 100 |",
        "| person | 0.310 | 0.720 | 0.610 | - | - | - |",
        "| AP | 0.301 | 0.298 | -0.25 |",
        "| AP50 | 0.500 | 0.502 | +0.20 |",
        "800 pictures; calibrated with 200. All layers are in 8 bits.",
        "2.6 ms in the network, 3.1 ms of CPU",
        "```\n# tuned\nname: net\nlearning_rate: 1.0e-3\n```",
        "- **torch**: 2.6",
    ):
        assert said in text, said


def test_the_parents_own_figures_stand_beside_where_they_are_of_the_same_pictures(model: StoredModel) -> None:
    papers = replace(PAPERS, figures={"val": evaluation(sha("1"))})
    assert "after the stroke" not in text_of(model, papers)
    parent = Provenance(figures={"old": evaluation("ab" * 32, ap50=0.5)})
    assert "| gate | 0.600 / 0.500 | - |" in text_of(model, papers, parent)
    other = {**evaluation("ab" * 32, ap50=0.5), "data": {"fingerprint": "another"}}
    assert "after the stroke" not in text_of(model, papers, Provenance(figures={"old": other}))


def test_what_is_not_known_is_said(model: StoredModel) -> None:
    text = text_of(replace(model, manifest=replace(model.manifest, not_for="", credit="")), Provenance())
    for said in (
        "What it is not for was not written down",
        "nobody is named",
        "Nothing was measured yet",
        "The recipe is not here",
        "It was not",
    ):
        assert said in text


@pytest.mark.parametrize("damage", [{"models": [7]}, {"models": None}, {"data": 3}, {"machine": []}])
def test_strange_figures_make_a_poorer_card_and_no_fault(model: StoredModel, damage: dict[str, object]) -> None:
    papers = replace(PAPERS, figures={"val": {**evaluation(sha("1")), **damage}}, export={"int8": {"gate": []}})
    assert "# net" in text_of(model, papers)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)


@given(words=WORDS)
def test_no_words_become_mark_up(words: str) -> None:
    blocks = [Heading(1, words), Paragraph(words), Facts(((words, words),)), Table(("a", words), ((words, "1"),)), Verbatim(words, words)]
    page = _Page()
    page.feed(as_page(blocks))
    assert page.open == []
    allowed = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "p",
        "dl",
        "dt",
        "dd",
        "div",
        "table",
        "thead",
        "tbody",
        "tr",
    }
    assert set(page.tags) <= allowed | {"th", "td", "details", "summary", "pre"}
    lines = as_markdown(blocks[:-1]).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 3
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows} == {3}
    assert [line for line in lines if line.startswith(("#", "- ", "+ ", ">", "=", "`", "~"))] == [lines[0], lines[4]]


@given(words=st.text(st.sampled_from("`~ a\n"), max_size=12))
def test_a_recipe_stays_in_its_frame(words: str) -> None:
    lines = as_markdown([Verbatim("recipe", words), Paragraph("after")]).splitlines()
    fence = lines[2]
    assert set(fence) == {"`"}
    assert lines[3:].count(fence) == 1
    assert lines[-1] == "after"


def test_a_page_needs_nothing_else(model: StoredModel) -> None:
    page = as_page(model_card(model, replace(PAPERS, figures={"val": evaluation(sha("1"))})))
    assert not re.search(r"<(?:script|link|img|iframe)|https?://|url\(", page)
    assert "prefers-color-scheme: dark" in page
