"""The routes of the page: shells without data, and static files under a name that changes with their content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jinja2
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from starlette.convertors import Convertor, register_url_convertor

from panops.web.assets import Asset, Assets

FOLDER = Path(__file__).parent


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
    Page("/rules", "rules.html", "rules.js", ("rules.css",), "/rules"),
    Page("/rules/new", "rule.html", "rule.js", ("picture.css", "places.css", "rules.css"), "/rules"),
    Page("/rules/{rule_id}", "rule.html", "rule.js", ("picture.css", "places.css", "rules.css"), "/rules"),
    Page("/compliance", "compliance.html", "compliance.js", ("system.css", "events.css", "compliance.css"), "/compliance"),
    Page("/alerts", "alerts.html", "alerts.js", ("system.css", "alerts.css"), "/alerts"),
    Page("/account", "account.html", "account.js", ("system.css", "auth.css", "people.css"), "/account"),
    Page("/users", "users.html", "users.js", ("system.css", "people.css"), "/users"),
    Page("/audit", "audit.html", "audit.js", ("system.css", "people.css"), "/audit"),
    Page("/models", "models.html", "models.js", ("system.css", "models.css"), "/system"),
    Page("/system", "system.html", "system.js", ("system.css",), "/system"),
)
"""Every page. The more special route stands before the one with a parameter."""


class _UnknownPageConvertor(Convertor[str]):
    """Paths that are nobody's: the API answers its own unknown paths with problem details."""

    regex = "(?!api/|v2/|static/|ws$).+"

    def convert(self, value: str) -> str:
        """The path as it is."""
        return value

    def to_string(self, value: str) -> str:
        """The path as it is."""
        return value


register_url_convertor("unknown_page", _UnknownPageConvertor())


def _answer(asset: Asset, request: Request, status: int = 200) -> Response:
    """The asset, compressed where the browser likes it, or 304 where the browser has it already."""
    headers = {"Cache-Control": asset.cache_control, "ETag": asset.etag, "Vary": "Accept-Encoding"}
    if status == 200 and request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    content = asset.content
    if asset.compressed and "gzip" in request.headers.get("accept-encoding", ""):
        content = asset.compressed
        headers["Content-Encoding"] = "gzip"
    return Response(content, status_code=status, headers=headers, media_type=asset.media_type)


def render(assets: Assets) -> dict[str, Asset]:
    """Every page's shell by its route, and the one for unknown addresses under an empty route."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    shells: dict[str, Asset] = {}
    for page in (*PAGES, Page("", "missing.html", "", ("auth.css",))):
        modules = assets.modules(page.script)[1:] if page.script else []
        text = environment.get_template(page.template).render(
            url=assets.url, modules=modules, script=page.script, styles=page.styles, section=page.section
        )
        # `no-cache` = ask each time whether it changed: a shell names the static files of its own version.
        shells[page.route] = Asset.of(text.encode(), "text/html; charset=utf-8", "no-cache")
    return shells


def _page_route(shell: Asset, status: int = 200) -> Callable[[Request], Response]:
    def page(request: Request) -> Response:
        return _answer(shell, request, status)

    return page


def build_router(assets: Assets) -> APIRouter:
    """All routes of the page over `assets`."""
    pages = APIRouter(include_in_schema=False)
    shells = render(assets)
    for page in PAGES:
        pages.add_api_route(page.route, _page_route(shells[page.route]), methods=["GET", "HEAD"], name=f"page {page.route}")

    @pages.api_route("/static/{version}/{name:path}", methods=["GET", "HEAD"], name="static")
    def static(version: str, name: str, request: Request) -> Response:
        asset = assets.get(name, version)
        if asset is None:
            raise HTTPException(404, "No such file.")
        return _answer(asset, request)

    pages.add_api_route("/{path:unknown_page}", _page_route(shells[""], 404), methods=["GET", "HEAD"], name="unknown page")
    return pages


ASSETS = Assets(FOLDER / "static")
router = build_router(ASSETS)
"""Pages and static files. Nothing in them is data: scripts ask the API, which asks who they are."""


def mount(app: FastAPI) -> None:
    """Serve the page from `app`. Call it after the API's own routes: addresses nobody knows end here."""
    app.include_router(router)
