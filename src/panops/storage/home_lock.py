"""One process at a time works on a home: the one that runs it, or the one that puts a backup in its place."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from panops.domain.errors import PanopsError
from panops.storage.home import Home


@contextmanager
def only_one(home: Home) -> Iterator[None]:
    """Hold the home for this process. Its folder `run` must be there.

    Raises:
        PanopsError: Another panops runs on it.
    """
    path = home.run / "panops.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PanopsError(f"another panops already runs on {home.path}; stop it, or choose another folder with --home") from error
        yield
