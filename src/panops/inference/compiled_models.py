"""One model as a CPU's compiler made it, kept on the disk: the next process has it in a tenth of the time."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

from panops.inference.engine_cache import engine_folder, one_at_a_time

log = logging.getLogger(__name__)

Compiled = TypeVar("Compiled")

_DIGEST_BYTES = 32
# Another process compiles for a few seconds at most; one that hangs meanwhile must not stop all others.
_PATIENCE_S = 20.0
_HALF_WRITTEN_S = 3600.0


class CompiledModels:
    """What was compiled of one file, by a name for each shape. Used by any number of threads and processes.

    Each piece carries its own checksum and is renamed into its place once it is whole: a compiler's own cache takes half a file for a
    whole one. Whatever is wrong with the folder costs the time of compiling, and nothing else.

    Args:
        root: `storage.home.Home.engines`; None keeps nothing.
        of: The model's bytes, versions, options, the processor: whatever makes the result another one.
    """

    def __init__(self, root: Path | None, *of: bytes | str) -> None:
        self._folder: Path | None = None
        self._told = False
        if root is None:
            return
        try:
            self._folder = engine_folder(root, *of)
        except OSError as error:
            self._give_up(root, error)

    def get(
        self, name: str, load: Callable[[bytes], Compiled], make: Callable[[], Compiled], export: Callable[[Compiled], bytes]
    ) -> Compiled:
        """What is kept under `name`; made and kept where there is nothing, or nothing that can be used.

        Of several processes that ask at once one makes it, and the others wait.

        Args:
            name: Letters, digits and `-`.
            load: Makes it from what `export` gave; any exception means that it cannot be used.
            make: Makes it anew; its exceptions come out unchanged.
            export: Gives the bytes to keep; where it fails nothing is kept.
        """
        folder = self._folder
        if folder is None:
            return make()
        path = folder / f"{name}.compiled"
        found = _found(path, load)
        if found is not None:
            return found
        with ExitStack() as held:
            try:
                held.enter_context(one_at_a_time(folder, _PATIENCE_S))
            except OSError as error:
                self._give_up(folder, error)
            found = _found(path, load)
            if found is None:
                _tidy(folder)
                found = make()
                self._keep(path, found, export)
            return found

    def _keep(self, path: Path, compiled: Compiled, export: Callable[[Compiled], bytes]) -> None:
        temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        try:
            data = export(compiled)
            with temporary.open("wb") as file:
                file.write(hashlib.sha256(data).digest())
                file.write(data)
            temporary.replace(path)
        except OSError as error:
            self._give_up(path.parent, error)
        except Exception as error:  # a compiler that cannot give its work away has done it all the same
            log.debug("%s is not kept: %s", path.name, error)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)

    def _give_up(self, folder: Path, error: OSError) -> None:
        if self._told:
            return
        self._folder, self._told = None, True
        log.warning("compiled models cannot be kept in %s, so each start compiles them: %s", folder, error.strerror or error)


def _tidy(folder: Path) -> None:
    """Delete what processes that were killed left half written."""
    with suppress(OSError):
        for left in folder.glob(".*.compiled-*"):
            if left.stat().st_mtime < time.time() - _HALF_WRITTEN_S:
                left.unlink(missing_ok=True)


def _found(path: Path, load: Callable[[bytes], Compiled]) -> Compiled | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(data).digest() != digest:
        log.warning("%s is damaged; it is compiled anew", path)
        return None
    try:
        return load(data)
    except Exception as error:  # of another version of the library, whatever its number says
        log.warning("%s cannot be used (%s); it is compiled anew", path, str(error).partition("\n")[0])
        return None
