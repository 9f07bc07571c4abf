"""At the first start: the general detector is offered beside the one that comes with panops. Asked once, and never where nobody answers."""

from __future__ import annotations

import logging
import select
import socket
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

from rich.console import Console

from panops.domain.errors import ModelError
from panops.domain.manifest import SourceKind
from panops.models.default import BUILTIN, GENERAL, choose_default, chosen_default
from panops.models.store import ModelStore

log = logging.getLogger(__name__)

_ANSWER_S = 20.0
_CONNECT_S = 1.5


def offer_general(store: ModelStore, console: Console, *, offline: bool = False, ask: Callable[[str, float], str] | None = None) -> None:
    """Ask whether the general detector shall be fetched and used, when it can be had and nobody was asked yet.

    Nothing is asked without a terminal, without a network, without a built-in detector (then the general one is fetched where it may be),
    or when it is here already: what is used then is the matter of `models.default`.

    Args:
        store: Where models are.
        console: Where to ask.
        offline: Whether the network may not be used.
        ask: Prints a question and gives the answer, empty after so many seconds; the terminal when None.
    """
    if offline or chosen_default(store) or not store.is_installed(BUILTIN) or store.is_installed(GENERAL):
        return
    if ask is None:
        if not (console.is_terminal and sys.stdin.isatty()):
            return
        ask = _terminal(console)
    if not _reachable(store):
        return
    entry = store.catalogue.models[GENERAL]
    size = f"{entry.size_bytes / 1e6:.1f} MB, {entry.manifest.licence}"
    console.print(
        f"Cameras use {BUILTIN}, which comes with panops. The general {GENERAL} tells {len(entry.manifest.classes)} kinds of objects apart"
    )
    answer = ask(f"and can be fetched now ({size}). Fetch it and use it instead? [y/N] ", _ANSWER_S).strip().casefold()
    try:
        if answer in ("y", "yes"):
            with console.status(f"fetching {GENERAL} ..."):
                store.ensure(GENERAL, allow_network=True)
            choose_default(store, GENERAL)
        else:
            choose_default(store, BUILTIN)
            console.print(f"{BUILTIN} it is. Later: panops models add {GENERAL}, and `model: {GENERAL}` in the site file.", style="dim")
    except ModelError as error:
        console.print(f"{GENERAL} is not used: {error}", style="yellow")


def _terminal(console: Console) -> Callable[[str, float], str]:
    def ask(question: str, patience_s: float) -> str:
        console.print(question, end="", markup=False)
        ready, _, _ = select.select([sys.stdin], [], [], patience_s)
        if not ready:
            console.print("(no answer)")  # cameras must not wait for somebody who is not there
            return ""
        return sys.stdin.readline()

    return ask


def _reachable(store: ModelStore) -> bool:
    """Whether the general detector could be had: a mirror has it, or its address answers at once."""
    entry = store.catalogue.models[GENERAL]
    if store.in_mirror(GENERAL):
        return True
    if entry.manifest.source.kind is not SourceKind.URL:
        return False
    address = urlsplit(entry.manifest.source.location)
    try:
        socket.create_connection((address.hostname or "", address.port or 443), _CONNECT_S).close()
    except OSError as error:
        log.info("%s cannot be offered: %s: %s", GENERAL, address.hostname, error)
        return False
    return True
