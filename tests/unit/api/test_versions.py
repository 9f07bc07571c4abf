from __future__ import annotations

import pytest

from panops.api.problems import ProblemError
from panops.api.versions import precondition, strong


@pytest.mark.parametrize(
    ("etag", "if_match", "if_none_match", "fine"),
    [
        ("5", None, None, True),
        (None, None, None, True),
        ("5", '"5"', None, True),
        ("5", '"4", "5"', None, True),
        ("5", "*", None, True),
        ("5", '"4"', None, False),
        ("5", "5", None, False),
        ("5", 'W/"5"', None, False),
        (None, '"5"', None, False),
        (None, "*", None, False),
        (None, None, "*", True),
        ("5", None, "*", False),
        ("5", None, '"5"', False),
        ("5", None, '"4"', True),
    ],
)
def test_conditions(etag: str | None, if_match: str | None, if_none_match: str | None, fine: bool) -> None:
    if fine:
        precondition(etag, if_match, if_none_match)
    else:
        with pytest.raises(ProblemError) as caught:
            precondition(etag, if_match, if_none_match)
        assert caught.value.status == 412


def test_a_strong_etag() -> None:
    assert strong("5") == '"5"'
