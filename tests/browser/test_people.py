"""The page of known people: from a form to pictures, refusals with their reasons, a search, and a deletion that says what goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from panops.testing.fake_faces import drawn
from tests.browser.conftest import PHONE, WIDE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import SITE, SiteServer


def files(**pictures: bytes) -> list[dict[str, object]]:
    return [{"name": f"{name}.png", "mimeType": "image/png", "buffer": data} for name, data in pictures.items()]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_somebody_new_from_the_form_to_the_deletion(make_site: Callable[..., SiteServer], tab: MakeTab, size: tuple[int, int]) -> None:
    server = make_site(SITE)
    server.add_known()
    made = tab(server, size=size)
    made.allow += ["422", "409"]  # the browser tells of every refused picture
    page = made.open("/people")
    page.wait_for_selector("#known [data-id]:nth-child(3)")
    assert problems(page) == []
    page.click("#add")
    page.fill("#field-name", "Dora Klein")
    page.click("dialog .primary")
    page.wait_for_selector("dialog .problem")
    page.fill("#field-consent", "asked at the door, she nodded")
    page.fill("#field-lists", "watch, visitors")
    assert problems(page) == []
    page.click("dialog .primary")
    page.wait_for_selector("dialog #pictures")
    page.set_input_files(
        "#pictures",
        files(good=drawn((5, 0), side_px=160), two=drawn((5, 1), (6, 0)), far=drawn((5, 1), side_px=30), anna=drawn((1, 2), side_px=170)),
    )
    page.wait_for_selector(".results [data-file='anna.png'] button")
    lines = page.locator(".results li").all_inner_texts()
    told = [" ".join(line.split()) for line in lines]
    assert told[0] == "good.png taken"
    assert told[1].endswith("There are several faces in it: cut out the one that is meant.")
    assert told[2].endswith("The face is too small: take a picture from nearer by.")
    assert "It resembles Anna Berg, who is known already" in told[3]
    page.wait_for_selector(".faces li:nth-child(1) img")
    assert problems(page) == []
    page.click(".results [data-file='anna.png'] button")
    page.wait_for_selector(".faces li:nth-child(2) img")
    page.click("dialog >> text=Done")
    page.wait_for_selector("#known :text('Dora Klein')")

    page.click("#search")
    page.set_input_files("#searched", files(both=drawn((5, 0), (7, 0), side_px=160)))
    page.wait_for_selector("ol.results li:nth-child(2)")
    page.wait_for_selector(".looked i:nth-of-type(2)")
    verdicts = " ".join(page.inner_text("ol.results").split())
    assert "Dora Klein" in verdicts
    assert "Unknown" in verdicts
    assert problems(page) == []
    page.click("dialog >> text=Done")

    page.click("#known button:has-text('Dora Klein')")
    page.click("dialog >> text=Delete >> nth=-1")
    page.wait_for_selector("dialog:has-text('2 pictures go.') >> text=No event names them.")
    assert problems(page) == []
    page.click("dialog:last-of-type .danger")
    page.wait_for_selector(".toast:has-text('and not who it was')")
    page.wait_for_function("() => !document.getElementById('known').textContent.includes('Dora')")
    assert b"Dora Klein" not in b"".join(path.read_bytes() for path in server.home.rglob("panops.db*"))


def test_an_operator_looks_and_changes_nothing_and_a_viewer_sees_nobody(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, "oscar").open("/people")
    page.wait_for_selector("#known [data-id]:nth-child(3)")
    assert page.is_visible("#search")
    assert not page.is_visible("#add")
    page.click("#known button:has-text('Anna Berg')")
    page.wait_for_selector(".faces li:nth-child(4) img")
    assert page.locator(".faces button, #pictures, dialog >> text=Delete").count() == 0
    page = tab(site, "vera").open("/people")
    page.wait_for_selector("text=This page is for operators")
    assert "Anna" not in page.content()


def test_the_page_without_anybody(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    page = tab(make_site(SITE)).open("/people")
    page.wait_for_selector("text=Nobody is known")
    assert problems(page) == []
