"""The catalogue: who gets which language, what a page's table holds, and shells in each language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from panops.web.catalogue import Catalogue
from panops.web.pages import ASSETS, CATALOGUE, PAGES, Page, render
from tests.unit.web.test_pages import Client, client  # noqa: F401 - the fixture

ENGLISH = {
    "Save": {"used": ["a.js", "page.html"]},
    "Open [verb]": {"used": ["b.js"]},
    "{count} cameras": {"one": "{count} camera", "used": ["b.js"]},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "en.json").write_text(json.dumps(ENGLISH))
    (tmp_path / "de.json").write_text(
        json.dumps({"Save": "Speichern", "{count} cameras": {"one": "{count} Kamera", "other": "{count} Kameras"}})
    )
    (tmp_path / "pt-BR.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "en-GB,de;q=0.9", "en"),
        (None, "fr,de;q=0.4,en;q=0.2", "de"),
        (None, "fr;q=0.9, en ; q=0.1, de;q=0.5", "de"),
        (None, "PT-br", "pt-BR"),
        (None, "pt-PT", "en"),
        (None, "de;q=0", "en"),
        (None, "de;q=oh", "en"),
        (None, "*, ../../etc", "en"),
        ("de", "en", "de"),
        ("en", "de", "en"),
        ("xx", "de", "de"),
        ("../de", "", "en"),
    ],
)
def test_which_language_an_answer_has(wanted: str | None, accepted: str, language: str, folder: Path) -> None:
    assert Catalogue.of(folder).choose(wanted, accepted) == language


def test_a_message_that_a_language_lacks_is_english(folder: Path) -> None:
    catalogue = Catalogue.of(folder)
    assert catalogue.languages == ("en", "de", "pt-BR")
    assert (catalogue.say("de", "Save"), catalogue.say("pt-BR", "Save")) == ("Speichern", "Save")
    assert catalogue.say("de", "Open [verb]") == "Open", "what tells meanings apart is not shown"


def test_a_table_holds_what_its_files_say(folder: Path) -> None:
    catalogue = Catalogue.of(folder)
    assert catalogue.table("de", ["a.js"]) == {"Save": "Speichern"}
    assert list(catalogue.table("de", ["b.js"])) == ["{count} cameras"]
    assert catalogue.table("en", ["a.js"]) == {}


@pytest.mark.parametrize(
    ("name", "text", "said"), [("de.json", "{", "expected JSON in de.json"), ("german.json", "{}", "german"), ("de.json", "[]", "a list")]
)
def test_a_bad_file_is_told_at_once(name: str, text: str, said: str, folder: Path) -> None:
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match=said):
        Catalogue.of(folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.route)
def test_a_german_page_is_german_and_less_than_60_kb(page: Page) -> None:

    shell = render(ASSETS, CATALOGUE, "de")[page.route].content.decode()
    assert '<html lang="de" data-languages="en de"' in shell
    table = ASSETS.url(f"js/locale/de/{page.script}")
    assert f'data-messages="{table}"' in shell
    assert f'<link rel="modulepreload" href="{table}">' in shell, "it comes with the modules, not after them"
    names = [f"js/{name}" for name in ASSETS.modules(page.script)] + [f"css/{name}" for name in ("base.css", *page.styles)]
    assets = [
        ASSETS.get(name, ASSETS.version) for name in (*names, f"js/locale/de/{page.script}", "js/theme.js", "js/early.js", "img/icons.svg")
    ]
    assert sum(len(asset.compressed or asset.content) for asset in assets if asset) < 60_000


def test_a_shell_is_in_the_language_of_its_reader_from_the_first_byte(client: Client) -> None:  # noqa: F811 - a fixture
    german = client.get("/login", headers={"Accept-Language": "de-DE,de;q=0.9"})
    english = client.get("/login", headers={"Accept-Language": "de", "Cookie": "language=en"})
    assert '<html lang="de"' in german.text
    assert ">Anmelden</h1>" in german.text
    assert ">Sign in</h1>" in english.text
    assert 'data-messages="' not in english.text
    assert set(german.headers["vary"].split(", ")) == {"Accept-Encoding", "Accept-Language", "Cookie"}
    assert german.headers["etag"] != english.headers["etag"]
    changed = client.get("/login", headers={"Accept-Language": "en", "If-None-Match": german.headers["etag"]})
    assert changed.status_code == 200, "another language is another shell"
    assert client.get("/no/such/page", headers={"Accept-Language": "de"}).text.count("gibt es keine Seite") == 1
