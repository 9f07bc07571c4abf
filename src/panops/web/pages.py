"""The routes of the page: shells without data in each language, and static files under a name that changes with their content."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jinja2
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from starlette.convertors import Convertor, register_url_convertor

from panops.web.assets import Asset, Assets
from panops.web.catalogue import ENGLISH, Catalogue

FOLDER = Path(__file__).parent
COOKIE = "language"
"""The cookie in which a browser keeps the language that was chosen on it. A shell is in that language from its first byte."""


@dataclass(frozen=True, slots=True)
class Page:
    """One kind of page.

    Attributes:
        route: Where it is served; parameters are read by its script, not by the server.
        template: Its file in `templates/`.
        script: Its module in `static/js/`.
        styles: Its style sheets in `static/css/` besides `base.css`.
        section: The item of the navigation that it belongs to.
    """

    route: str
    template: str
    script: str
    styles: tuple[str, ...]
    section: str = ""


PAGES = (
    Page("/setup", "setup.html", "auth.js", ("auth.css",)),
    Page("/login", "login.html", "auth.js", ("auth.css",)),
    Page("/", "wall.html", "wall.js", ("picture.css", "wall.css"), "/"),
    Page("/events", "events.html", "events.js", ("events.css",), "/events"),
    Page("/suggestions", "suggestions.html", "suggestions.js", ("system.css", "suggestions.css"), "/events"),
    Page("/events/{event_id}", "events.html", "events.js", ("events.css",), "/events"),
    Page("/cameras", "cameras.html", "cameras.js", ("picture.css", "cameras.css"), "/cameras"),
    Page("/cameras/new", "camera_form.html", "camera_form.js", ("picture.css", "cameras.css"), "/cameras"),
    Page("/cameras/{camera_id}", "camera.html", "camera.js", ("picture.css", "cameras.css", "recording.css"), "/cameras"),
    Page("/cameras/{camera_id}/edit", "camera_form.html", "camera_form.js", ("picture.css", "cameras.css"), "/cameras"),
    Page("/cameras/{camera_id}/zones", "zones.html", "zones.js", ("picture.css", "places.css", "rules.css"), "/cameras"),
    Page("/cameras/{camera_id}/areas", "areas.html", "areas.js", ("system.css", "compliance.css"), "/cameras"),
    Page("/rules", "rules.html", "rules.js", ("rules.css",), "/rules"),
    Page("/rules/new", "rule.html", "rule.js", ("picture.css", "places.css", "rules.css"), "/rules"),
    Page("/rules/{rule_id}", "rule.html", "rule.js", ("picture.css", "places.css", "rules.css"), "/rules"),
    Page("/compliance", "compliance.html", "compliance.js", ("system.css", "events.css", "compliance.css"), "/compliance"),
    Page("/alerts", "alerts.html", "alerts.js", ("system.css", "alerts.css"), "/alerts"),
    Page("/account", "account.html", "account.js", ("system.css", "auth.css", "people.css"), "/account"),
    Page("/people", "people.html", "people.js", ("system.css", "people.css", "faces.css"), "/system"),
    Page("/users", "users.html", "users.js", ("system.css", "people.css"), "/users"),
    Page("/audit", "audit.html", "audit.js", ("system.css", "people.css"), "/audit"),
    Page("/models", "models.html", "models.js", ("system.css", "models.css"), "/system"),
    Page("/system", "system.html", "system.js", ("system.css",), "/system"),
)
"""Every page. The more special route stands before the one with a parameter."""


class _UnknownPageConvertor(Convertor[str]):
    """Paths that are nobody's: the API answers its own unknown paths with problem details."""

    regex = "(?!api/|v2/|static/|ws$|ws/).+"

    def convert(self, value: str) -> str:
        """The path as it is."""
        return value

    def to_string(self, value: str) -> str:
        """The path as it is."""
        return value


register_url_convertor("unknown_page", _UnknownPageConvertor())


