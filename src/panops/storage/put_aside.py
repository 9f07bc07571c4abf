"""Which suggestions somebody does not want to see for now."""

from __future__ import annotations

import json

from sqlalchemy import Connection, insert, select, update

from panops.storage.database import Database
from panops.storage.tables import site

MOST = 500
"""Of more than that the oldest are forgotten: they show up again."""
# Among the site's own values, for it is one for the whole site and needs no table.
_NAME = "put_aside"


class PutAside:
    """Ids of suggestions in the database. Used by any number of threads.

    Args:
        database: An opened database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def ids(self) -> frozenset[str]:
        """All of them."""
        with self._database.reading() as connection:
            return frozenset(_stored(connection) or ())

    def add(self, suggestion_id: str) -> None:
        """Put one aside; doing it again changes nothing.

        Raises:
            StorageError: It was not written.
        """
        self._change(suggestion_id, aside=True)

    def remove(self, suggestion_id: str) -> None:
        """Take one back; nothing happens where it was not put aside.

        Raises:
            StorageError: It was not written.
        """
        self._change(suggestion_id, aside=False)

    def _change(self, suggestion_id: str, *, aside: bool) -> None:
        with self._database.session() as connection:
            # As whoever changes the site: two that write at once would lose one of both.
            connection.execute(select(site.c.value).where(site.c.name == "revision").with_for_update())
            known = _stored(connection)
            ids = [one for one in known or () if one != suggestion_id] + [suggestion_id] * aside
            text = json.dumps(ids[-MOST:])
            if known is None:
                connection.execute(insert(site).values(name=_NAME, value=text))
            else:
                connection.execute(update(site).where(site.c.name == _NAME).values(value=text))


def _stored(connection: Connection) -> list[str] | None:
    text = connection.execute(select(site.c.value).where(site.c.name == _NAME)).scalar()
    return None if text is None else [str(one) for one in json.loads(text)]
