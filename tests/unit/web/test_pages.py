"""Pages: every shell is served to anyone, holds no data and no inline code, and stays small."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from panops.web.pages import ASSETS, CATALOGUE, FOLDER, PAGES, Page, mount, render

ROUTES = [page.route for page in PAGES]


class Client:
    """Asks an app without a server."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://box") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(ask())


@pytest.fixture
def client() -> Client:
    app = FastAPI()

    @app.get("/api/v1/known")
    def known() -> dict[str, str]:
        return {"is": "known"}

    mount(app)
    return Client(app)


class _Reader(HTMLParser):
    """Collects what a strict policy would refuse, addresses, and ids."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.files: list[str] = []
        self.ids: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._script = tag == "script"
        self.refused += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        self.refused += [tag] if tag == "style" or (tag == "script" and "src" not in given) else []
        self.files += [value for name, value in attrs if name in ("src", "href") and value and "/static/" in value]
        self.ids += [given["id"] or ""] if "id" in given else []

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.refused.append("inline script")

    def handle_endtag(self, tag: str) -> None:
        self._script = False


@pytest.mark.parametrize("route", ROUTES)
def test_a_shell_is_served_and_names_only_files_that_are_there(route: str, client: Client) -> None:
    answer = client.get(route.replace("{event_id}", "a-1-2").replace("{camera_id}", "gate").replace("{rule_id}", "night"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    reader = _Reader()
    reader.feed(answer.text)
    assert reader.refused == []
    assert len(reader.ids) == len(set(reader.ids))
    assert len(reader.files) > 3
    for file in set(reader.files):
        asked = client.get(file)
        assert asked.status_code == 200, file
        assert "immutable" in asked.headers["cache-control"]
        name = file.partition("#")[2]
        assert not name or f'id="{name}"' in asked.text, f"the sprite has no {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.route)
def test_a_page_is_less_than_60_kb_of_code_on_the_wire(page: Page) -> None:
    names = [f"js/{name}" for name in ASSETS.modules(page.script)] + [f"css/{name}" for name in ("base.css", *page.styles)]
    assets = [ASSETS.get(name, ASSETS.version) for name in (*names, "js/theme.js", "js/early.js", "img/icons.svg")]
    assert sum(len(asset.compressed or asset.content) for asset in assets if asset) < 60_000
    assert len(render(ASSETS, CATALOGUE)[page.route].content) < 12_000


def test_what_is_not_changed_is_not_sent_again(client: Client) -> None:
    first = client.get("/login")
    again = client.get("/login", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get(ASSETS.url("js/wall.js"), headers={"Accept-Encoding": "identity"})
    packed = client.get(ASSETS.url("js/wall.js"))
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content
    assert "Accept-Encoding" in packed.headers["vary"]


def test_unknown_addresses(client: Client) -> None:
    missing = client.get("/no/such/page")
    assert missing.status_code == 404
    assert "There is no page at this address" in missing.text
    assert client.get("/api/v1/known").json() == {"is": "known"}
    for path in ("/api/v1/unknown", "/v2/unknown", "/static/x/none.js"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "no page" not in answer.text, path


def test_heads_have_no_body(client: Client) -> None:
    answer = client.get("/login", method="HEAD")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", sorted((FOLDER / "static" / "js").glob("*.js")), ids=lambda path: path.name)
def test_scripts_never_build_pages_from_text(path: Path) -> None:
    ways = (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        r"document\.write",
        r"\beval\(",
        "new Function",
        r'setAttribute\("style',
        "cssText",
    )
    forbidden = "|".join((*ways, "createContextualFragment"))
    assert re.findall(forbidden, path.read_text()) == []
    assert len(path.read_text().splitlines()) < 300
