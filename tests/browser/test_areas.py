"""The page of what covers a camera's zones: curves, a table, a file."""

from __future__ import annotations

from tests.browser.conftest import MakeTab
from tests.browser.site import SiteServer


def test_curves_of_a_zone_and_all_of_them_in_a_table(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/cameras/gate")
    page.click("#areas")
    page.wait_for_selector("#rows tr:nth-child(3)")
    assert page.inner_text("#title") == "Areas: North gate"
    assert page.locator("#legend span").all_inner_texts() == ["Background"]
    assert page.locator("#rows tr td:nth-child(1)").all_inner_texts() == ["Whole picture", "site", "site"]
    assert page.locator("#rows tr td:nth-child(3)").all_inner_texts() == ["90 %", "60 %", "40 %"]
    page.select_option("[name=zone]", "site")
    page.wait_for_selector("#legend span:nth-child(2)")
    assert sorted(page.locator("#legend span").all_inner_texts()) == ["Background", "Car"]
    assert (page.get_attribute("#curve path.dots", "d") or "").count("M") == 39
    page.hover("#curve svg")
    page.wait_for_selector("#point:has-text('Car')")
    with page.expect_download() as download:
        page.click("#csv")
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "from,to,camera_id,camera,zone,class,looks,mean,least,most"
    assert len(lines) == 1 + 3 * 39
    page.select_option("[name=days]", "7")
    page.wait_for_function("() => !document.querySelector('#curve path.dots').getAttribute('d').includes('M', 600)")


def test_nothing_is_told_as_such(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/cameras/yard/areas")
    page.wait_for_selector("#curve .notice")
    assert "maps" in page.inner_text("#curve .notice code")
