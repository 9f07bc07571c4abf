"""Collects what the page says into its catalogue, and finds what bypasses it.

`python -m panops.testing.messages` writes `src/panops/web/locale/en.json`; with `--check` it only says what is wrong. docs/web.md,
"Another language", tells what a message looks like.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import jinja2
from jinja2 import nodes

from panops.testing.module_reader import Literal, Place, literals
from panops.web.catalogue import ENGLISH, SLOT, Catalogue

SAYING = {"t": 1, "n": 2, "parts": 1}
"""The functions of `messages.js`, with how many of their first arguments are messages."""
READ_KEYS = {"title", "aria-label", "placeholder", "alt", "word", "help", "advice", "label", "hint"}
READ_ATTRIBUTES = {"title", "aria-label", "placeholder", "alt", "data-hint"}
READ_PROPERTIES = {"textContent", "title", "placeholder", "alt"}
READ_CALLS = {"h": range(2, 99), "toast": range(1), "announce": range(1), "confirm": range(3), "empty": range(1, 3), "say": range(1)}
"""Functions, and which of their arguments are read."""
TECHNICAL_KEYS = {"class", "data", "d", "viewBox", "role", "style"}
TECHNICAL_PROPERTIES = {"font", "className", "href"}
TECHNICAL_CALLS = {
    "querySelector", "querySelectorAll", "closest", "matches", "addEventListener", "removeEventListener", "byId", "icon", "setItem",
    "getItem", "import", "startsWith", "endsWith", "includes", "split", "has", "get", "getPropertyValue", "getContext", "replace",
    "replaceAll", "add", "toggle",
}  # fmt: skip
SAME = {
    "ms", "km/h", "kmh", "min", "kB", "KiB", "MB", "MiB", "GiB", "TiB", "Mbit", "fps", "px", "panops", "CSV", "JSON", "MJPEG", "SHA-256",
    "HTTP", "USB", "TCP", "UDP", "MQTT", "rtsp", "stream", "Esc",
    "Webhook", "Apprise", "Edge", "Opera", "Safari", "Android", "Windows", "Mac",
    "Linux", "iPhone", "iPad",
}  # fmt: skip
"""Words that are the same in every language."""
WORD = re.compile(r"[A-Za-z]{2,}(?:[/-]\w+)*")
PROSE = re.compile(r"[A-Z][a-z]+(?:[ \u2019'.,:;!?…)-]|$)")
SENTENCE = re.compile(r"[a-z,] [a-z]")


@dataclass(slots=True)
class Found:
    """What is said: for each English text of how many things it is, and where."""

    one: str = ""
    used: set[str] = field(default_factory=set)


def is_message(literal: Literal) -> bool:
    """Whether a literal is what `t`, `n` or `parts` is given."""
    place = literal.places[-1] if literal.places else Place("")
    return place.callee in SAYING and place.argument < SAYING[place.callee]


def bypasses(literal: Literal) -> bool:
    """Whether people would read a literal that is no message."""
    if not any(word not in SAME for word in WORD.findall(literal.text.replace("{}", " "))) or is_message(literal) or _compared(literal):
        return False
    place = next((one for one in reversed(literal.places) if one.callee or one.sign in "{${"), Place(""))
    if (
        place.callee in TECHNICAL_CALLS
        or _assigned(literal) in TECHNICAL_PROPERTIES
        or any(one.key in TECHNICAL_KEYS for one in literal.places)
    ):
        return False
    if PROSE.match(literal.text) or (SENTENCE.search(literal.text) and place.callee != "setAttribute"):
        return True
    if (literal.places and literal.places[-1].sign == "[") or any(one.callee == "parts" for one in literal.places):
        return False  # a word of the API in a list, or a name in a sentence
    return place.key in READ_KEYS or _assigned(literal) in READ_PROPERTIES or place.argument in READ_CALLS.get(place.callee, ())


def _compared(literal: Literal) -> bool:
    around = {literal.after, literal.before[-1] if literal.before else ""}
    index = (
        literal.after == "]" and literal.before[-1:] == ("[",) and re.match(r"[\w$)\]]", literal.before[-2] if literal.before[1:] else "")
    )
    return bool(index or around & {"===", "!==", "case", "in", "from", "import"})


def _assigned(literal: Literal) -> str:
    """The property that a literal is assigned to, also by a choice between two."""
    tokens = literal.before
    return next((tokens[at - 1] for at in range(len(tokens) - 1, 0, -1) if tokens[at] == "="), "")


def said_in_module(source: str) -> Iterator[tuple[str, str]]:
    """Each message of a module as `(text, one)`, `one` empty where it has no plural forms."""
    found = [literal for literal in literals(source) if is_message(literal)]
    singular = ""
    for literal in found:
        if literal.is_template:
            raise ValueError(f"line {literal.line}: a message has {{names}}, no ${{expressions}}: {literal.text!r}")
        place = literal.places[-1]
        if place.callee != "n":
            yield literal.text, ""
        elif place.argument == 0:
            singular = literal.text
        else:
            yield literal.text, singular


def said_in_template(source: str) -> list[str]:
    """Each message of a template: the text in every `t("...")`."""
    calls = jinja2.Environment(autoescape=True).parse(source).find_all(nodes.Call)
    said = [call.args[0] for call in calls if isinstance(call.node, nodes.Name) and call.node.name == "t"]
    return [text.value for text in said if isinstance(text, nodes.Const)]


class _Reading(HTMLParser):
    """Collects what people read in a shell."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read += [(self.getpos()[0], value) for name, value in attrs if name in READ_ATTRIBUTES and value]

    def handle_data(self, data: str) -> None:
        self.read.append((self.getpos()[0], data))


