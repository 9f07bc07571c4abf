"""A browser, a served site, and pages that fail the test when anything was wrong on them."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from panops.storage.database import Database
from tests.browser.site import PASSWORD, SiteServer

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'panops[test]'")
Browser, Page = sync_api.Browser, sync_api.Page

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    # The browser's own pages, which it loads for every new tab: three quarters of the processor time of a tab. The flag takes the place
    # of playwright's, so what that switches off for good reason stands here too.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,AimEnabled,LensOverlay,MediaRouter,OptimizationHints,"
    "PaintHolding,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,ThirdPartyStoragePartitioning,DestroyProfileOnBrowserClose,"
    "AvoidUnnecessaryBeforeUnloadCheckSync,AvoidCorsURLLoaderRestartOnRedirect,NetworkTimeServiceQuerying,PreconnectToSearch",
]
WIDE, PHONE = (1600, 900), (390, 844)
# What a page may do wrong is told by the browser in three ways; the last one catches what a policy refuses without an error.
LISTEN = """
document.addEventListener('securitypolicyviolation', (event) => console.error('CSP', event.violatedDirective, event.blockedURI));
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder drives a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def chromium_path() -> str | None:
    """Debian's Chromium, or another one; None where there is none."""
    return next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)


# Package scope, not session: playwright's event loop runs in this thread until it is stopped, and other tests have loops of their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a screen."""
    program = chromium_path()
    if program is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServer]:
    """A site with seven cameras and 150 events of the last days. Tests that change it put things back or use what nobody else does."""
    server = SiteServer(tmp_path_factory.mktemp("site"))
    server.add_events(150, time.time() - 120)
    server.add_people(600, time.time() - 120)
    server.add_areas(time.time())
    server.add_versions(time.time() - 120)
    server.add_known()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to be copied: migrating takes longer than most of a test."""
    home = tmp_path_factory.mktemp("template")
    Database.at(home).open().close()
    return home / "panops.db"


@pytest.fixture
def make_site(tmp_path: Path, empty_database: Path) -> Iterator[Callable[..., SiteServer]]:
    """Makes sites of a test's own."""
    made: list[SiteServer] = []

    def make(*args: object, **settings: object) -> SiteServer:
        home = tmp_path / f"home{len(made)}"
        home.mkdir()
        shutil.copy(empty_database, home)
        made.append(SiteServer(home, *args, **settings))  # type: ignore[arg-type]  # passed through
        made[-1].start()
        return made[-1]

    yield make
    for server in made:
        server.close()


@dataclass
class Tab:
    """A page and what went wrong on it. `allow` are patterns of errors that the test causes on purpose."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)
    allow: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go to a path and wait until its script has begun."""
        self.page.goto(self.url + path)
        self.page.wait_for_load_state("load")
        return self.page

    def check(self) -> None:
        """Fail for an error, warning, uncaught exception or policy violation."""
        wrong = [fault for fault in self.faults if not any(re.search(pattern, fault) for pattern in self.allow)]
        assert not wrong, "\n".join(wrong)


MakeTab = Callable[..., Tab]


@pytest.fixture
def tab(browser: Browser, request: pytest.FixtureRequest) -> Iterator[MakeTab]:
    """Opens tabs, signed in as `who` (None: a stranger), of a width, theme and browser's language; all are checked at the end."""
    tabs: list[Tab] = []

    def make(server: SiteServer, who: str | None = "ada", size: tuple[int, int] = WIDE, theme: str = "dark", locale: str = "en-GB") -> Tab:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            has_touch=size == PHONE,
            reduced_motion="reduce",
            timezone_id="America/New_York",
            locale=locale,
        )
        context.set_default_timeout(8000)
        context.add_init_script(LISTEN)
        context.add_init_script(f"localStorage.getItem('panops.theme') ?? localStorage.setItem('panops.theme', '{theme}')")
        if who is not None:
            answer = context.request.post(f"{server.url}/api/v1/session", data={"username": who, "password": PASSWORD})
            assert answer.ok, answer.text()
        made = Tab(context.new_page(), server.url)
        made.page.on("console", lambda message: message.type in ("error", "warning") and made.faults.append(f"console: {message.text}"))
        made.page.on("pageerror", lambda error: made.faults.append(f"uncaught: {error}"))
        made.page.on("dialog", lambda dialog: (made.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        tabs.append(made)
        return made

    yield make
    for one in tabs:
        one.page.context.close()
    for one in tabs:
        one.check()
