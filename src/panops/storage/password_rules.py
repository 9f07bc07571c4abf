"""What a password must be: long enough, none of those that everybody tries first, and not the user's own name."""

from __future__ import annotations

import re

from panops.storage.errors import AccountRefused

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1024

# Whatever is made of these by adding digits, signs or another one of them is guessed within the first thousand tries.
_WORDS = """
    1q2w3e4r 1qaz2wsx abc abcd abcd1234 access admin administrator alexander amanda andrea andrew angel anthony arsenal asdf asdfgh
    asdfghjkl ashley azerty baseball basketball batman butterfly camera cameras cctv changeme charlie cheese chelsea chocolate computer
    cookie corvette dakota daniel default dragon eagle family ferrari flower football freedom george ginger guest hannah harley hello hunter
    iloveyou jasmine jennifer jessica jordan joshua killer letmein liverpool login lovely maggie manager master matthew merlin michael
    michelle monkey mustang nicole ninja nothing operator orange pa55word panops parola pass passw0rd passwort password patrick pepper
    phoenix pokemon princess p@ssw0rd p@ssword qazwsx qwer qwert qwerty qwertyuiop qwertz rainbow ranger robert root samsung scooter
    secret security server shadow silver soccer sophie spiderman starwars steelers summer sunshine superman support system taylor temp test
    tester thomas thunder tigger trustno trustno1 user victoria viewer welcome whatever william winter yankees zaq12wsx zxcvbn zxcvbnm
"""
_COMMON = frozenset(_WORDS.split())
_ROWS = ("0123456789012345678901234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm")
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def check_password(password: str, username: str = "") -> str:
    """The password.

    Raises:
        AccountRefused: It is too short or long, or among the first that are guessed.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountRefused(f"expected a password of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, got {len(password)}")
    plain = password.casefold()
    if username and _AROUND.sub("", plain) in _parts_of(username):
        raise AccountRefused("expected a password that is not made of the user name; take several words that do not belong together")
    if _is_common(plain):
        raise AccountRefused(
            "expected a password that is not among the first that are tried; take several words that do not belong together"
        )
    return password


def _parts_of(username: str) -> set[str]:
    name = username.casefold()
    return {name, name * 2, name[::-1], name.partition("@")[0], _AROUND.sub("", name)} - {""}


def _is_common(plain: str) -> bool:
    if len(set(plain)) < 4:
        return True
    if any(plain in row or plain in row[::-1] for row in _ROWS):
        return True
    stem = _AROUND.sub("", plain)
    halves = {(stem[:at], stem[at:]) for at in range(1, len(stem))}
    return stem in _COMMON or plain in _COMMON or not stem or any(one in _COMMON and other in _COMMON for one, other in halves)