def _answer(asset: Asset, request: Request, status: int = 200, vary: str = "Accept-Encoding") -> Response:
    """The asset, compressed where the browser likes it, or 304 where the browser has it already."""
    headers = {"Cache-Control": asset.cache_control, "ETag": asset.etag, "Vary": vary}
    if status == 200 and request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    content = asset.content
    if asset.compressed and "gzip" in request.headers.get("accept-encoding", ""):
        content = asset.compressed
        headers["Content-Encoding"] = "gzip"
    return Response(content, status_code=status, headers=headers, media_type=asset.media_type)


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
)


def tables(assets: Assets, catalogue: Catalogue) -> dict[str, bytes]:
    """A module for each page's script and language but English: the messages of that page, `export default {text: translation}`."""
    made: dict[str, bytes] = {}
    for script in {page.script: page for page in PAGES}:
        for language in catalogue.languages[1:]:
            table = catalogue.table(language, assets.reached(script))
            made[_table_name(language, script)] = f"export default {json.dumps(table, ensure_ascii=False)};\n".encode()
    return made


def _table_name(language: str, script: str) -> str:
    return f"js/locale/{language}/{script}"


def render(assets: Assets, catalogue: Catalogue, language: str = ENGLISH) -> dict[str, Asset]:
    """Every page's shell in one language by its route, and the one for unknown addresses under an empty route."""
    shells: dict[str, Asset] = {}
    for page in (*PAGES, Page("", "missing.html", "", ("auth.css",))):
        modules = assets.modules(page.script)[1:] if page.script else []
        text = _TEMPLATES.get_template(page.template).render(
            t=partial(catalogue.say, language),
            language=language,
            languages=" ".join(catalogue.languages),
            url=assets.url,
            modules=modules,
            script=page.script,
            styles=page.styles,
            section=page.section,
            messages=assets.url(_table_name(language, page.script)) if page.script and language != ENGLISH else "",
        )
        # `no-cache` = ask each time whether it changed: a shell names the static files of its own version.
        shells[page.route] = Asset.of(text.encode(), "text/html; charset=utf-8", "no-cache")
    return shells


def _page_route(shells: Mapping[str, Asset], catalogue: Catalogue, status: int = 200) -> Callable[[Request], Response]:
    """`shells` are those of one page by language."""

    def page(request: Request) -> Response:
        language = catalogue.choose(request.cookies.get(COOKIE), request.headers.get("accept-language", ""))
        return _answer(shells[language], request, status, "Accept-Encoding, Accept-Language, Cookie")

    return page


def build_router(assets: Assets, catalogue: Catalogue) -> APIRouter:
    """All routes of the page over `assets`, which has the `tables` of `catalogue`."""
    pages = APIRouter(include_in_schema=False)
    rendered = {language: render(assets, catalogue, language) for language in catalogue.languages}

    def route(path: str, status: int = 200) -> Callable[[Request], Response]:
        return _page_route({language: shells[path] for language, shells in rendered.items()}, catalogue, status)

    for page in PAGES:
        pages.add_api_route(page.route, route(page.route), methods=["GET", "HEAD"], name=f"page {page.route}")

    @pages.api_route("/static/{version}/{name:path}", methods=["GET", "HEAD"], name="static")
    def static(version: str, name: str, request: Request) -> Response:
        asset = assets.get(name, version)
        if asset is None:
            raise HTTPException(404, "No such file.")
        return _answer(asset, request)

    pages.add_api_route("/{path:unknown_page}", route("", 404), methods=["GET", "HEAD"], name="unknown page")
    return pages


ASSETS = Assets(FOLDER / "static")
CATALOGUE = Catalogue.of(FOLDER / "locale")
ASSETS.add(tables(ASSETS, CATALOGUE))
router = build_router(ASSETS, CATALOGUE)
"""Pages and static files. Nothing in them is data: scripts ask the API, which asks who they are."""


def mount(app: FastAPI) -> None:
    """Serve the page from `app`. Call it after the API's own routes: addresses nobody knows end here."""
    app.include_router(router)
