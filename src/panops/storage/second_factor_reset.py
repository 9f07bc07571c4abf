"""The way back in for whoever lost phone and recovery codes, all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping

from panops.domain.clock import Clock
from panops.storage.accounts import end_access
from panops.storage.audit import add_entry
from panops.storage.database import Database
from panops.storage.second_factor import take_away


def reset(database: Database, clock: Clock, username: str, user: str, by: Mapping[str, str] | None = None) -> tuple[int, int] | None:
    """Take a user's second factor and recovery codes away, end what is signed in, and write it down, in one transaction.

    Args:
        database: An opened database.
        clock: What time it is.
        username: Whose.
        user: Who does it, for the audit log; empty for who is no user of the site.
        by: What else the audit log is to know of who does it.

    Returns:
        How many sign-ins and own tokens were ended; None where there was no second factor: nothing was changed.

    Raises:
        StorageError: Nothing was changed.
    """
    with database.session() as connection:
        if not take_away(connection, username):
            return None
        sessions, tokens = end_access(connection, username)
        add_entry(connection, clock.utc_s(), user, "second_factor.reset", username, {**(by or {}), "sessions": sessions, "tokens": tokens})
    return sessions, tokens