def bypassed_in_template(source: str) -> list[tuple[int, str]]:
    """`(line, text)` of what people read in a template and is not said by `t`."""
    blank = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", lambda match: re.sub(r"[^\n]", " ", match[0]), source, flags=re.DOTALL)
    reader = _Reading()
    reader.feed(blank)
    words = [(line, text.strip()) for line, text in reader.read]
    return [(line, text) for line, text in words if any(word not in SAME for word in WORD.findall(text))]


def collect(web: Path) -> dict[str, Found]:
    """Every message of the modules and templates of `web`, by its text.

    Raises:
        ValueError: A text has plural forms in one place and none, or others, in another one.
    """
    found: dict[str, Found] = {}
    for path in sorted((web / "static" / "js").glob("*.js")):
        for text, one in said_in_module(path.read_text()):
            _note(found, text, one, path.name)
    for path in sorted((web / "templates").glob("*.html")):
        for text in said_in_template(path.read_text()):
            _note(found, text, "", path.name)
    return found


def _note(found: dict[str, Found], text: str, one: str, where: str) -> None:
    entry = found.setdefault(text, Found(one))
    if entry.one != one:
        raise ValueError(f"{where}: {text!r} has the form {one!r} for one, and {entry.one!r} in {', '.join(sorted(entry.used))}")
    entry.used.add(where)


def dump(found: dict[str, Found]) -> str:
    """The content of `en.json`."""
    entries = {text: ({"one": entry.one} if entry.one else {}) | {"used": sorted(entry.used)} for text, entry in found.items()}
    lines = [f"  {json.dumps(text, ensure_ascii=False)}: {json.dumps(entries[text], ensure_ascii=False)}" for text in sorted(entries)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def bypassed(web: Path) -> list[str]:
    """`file:line: text` of everything that people read and that is no message."""
    wrong: list[str] = []
    for path in sorted((web / "static" / "js").glob("*.js")):
        wrong += [f"{path.name}:{one.line}: {one.text}" for one in literals(path.read_text()) if bypasses(one)]
    for path in sorted((web / "templates").glob("*.html")):
        wrong += [f"{path.name}:{line}: {text}" for line, text in bypassed_in_template(path.read_text())]
    return wrong


def faults(catalogue: Catalogue, language: str) -> list[str]:
    """What is wrong in a language: texts that nothing says, names that were lost or made up, plural forms that are missing."""
    wrong: list[str] = []
    for text, translation in catalogue.translations(language).items():
        message = catalogue.messages.get(text)
        if message is None:
            wrong.append(f"{text!r} is said nowhere")
        elif isinstance(translation, str) is bool(message.one):
            wrong.append(f"{text!r} has {'' if message.one else 'no '}plural forms")
        elif isinstance(translation, dict) and "other" not in translation:
            wrong.append(f"{text!r} has no form `other`")
        else:
            forms = {"other": translation} if isinstance(translation, str) else translation
            lost = [form for name, form in forms.items() if not _keeps(text, form, may_lack=set() if name == "other" else {"count"})]
            wrong += [f"{text!r} does not keep its names in {form!r}" for form in lost]
    return wrong


def _keeps(text: str, form: str, may_lack: set[str]) -> bool:
    """Whether a form has the names of a text and no other; one for a single thing need not say how many."""
    wanted, got = set(SLOT.findall(text)), set(SLOT.findall(form))
    return wanted - may_lack <= got <= wanted


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 when all is well, 1 when something bypasses the catalogue or, with `--check`, is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m panops.testing.messages", description="Collect what the page says.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--missing", metavar="LANGUAGE", help="print the messages that a language lacks, as JSON")
    given = parser.parse_args(arguments)
    web = Path(__file__).parent.parent / "web"
    target = web / "locale" / f"{ENGLISH}.json"
    text = dump(collect(web))
    stale = not target.is_file() or target.read_text(encoding="utf-8") != text
    if stale and not given.check:
        target.write_text(text, encoding="utf-8")
    catalogue = Catalogue.of(target.parent)
    if given.missing:
        lacking = {
            one: {"one": message.one} if message.one else ""
            for one, message in catalogue.messages.items()
            if one not in catalogue.translations(given.missing)
        }
        sys.stdout.write(json.dumps(lacking, ensure_ascii=False, indent=1) + "\n")
    wrong = bypassed(web) + [f"{language}.json: {fault}" for language in catalogue.languages[1:] for fault in faults(catalogue, language)]
    wrong += [f"{target.name} is not up to date: run python -m panops.testing.messages"] if stale and given.check else []
    sys.stderr.write("".join(f"{one}\n" for one in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
