"""Embeddings and pictures of known faces are kept sealed: AES-256-GCM, bound to the row that they belong to.

The key lies outside of the database: whoever has a copy of the database alone, or a backup, sees no face.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from panops.domain.errors import StorageError
from panops.storage.durable import sync_folder
from panops.storage.errors import from_os

KEY_BYTES = 32
KEY_VARIABLE = "PANOPS_FACES_KEY"
KEY_FILE_VARIABLE = "PANOPS_FACES_KEY_FILE"
KEY_NAME = "faces.key"
"""The key's file in a home, where neither variable names another place. No backup holds it."""

_NONCE_BYTES = 12
# The first byte says how the rest is sealed, so that another way can follow.
_AES_256_GCM = b"\x01"
_EXTRA = "known faces are kept encrypted, and the package `cryptography` for that is not installed: pip install 'panops[faces]'"


class FaceSeal:
    """Seals and opens with one key.

    Args:
        key: 32 bytes.

    Attributes:
        mark: Tells keys apart without saying anything of them.
    """

    def __init__(self, key: bytes) -> None:
        """Get ready.

        Raises:
            StorageError: The package for it is not installed.
        """
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  an extra, and only galleries need it
        except ImportError as error:
            raise StorageError(_EXTRA) from error
        self._key = key
        self._cipher = AESGCM(key)
        self.mark = self._digest(b"mark", b"")[:16]

    def seal(self, plain: bytes, of: str) -> bytes:
        """Sealed bytes that open for the same `of` only."""
        nonce = os.urandom(_NONCE_BYTES)
        return _AES_256_GCM + nonce + self._cipher.encrypt(nonce, plain, of.encode())

    def open(self, sealed: bytes, of: str) -> bytes:
        """What was sealed.

        Raises:
            StorageError: It was sealed with another key or for another row, or was altered.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  see above

        kind, nonce, rest = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            # A kind that this program does not know fails as what was altered does.
            return self._cipher.decrypt(nonce, rest, of.encode() if kind == _AES_256_GCM else b"")
        except (InvalidTag, ValueError) as error:
            raise StorageError(
                f"the known face {of.rpartition(':')[2]} cannot be opened: it was altered, or sealed with another key; delete it, "
                "or put the database and the key of one time together"
            ) from error

    def fingerprint(self, picture: bytes) -> str:
        """The same for the same picture, and no use to anybody without the key."""
        return self._digest(b"picture", picture)

    def _digest(self, word: bytes, data: bytes) -> str:
        return hmac.new(self._key, word + b"\x00" + data, hashlib.sha256).hexdigest()


class KeyPlace:
    """Where the key is: in `$PANOPS_FACES_KEY` itself, in the file that `$PANOPS_FACES_KEY_FILE` names, or in a file of the home.

    Args:
        file: The home's key file.
        environ: Where the variables are looked up; the process's environment when None.
    """

    def __init__(self, file: Path, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._given = environ.get(KEY_VARIABLE, "")
        named = environ.get(KEY_FILE_VARIABLE, "")
        self.file = Path(named).expanduser().absolute() if named else file
        self.label = f"the variable {KEY_VARIABLE}" if self._given else str(self.file)

    def read(self) -> bytes | None:
        """The key; None where there is none yet.

        Raises:
            StorageError: There is something else, it cannot be read, or others than its owner can read it.
        """
        if self._given:
            return _decoded(self._given, self.label)
        try:
            if not self.file.exists():
                return None
            if self.file.stat().st_mode & 0o077:
                raise StorageError(f"expected a key that only its owner can read, got {self.file} that others can: chmod 600 {self.file}")
            return _decoded(self.file.read_text(encoding="ascii", errors="replace"), self.label)
        except OSError as error:
            raise from_os(error, self.file, f"the key {self.file}") from error

    def make(self) -> bytes:
        """A new key, on the disk before anything is sealed with it. Where somebody else made one meanwhile it is theirs.

        Raises:
            StorageError: It cannot be written.
        """
        key = secrets.token_bytes(KEY_BYTES)
        part = self.file.with_name(f".{self.file.name}-{secrets.token_hex(4)}.part")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(base64.b64encode(key) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(part, self.file)  # never over one that is there
            sync_folder(self.file.parent)
        except FileExistsError:
            found = self.read()
            if found is None:
                raise StorageError(f"expected a place for the key, got {self.file} that comes and goes") from None
            return found
        except OSError as error:
            raise from_os(error, self.file, f"the key {self.file}") from error
        finally:
            part.unlink(missing_ok=True)
        return key


def _decoded(text: str, label: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise StorageError(
            f"expected a key of {KEY_BYTES} bytes in base64 (openssl rand -base64 {KEY_BYTES}), got something else in {label}"
        )
    return key
