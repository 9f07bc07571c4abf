"""What somebody meant who mistyped a name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# So many names are read at a glance; of a longer list the beginning is told, and only where there is no guess.
_MOST_NAMES = 24


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name that looks most like `word`, upper and lower case alike; empty when none does."""
    by_folded = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str], lead: str = "there are") -> str:
    """How a message about an unknown name goes on: `; did you mean 'gate'? there are: gate, yard`.

    Args:
        word: What was written.
        known: What could have been written, in the order in which it is told.
        lead: What introduces the list: `there are`, `it has`, `expected one of`.
    """
    names = list(known)
    guess = nearest(word, names)
    listed = ", ".join(names[:_MOST_NAMES]) + (f" ... ({len(names)})" if len(names) > _MOST_NAMES else "")
    told = f"{lead}: {listed or 'none'}"
    if not guess:
        return f"; {told}"
    worth_telling = 1 < len(names) <= _MOST_NAMES
    return f"; did you mean {guess!r}?" + (f" {told[0].upper()}{told[1:]}" if worth_telling else "")
