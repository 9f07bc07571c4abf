"""PANOPS_HOME: the one folder where panops keeps everything."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile

from platformdirs import user_data_path

from panops.domain.errors import StorageError
from panops.storage.errors import from_os
from panops.storage.face_seal import KEY_NAME


class Home:
    """The layout of PANOPS_HOME. Making one touches nothing on disk; `create` does.

    Args:
        path: The folder; None takes `$PANOPS_HOME`, and without it the platform's folder for a user's data.
        environ: Where `PANOPS_HOME` is looked up; the process's environment when None.

    Attributes:
        path: The folder, absolute.
    """

    def __init__(self, path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> None:
        """Resolve the folder; an empty `PANOPS_HOME` counts as not set."""
        chosen = path or (os.environ if environ is None else environ).get("PANOPS_HOME") or user_data_path("panops", appauthor=False)
        self.path = Path(chosen).expanduser().absolute()

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.path / "panops.db"

    @property
    def evidence(self) -> Path:
        """Snapshots and clips."""
        return self.path / "evidence"

    @property
    def clips(self) -> Path:
        """Films that may be added as cameras on the page."""
        return self.path / "clips"

    @property
    def recordings(self) -> Path:
        """What cameras recorded, unless the site file names another folder."""
        return self.path / "recordings"

    @property
    def faces_key(self) -> Path:
        """The key of the gallery of known people, unless the environment names another place. No backup holds it."""
        return self.path / KEY_NAME

    @property
    def journal(self) -> Path:
        """Events that could not be written to the database yet."""
        return self.path / "journal"

    @property
    def looks(self) -> Path:
        """What was followed in the last hours, for dry runs of rules; it may be deleted at any time."""
        return self.path / "looks"

    @property
    def models(self) -> Path:
        """The model store."""
        return self.path / "models"

    @property
    def engines(self) -> Path:
        """What compilers made of models; it may be deleted at any time, and is made again."""
        return self.path / "engines"

    @property
    def run(self) -> Path:
        """Sockets and process files of the running site."""
        return self.path / "run"

    @property
    def unfinished_restore(self) -> Path:
        """A file that is there while a backup takes this home's place: what lies here is of two homes."""
        return self.path / "restore-unfinished"

    def owner_id(self) -> str:
        """A name for this home that stays the same for ever, whatever the machine is called; made at the first call.

        Raises:
            StorageError: It cannot be written.
        """
        path = self.path / "owner-id"
        try:
            known = path.read_text(encoding="ascii", errors="replace").strip() if path.is_file() else ""
            if known:
                return known
            # Whole or not at all: a full disk must not leave an empty name behind.
            made, temporary = secrets.token_hex(8), path.with_name(f".{path.name}.part")
            temporary.write_text(made, encoding="ascii")
            temporary.replace(path)
        except OSError as error:
            raise from_os(error, path, f"the file {path}") from error
        return made

    def create(self) -> Home:
        """Make the folders that are not there, readable by their owner only, and check that they can be written.

        Returns:
            This home.

        Raises:
            StorageError: A folder cannot be made or written; the message names it. Or a restore was cut off here.
        """
        if self.unfinished_restore.exists():
            raise StorageError(f"a restore into {self.path} was cut off: run `panops restore FILE --home {self.path} --replace` again")
        for folder in (self.path, self.clips, self.evidence, self.journal, self.models, self.run):
            self._create(folder)
        return self

    def _create(self, folder: Path) -> None:
        label = f"the folder {folder}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except (FileExistsError, NotADirectoryError) as error:
            raise StorageError(f"{label} cannot be used: expected a folder, got a file; choose another place with PANOPS_HOME") from error
        except OSError as error:
            raise from_os(error, folder, label) from error

    def __repr__(self) -> str:
        """The folder."""
        return f"Home({str(self.path)!r})"
