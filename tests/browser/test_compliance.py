"""The page of who wears what: curves, a table, a file, and only what one may see."""

from __future__ import annotations

from tests.browser.conftest import MakeTab
from tests.browser.site import SiteServer


def test_curves_table_and_csv(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/compliance")
    page.wait_for_selector("#rows tr:nth-child(6)")
    assert [text.strip() for text in page.locator("#items .card span").all_inner_texts()] == ["Hardhat", "Vest"]
    assert page.locator("#curve path.dots").count() == 2
    assert page.locator("#legend span").all_inner_texts() == ["Hardhat", "Vest"]
    page.hover("#curve svg")
    page.wait_for_selector("#point:has-text('Hardhat')")
    with page.expect_download() as download:
        page.click("#csv")
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "from,to,camera_id,camera,rule_id,zone,item,seen,present,absent,not_visible,rate"
    assert len(lines) > 20


def test_a_camera_and_a_bucket_are_chosen(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/compliance")
    page.wait_for_selector("#rows tr:nth-child(6)")
    page.select_option("[name=camera]", "yard")
    page.wait_for_selector("#rows:not(:has(tr:nth-child(3)))")
    assert page.locator("#rows tr td:nth-child(1)").all_inner_texts() == ["Yard", "Yard"]
    assert "camera=yard" in (page.get_attribute("#csv", "href") or "")
    dots = page.get_attribute("#curve path.dots", "d") or ""
    page.select_option("[name=bucket]", "day")
    page.wait_for_selector("#curve[data-bucket=day]")
    days = page.get_attribute("#curve path.dots", "d") or ""
    assert days.count("M") < dots.count("M")


def test_nothing_is_told_as_such(make_site: object, tab: MakeTab) -> None:
    page = tab(make_site()).open("/compliance")  # type: ignore[operator]
    page.wait_for_selector("#curve .notice")
    assert "Nobody" in page.inner_text("#rows")
