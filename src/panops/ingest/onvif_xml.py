"""XML from strangers: small, without a document type, and read into plain elements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat  # what it is fed is bounded, and has no document type: no entity is ever declared

from panops.domain.errors import SourceCorrupt

LARGEST_BYTES = 512 * 1024
_DEEPEST, _MOST = 40, 20_000


@dataclass(slots=True)
class Element:
    """An element. Prefixes are left out: `{http://...}Profiles` is `Profiles`.

    Attributes:
        name: Its local name.
        attributes: Local name -> value.
        text: The text directly in it, without blanks around it.
        children: The elements in it.
    """

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Element]:
        """Every element of that name in it, at any depth, in the order of the text."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)

    def first(self, *names: str) -> Element | None:
        """The first element that is reached by these names, each somewhere inside the one before."""
        found: Element | None = self
        for name in names:
            found = next(found.all(name), None) if found is not None else None
        return found

    def text_of(self, *names: str) -> str:
        """The text of `first`; empty where there is none."""
        found = self.first(*names)
        return "" if found is None else found.text


def parse_xml(data: bytes) -> Element:
    """Read a document.

    Raises:
        SourceCorrupt: It is not well-formed, has a document type, or is too large or too deep.
    """
    if len(data) > LARGEST_BYTES:
        raise SourceCorrupt(f"expected at most {LARGEST_BYTES} bytes of XML, got {len(data)}")
    reading = _Reading()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reading.doctype
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the latter two where its encoding is none that can be read
        raise SourceCorrupt(f"expected XML, got something else ({error})") from error
    return reading.root.children[0]


class _Reading:
    def __init__(self) -> None:
        self.root = Element("", {})
        self._open = [self.root]
        self._count = 0

    def doctype(self, *_: object) -> None:
        raise SourceCorrupt("expected XML without a document type, got one: it was not read")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > _DEEPEST or self._count > _MOST:
            raise SourceCorrupt("expected a small document, got XML with too many elements")
        local = {key.rpartition("}")[2]: value for key, value in attributes.items()}
        element = Element(name.rpartition("}")[2], local)
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _name: str) -> None:
        element = self._open.pop()
        element.text = element.text.strip()

    def text(self, data: str) -> None:
        self._open[-1].text += data
