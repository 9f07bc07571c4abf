"""What the page says, in each of its languages: `locale/en.json` names every message, each other file there translates them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

ENGLISH = "en"
CONTEXT = re.compile(r" \[[a-z ]+\]$")
"""The end of a message that tells two meanings of one English text apart; people never see it."""
SLOT = re.compile(r"\{(\w+)\}")
"""A name in a message, in whose place a value comes."""
_CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")

Translation: TypeAlias = str | dict[str, str]
"""A text, or a text for each plural form (`one`, `few`, `many`, `other` ... as Unicode CLDR names them)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        text: The English text, which is its key. Of one with plural forms the one for several.
        one: The English text for one of them; empty where there are no plural forms.
        used: The modules and templates that say it.
    """

    text: str
    one: str
    used: tuple[str, ...]


class Catalogue:
    """All messages and their translations. A language is a file; a message that it lacks is English."""

    def __init__(self, messages: Mapping[str, Message], translations: Mapping[str, Mapping[str, Translation]]) -> None:
        self._messages = messages
        self._translations = translations

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Read every `*.json` of `folder`.

        Raises:
            ValueError: A file is no catalogue, or its name no language.
        """
        messages = {
            text: Message(text, entry.get("one", ""), tuple(entry["used"])) for text, entry in _read(folder / f"{ENGLISH}.json").items()
        }
        others = {path.stem: _read(path) for path in sorted(folder.glob("*.json")) if path.stem != ENGLISH}
        for name in others:
            if not _CODE.fullmatch(name):
                raise ValueError(f"expected a language such as de or pt-BR as the name of a file in {folder}, got {name}.json")
        return cls(messages, others)

    @property
    def languages(self) -> tuple[str, ...]:
        """English first, then the others by their codes."""
        return (ENGLISH, *self._translations)

    @property
    def messages(self) -> Mapping[str, Message]:
        """Every message by its English text."""
        return self._messages

    def translations(self, language: str) -> Mapping[str, Translation]:
        """What `language` says, by the English text; empty for English."""
        return self._translations.get(language, {})

    def say(self, language: str, text: str, **values: object) -> str:
        """A message without plural forms, in English where `language` lacks it; each name in braces is one of `values`.

        Raises:
            KeyError: A name has no value.
        """
        found = self.translations(language).get(text)
        said = found if isinstance(found, str) else CONTEXT.sub("", text)
        return SLOT.sub(lambda match: str(values[match[1]]), said)

    def table(self, language: str, files: Iterable[str]) -> dict[str, Translation]:
        """The translations of what `files` say."""
        wanted = set(files)
        known = self.translations(language)
        return {text: known[text] for text, message in self._messages.items() if text in known and not wanted.isdisjoint(message.used)}

    def choose(self, wanted: str | None, accepted: str) -> str:
        """The language of an answer.

        Args:
            wanted: What the person chose, None before any choice.
            accepted: The browser's `Accept-Language`; the best of it counts where nothing, or an unknown language, was chosen.
        """
        if wanted in self.languages:
            return str(wanted)
        by_name = {name.lower(): name for name in self.languages}
        for code in _by_quality(accepted):
            found = by_name.get(code) or by_name.get(code.partition("-")[0])
            if found:
                return found
        return ENGLISH


def _by_quality(accepted: str) -> list[str]:
    """The languages of an `Accept-Language`, the dearest first; what makes no sense is left out."""
    found: list[tuple[float, str]] = []
    for part in accepted.lower().split(","):
        code, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if _CODE.fullmatch(code) and weight > 0:
            found.append((weight, code))
    return [code for _, code in sorted(found, key=lambda one: -one[0])]


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"expected JSON in {path.name}: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"expected an object of messages in {path.name}, got a {type(found).__name__}")  # noqa: TRY004 - a file, no argument
    return found
