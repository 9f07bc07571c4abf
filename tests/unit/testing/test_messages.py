"""Everything that people read on the page goes through the catalogue, and the catalogue is whole."""

from __future__ import annotations

import pytest

from panops.testing.messages import bypassed, bypassed_in_template, bypasses, collect, dump, faults, said_in_module, said_in_template
from panops.testing.module_reader import literals
from panops.web.catalogue import Catalogue, Message
from panops.web.pages import CATALOGUE, FOLDER


def test_nothing_that_people_read_bypasses_the_catalogue() -> None:
    assert bypassed(FOLDER) == [], "say it by t(), n() or parts() of messages.js: docs/web.md, “Another language”"


def test_the_catalogue_is_up_to_date() -> None:
    written = (FOLDER / "locale" / "en.json").read_text(encoding="utf-8")
    assert written == dump(collect(FOLDER)), "run python -m panops.testing.messages"


@pytest.mark.parametrize("language", CATALOGUE.languages[1:])
def test_a_translation_keeps_every_name_and_plural(language: str) -> None:
    assert faults(CATALOGUE, language) == []


def test_german_is_complete() -> None:
    assert set(CATALOGUE.messages) - set(CATALOGUE.translations("de")) == set()


@pytest.mark.parametrize(
    "source",
    [
        'h("p", {}, "Nothing yet.");',
        'h("p", {}, busy ? "waiting" : null);',
        'h("p", {}, `${count} cameras`);',
        'h("button", { class: "button", title: "Hide" });',
        'h("button", { "aria-label": on ? "on" : "off" });',
        'toast("saved");',
        'confirm("Delete it?", text, word);',
        'node.textContent = "no longer";',
        'node.title = bad ? "worse" : "better";',
        'svg.setAttribute("aria-label", "Curves over time");',
        'const WORDS = { zone: "Zone" };',
        'const HELP = ["Click the corners one by one."];',
        "const text = `Edit ${name}`;",
        'throw new Error("This is not JSON.");',
        'empty("camera", "nothing", error.message);',
        'h("p", {}, t("Zone"), "and more");',
    ],
)
def test_what_people_read_is_found(source: str) -> None:
    assert any(bypasses(one) for one in literals(source)), source


@pytest.mark.parametrize(
    "source",
    [
        'import { h } from "./dom.js";',
        'h("p", { class: "button plain square", data: { state: "off" } }, t("Nothing yet."));',
        'node.querySelector(".card .title a");',
        'node.closest?.("input, textarea");',
        'if (event.key === "Escape") close();',
        'switch (kind) { case "Enter": break; }',
        'h("p", {}, n("{count} camera", "{count} cameras", count), ` ${unit} ms`);',
        'h("p", {}, parts("Name it under {alerts}.", { alerts: h("code", {}, "alerts") }));',
        'h("ul", {}, ["start", "end"].map(row));',
        'h("p", {}, icon("camera", true), rate ? `${rate} km/h` : "-");',
        'const found = /^It is "quoted" text/.exec(text)?.[1];',
        'h("p", {}, a / b, `${whole / 2}`, t("Half of it"));',
        'fetch(path, { headers: { "Content-Type": "application/json" } });',
        '// It is a comment with "Words in it".\n/* And `Another one` */',
        'pen.font = "600 12px system-ui, sans-serif";',
    ],
)
def test_what_nobody_reads_is_left_alone(source: str) -> None:
    assert [one.text for one in literals(source) if bypasses(one)] == [], source


def test_messages_are_found_with_their_forms() -> None:
    source = (
        'const a = t("It\\u2019s {name}"); h("p", {}, n("{count} day", "{count} days", 3, { x: t("in") }), parts(\'Ask "{who}".\', {}));'
    )
    assert list(said_in_module(source)) == [("It\u2019s {name}", ""), ("{count} days", "{count} day"), ("in", ""), ('Ask "{who}".', "")]
    with pytest.raises(ValueError, match=r"line 2: a message has \{names\}"):
        list(said_in_module("\nt(`Edit ${name}`)"))


def test_a_bracket_that_stays_open_is_told() -> None:
    with pytest.raises(ValueError, match="1 are open"):
        literals('h("p", {}, "text"')


def test_templates() -> None:
    source = "{% block title %}{{ t('Sign in') }}{% endblock %}\n"
    source += '<p title="{{ t("It\'s") }}" class="big words">{{ icon(\'x\') }}{{ t(\'Go\') }} 3</p>'
    assert said_in_template(source) == ["Sign in", "It's", "Go"]
    assert bypassed_in_template(source) == []
    assert bypassed_in_template('<p>\n<b aria-label="Close">x</b>Some text</p>') == [(2, "Close"), (2, "Some text")]


@pytest.mark.parametrize(
    ("text", "translation", "fault"),
    [
        ("Edit {name}", "{name} ändern", None),
        ("Edit {name}", "Ändern", "does not keep its names"),
        ("Edit {name}", "{nam} ändern", "does not keep its names"),
        ("{count} days", {"one": "Ein Tag", "other": "{count} Tage"}, None),
        ("{count} days", {"one": "Ein Tag", "other": "Tage {number}"}, "does not keep its names"),
        ("{count} days", "{count} Tage", "has plural forms"),
        ("Edit {name}", {"other": "{name}"}, "has no plural forms"),
        ("Gone", "Weg", "is said nowhere"),
        ("{count} days", {"one": "Ein Tag"}, "has no form `other`"),
    ],
)
def test_faults_of_a_translation(text: str, translation: str | dict[str, str], fault: str | None) -> None:
    messages = {"Edit {name}": Message("Edit {name}", "", ("a.js",)), "{count} days": Message("{count} days", "{count} day", ("a.js",))}
    found = faults(Catalogue(messages, {"de": {text: translation}}), "de")
    assert len(found) == (fault is not None)
    assert fault is None or fault in found[0]
