"""The API keeps to its own description: schemathesis asks every route of a real server what the description allows, and what not.

No answer is a fault of the server, and each has a status, a content type and a body that the description names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from panops.api.description import describe
from panops.storage.scope import Role

from .served_site import Served, serve_in_thread
from .test_app import store_event

EXAMPLES, MANY = 3, 120
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# It goes on until somebody ends it; test_event_stream asks it.
ENDLESS = "/api/v1/events/stream"
KNOWN = {
    "camera_id": ("gate", "yard"), "rule_id": ("night", "way-in"), "event_id": ("gate-1-1",), "username": ("vera", "oscar"),
    "file_name": ("snapshot.jpg", "clip.mp4"), "sink_id": ("desk",), "delivery_id": (1,), "name": ("street",), "view_id": (1, 2),
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, filled_database: Path) -> Iterator[Served]:
    with serve_in_thread(tmp_path_factory.mktemp("contract") / "home", filled_database, max_body_bytes=200_000) as served:
        store_event(served.site, "gate-1-1", "gate")
        yield served


def ask_everything(served: Served, role: Role, examples: int) -> list[str]:
    """Every route, so often with what it takes and so often with what it does not; what was found."""
    schema = schemathesis.openapi.from_dict(describe(served.site.app))
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {served.tokens[role]}"
    found: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path == ENDLESS:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            strategy = operation.as_strategy(generation_mode=mode)
            try:
                _ask(strategy, mode, session, served.address, examples)
            except BaseExceptionGroup as group:
                found += [f"{operation.label}: {error}" for error in group.exceptions]
            except Unsatisfiable:
                if mode is GenerationMode.POSITIVE:  # a route that takes nothing cannot be asked wrongly
                    raise
            except AssertionError as error:
                found.append(f"{operation.label}: {error}")
    return found


def _ask(strategy: Any, mode: GenerationMode, session: requests.Session, address: str, examples: int) -> None:
    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy, draw=st.data())
    def test(case: Case, draw: st.DataObject) -> None:
        if mode is GenerationMode.POSITIVE and draw.draw(st.booleans()):
            # Names by chance are names of nothing.
            for name in set(case.path_parameters or {}) & set(KNOWN):
                case.path_parameters[name] = draw.draw(st.sampled_from(KNOWN[name]))
        case.call_and_validate(base_url=address, session=session, checks=CHECKS)

    test()


@pytest.mark.timeout(1200)  # half a minute, but ten times as long on a machine that has much else to do
@pytest.mark.parametrize("role", [Role.ADMIN, Role.VIEWER])
def test_no_answer_is_a_fault_or_undescribed(served: Served, role: Role) -> None:
    found = ask_everything(served, role, EXAMPLES)
    assert not found, "\n\n".join(found)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", list(Role))
def test_no_answer_is_a_fault_or_undescribed_however_often(served: Served, role: Role) -> None:
    found = ask_everything(served, role, MANY)
    assert not found, "\n\n".join(found)
