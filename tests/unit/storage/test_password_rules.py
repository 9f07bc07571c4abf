from __future__ import annotations

import pytest

from panops.storage.errors import AccountRefused
from panops.storage.password_rules import check_password

REFUSED = [
    ("short", "ada", "8 to 1024"),
    ("x" * 1025, "ada", "8 to 1024"),
    ("password", "ada", "first that are tried"),
    ("Password1!", "ada", "first that are tried"),
    ("12345678", "ada", "first that are tried"),
    ("87654321", "ada", "first that are tried"),
    ("qwertyuiop", "ada", "first that are tried"),
    ("aaaaaaaaaa", "ada", "first that are tried"),
    ("abababab", "ada", "first that are tried"),
    ("adminadmin", "ada", "first that are tried"),
    ("panops2026", "ada", "first that are tried"),
    ("20261129", "ada", "first that are tried"),
    ("margaret", "margaret", "user name"),
    ("Margaret1!", "margaret", "user name"),
    ("teragram", "margaret", "user name"),
    ("teragrams", "margaret", ""),
    ("margaret", "margaret@example.org", "user name"),
    ("a good password", "ada", ""),
    ("correct horse", "ada", ""),
    ("пароль и ещё", "ada", ""),
]


@pytest.mark.parametrize(("password", "username", "why"), REFUSED)
def test_which_passwords_do(password: str, username: str, why: str) -> None:
    if not why:
        assert check_password(password, username) == password
        return
    with pytest.raises(AccountRefused, match=why) as refusal:
        check_password(password, username)
    assert password == "password" or password not in str(refusal.value), "it is never repeated"
