"""Every page through axe-core (https://github.com/dequelabs/axe-core), at 390 and 1600 px, dark and light: no serious fault."""

from __future__ import annotations

import pytest

from tests.browser.conftest import PHONE, WIDE, MakeTab, Page
from tests.browser.site import SiteServer
from tests.browser.test_layout import PAGES

axe = pytest.importorskip("axe_playwright_python.base", reason="needs axe-core: pip install 'panops[test]'")

SERIOUS = ("serious", "critical")
RUN = """
async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  const shown = (nodes) => nodes.slice(0, 4).map((node) => node.html.slice(0, 160));
  return violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, where: shown(nodes) }));
}
"""
SPOIL = "() => document.body.append(document.createElement('img'), document.createElement('button'))"


def faults(page: Page) -> list[str]:
    """The serious and critical findings on the page as it stands, one line each."""
    page.evaluate(axe.AXE_SCRIPT)  # as the browser's own code, which the page's policy does not hold up
    return [f"{one['id']} ({one['impact']}): {one['help']}: {one['where']}" for one in page.evaluate(RUN) if one["impact"] in SERIOUS]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_serious_fault(name: str, size: tuple[int, int], site: SiteServer, tab: MakeTab) -> None:
    path, ready = PAGES[name]
    page = tab(site, size=size).open(path)
    page.wait_for_selector(ready)
    page.wait_for_selector("#connection.green", state="attached")
    assert faults(page) == []
    page.click("text=Account")
    if name == "wall":
        assert faults(page) == [], "the menu"
    page.click("#theme")
    page.keyboard.press("Escape")
    assert page.evaluate("() => document.documentElement.dataset.theme") == "light"
    assert faults(page) == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_sign_in_has_no_serious_fault(theme: str, site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, None, WIDE, theme).open("/login")
    page.wait_for_selector("form")
    assert faults(page) == []


def test_what_is_wrong_is_found(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, None).open("/login")
    page.evaluate(SPOIL)
    made = " ".join(faults(page))
    assert "image-alt" in made
    assert "button-name" in made
