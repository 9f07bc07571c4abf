"""Static files in memory, named by the hash of all their content, so that browsers may keep them for ever."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
KEEP_FOR_EVER = "public, max-age=31536000, immutable"
_LATER = re.compile(r'\bimport\("\./([\w.-]+)"\)')
_IMPORT = re.compile(r'^(?:import|export)\s[^;]*?\bfrom\s+"\./([\w.-]+)"|^import\s+"\./([\w.-]+)"', re.MULTILINE)
# Comments that have lines to themselves; they say why to whoever reads the source, and are no business of a browser on a slow line.
_COMMENT = re.compile(rb"^[ \t]*(?://[^\n]*|/\*.*?\*/[ \t]*)(?:\n|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asset:
    """One answer.

    Attributes:
        content: The bytes.
        compressed: The same in gzip, empty where that is not smaller.
        media_type: The `Content-Type`.
        etag: Strong validator of the content.
        cache_control: How long a browser may keep it.
    """

    content: bytes
    compressed: bytes
    media_type: str
    etag: str
    cache_control: str

    @classmethod
    def of(cls, content: bytes, media_type: str, cache_control: str) -> Self:
        """Make one from its bytes."""
        packed = gzip.compress(content, compresslevel=9, mtime=0)
        tag = hashlib.sha256(content).hexdigest()[:20]
        return cls(content, packed if len(packed) < len(content) else b"", media_type, f'"{tag}"', cache_control)


class Assets:
    """Every file of a folder, read once: a couple of hundred kB. Only names that were there at the start can be asked for.

    Scripts are served without the comments that have lines to themselves.
    """

    def __init__(self, folder: Path) -> None:
        """Read `folder`.

        Raises:
            ValueError: A file has an ending that no media type is known for.
        """
        self._keep({path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()})

    def add(self, files: Mapping[str, bytes]) -> None:
        """Files that are made at the start, by name. The version becomes another one, so it is called before anything is served."""
        self._keep({name: asset.content for name, asset in self._assets.items()} | dict(files))

    def _keep(self, contents: Mapping[str, bytes]) -> None:
        self._named: dict[tuple[str, re.Pattern[str]], list[str]] = {}
        total = hashlib.sha256()
        contents = {name: _COMMENT.sub(b"", content) if name.endswith(".js") else content for name, content in contents.items()}
        for name, content in contents.items():
            suffix = Path(name).suffix
            if suffix not in MEDIA_TYPES:
                raise ValueError(f"expected one of {', '.join(sorted(MEDIA_TYPES))} in the static folder, got {name}")
            total.update(f"{name}\0{len(content)}\0".encode() + content)
        self.version = total.hexdigest()[:12]
        self._assets = {name: Asset.of(content, MEDIA_TYPES[Path(name).suffix], KEEP_FOR_EVER) for name, content in contents.items()}
        self._current = {
            name: Asset(asset.content, asset.compressed, asset.media_type, asset.etag, "no-cache") for name, asset in self._assets.items()
        }

    def url(self, name: str) -> str:
        """The address of `name`. The version is a folder, so modules that import each other by relative names stay in one version.

        Raises:
            KeyError: There is no such file.
        """
        if name not in self._assets:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    def get(self, name: str, version: str) -> Asset | None:
        """The file, or None. A page of another version (open while panops was upgraded) gets today's file, not to be kept."""
        return (self._assets if version == self.version else self._current).get(name)

    def modules(self, script: str) -> list[str]:
        """`script` and every module it imports, directly or not, in the order found: what a page should ask for at once.

        Raises:
            KeyError: A module is missing.
        """
        found = [script]
        for name in found:
            found.extend(one for one in self._imports(name, _IMPORT) if one not in found)
        return found

    def _imports(self, name: str, pattern: re.Pattern[str]) -> list[str]:
        """The modules that `name` imports by `pattern`, once each; a module's text is searched once."""
        if (name, pattern) not in self._named:
            found = pattern.finditer(self._assets[f"js/{name}"].content.decode())
            self._named[name, pattern] = list(dict.fromkeys("".join(match.groups(default="")) for match in found))
        return self._named[name, pattern]

    def reached(self, script: str) -> list[str]:
        """As `modules`, with those that are only fetched when somebody needs them."""
        found = self.modules(script)
        for name in found:
            for first in self._imports(name, _LATER):
                found.extend(one for one in self.modules(first) if one not in found)
        return found
