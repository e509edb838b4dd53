"""The page as a person has it before them: in a real browser, opened from disk."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page

from benchmarks.synthetic_results import write_results
from deblurbench.report.page import write_report
from deblurbench.report.reading import read_results
from tests.browser import open_page

DESKTOP, TABLET, PHONE = {"width": 1400, "height": 900}, {"width": 768, "height": 1024}, {"width": 390, "height": 844}
GAINS = {"cnn": 2.0, "gan": 1.2, "bridge": 2.4, "unsharp": -0.5}


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_results(
        tmp_path_factory.mktemp("page") / "many", datasets=["photos", "faces"], gains=GAINS, images=24, size=(180, 260)
    )
    return write_report(read_results([folder]), folder).page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests."""
    with open_page() as (page, _, _):
        assert page.context.browser is not None
        yield page.context.browser


@contextmanager
def opened(browser: Browser, path: Path, viewport: Any = DESKTOP, **options: Any) -> Iterator[Page]:
    """The page, which neither complains nor asks a network for anything."""
    page = browser.new_context(viewport=viewport, **options).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else complaints.append(request.url))
    page.goto(path.as_uri())
    yield page
    page.context.close()
    assert complaints == []


@pytest.mark.parametrize(("viewport", "highest"), [(DESKTOP, 500), (PHONE, 500)], ids=["desktop", "phone"])
def test_the_headline_and_a_picture_are_seen_without_scrolling(
    browser: Browser, page_file: Path, viewport: dict[str, int], highest: int
) -> None:
    with opened(browser, page_file, viewport) as page:
        headline, slider, numbers = (
            page.locator(selector).first.bounding_box() for selector in (".headlines p", ".compare", ".answer p")
        )
        assert headline is not None
        assert slider is not None
        assert numbers is not None
        assert headline["y"] + headline["height"] < slider["y"] < highest
        assert numbers["y"] >= slider["y"]
        sizes = [
            page.locator(selector).first.evaluate("element => parseFloat(getComputedStyle(element).fontSize)")
            for selector in (".headlines p", ".answer p")
        ]
        assert sizes[0] > 1.25 * sizes[1]


def test_it_opens_from_disk_without_a_complaint_or_a_request(browser: Browser, page_file: Path, finished: Path) -> None:
    for path in (page_file, finished / "report.html"):
        with opened(browser, path) as page:
            for summary in page.locator("summary").all():
                summary.click()
            assert page.locator("svg image").count() > 5


def names_in_order(page: Page) -> list[str]:
    return page.locator("table.scores").first.locator("tbody th").all_inner_texts()


def test_clicking_a_heading_sorts_by_numbers_and_keys_do_too(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        assert names_in_order(page) == ["bridge", "cnn", "gan", "blurred", "unsharp"]
        heading = page.locator("table.scores").first.get_by_role("columnheader", name="training time")
        heading.get_by_role("button").click()
        assert names_in_order(page) == ["cnn", "gan", "bridge", "unsharp", "blurred"]  # 1 to 4 minutes as numbers, none last
        assert heading.get_attribute("aria-sort") == "ascending"
        heading.get_by_role("button").focus()
        page.keyboard.press("Enter")
        assert names_in_order(page) == ["unsharp", "bridge", "gan", "cnn", "blurred"]
        assert heading.get_attribute("aria-sort") == "descending"
        page.get_by_label("all scores and costs").first.check()
        for metric, best in (("PSNR (dB)", "bridge"), ("GMSD", "bridge"), ("fine detail (dB)", "bridge")):
            page.locator("table.scores").first.get_by_role("button", name=metric, exact=True).click()
            assert names_in_order(page)[0] == best, "the first click shows the best first"
        page.locator("table.scores").first.get_by_role("button", name="model", exact=True).click()
        assert names_in_order(page) == sorted(names_in_order(page))


def shown(page: Page) -> np.ndarray:
    """What the slider shows, without its handle."""
    png = page.locator(".compare").first.screenshot()
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), np.float64)


def test_the_slider_moves_by_mouse_and_keys_and_shows_both_pictures(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        compare = page.locator(".compare").first
        compare.scroll_into_view_if_needed()
        box = compare.bounding_box()
        assert box is not None
        middle = shown(page)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=4)
        page.mouse.up()
        position = float(compare.evaluate("element => parseFloat(element.style.getPropertyValue('--at'))"))
        assert 80 < position < 97
        right = shown(page)
        columns = slice(int(0.62 * middle.shape[1]), int(0.8 * middle.shape[1]))
        assert np.abs(middle[:, columns] - right[:, columns]).mean() > 1  # restored there before, now blurred
        compare.locator("input").focus()
        page.keyboard.press("ArrowRight")
        assert float(compare.evaluate("element => parseFloat(element.style.getPropertyValue('--at'))")) > position
        before = shown(page)
        page.locator("select.left").first.select_option(label="sharp")
        assert np.abs(before - shown(page)).mean() > 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_is_readable_light_and_dark_on_a_desk_and_on_a_phone(
    browser: Browser, page_file: Path, scheme: str, viewport: dict[str, int]
) -> None:
    with opened(browser, page_file, viewport, color_scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "only tables may scroll sideways"
        picture = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"), np.float64)
        assert (np.median(picture) < 60) == (scheme == "dark")
        for selector in (".headlines p", ".answer p", "figure svg text", "table.scores td", "figcaption"):
            assert contrast(page, selector) > 4.5, f"{selector} cannot be read"


def contrast(page: Page, selector: str) -> float:
    """WCAG's contrast of an element's text to the page."""

    def luminance(color: str) -> float:
        parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    what = "fill" if "svg" in selector else "color"
    text = page.locator(selector).first.evaluate(f"element => getComputedStyle(element).{what}")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light, dark = sorted((luminance(text), luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_part_is_reached_by_keys_alone(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        reached = set()
        for _ in range(140):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.tagName + '.' + document.activeElement.className"))
        assert {"A.", "BUTTON.", "SELECT.left", "SELECT.right", "INPUT.", "SUMMARY.", "DIV.wide"} <= reached


def test_it_prints_with_its_pictures(browser: Browser, page_file: Path, tmp_path: Path) -> None:
    with opened(browser, page_file) as page:
        page.set_viewport_size({"width": 1046, "height": 718})  # A4 on its side less its margins, at 96 dots an inch
        page.emulate_media(media="print")
        for table in page.locator("table.scores").all():
            assert table.evaluate("table => table.getBoundingClientRect().right") <= 1046, "columns are cut off on paper"
        assert page.locator("select.right").first.is_visible(), "paper says what stands on either side"
        assert page.locator(".compare .line").first.is_visible()
        page.pdf(path=tmp_path / "report.pdf", format="A4", print_background=True)
        assert (tmp_path / "report.pdf").stat().st_size > 50_000
        assert page.locator("details.pictures[open]").count() == 4


def test_figures_hold_words_and_numbers_and_no_formulas(browser: Browser, page_file: Path, finished: Path) -> None:
    for path in (page_file, finished / "report.html"):
        with opened(browser, path) as page:
            texts = page.locator("figure svg text").all_text_contents()
            assert len(texts) > 40
            assert not [text for text in texts if "$" in text or "\\" in text]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_all_is_accessible(browser: Browser, page_file: Path, scheme: str) -> None:
    with opened(browser, page_file, PHONE, color_scheme=scheme) as page:
        for switch in page.locator(".all-columns").all():
            switch.check()
        for summary in page.locator("summary").all():
            summary.click()
        for viewport in (PHONE, TABLET, DESKTOP):
            page.set_viewport_size(viewport)
            assert page.evaluate("document.scrollingElement.scrollWidth") == viewport["width"]
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.set_viewport_size(PHONE)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_the_core_of_the_table_fits_and_the_rest_is_behind_a_switch(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        wide = page.locator(".wide:has(table.scores)").first
        headings = page.locator("table.scores").first.locator("thead th")
        shown = [one.locator("button").inner_text() for one in headings.all() if one.is_visible()]
        assert [text.split(" ")[0] for text in shown] == [
            "model", "PSNR", "gain", "SSIM", "GMSD", "parameters", "training", "ms"
        ]  # fmt: skip
        assert wide.evaluate("one => one.scrollWidth <= one.clientWidth")
        assert "scrolls" not in (wide.get_attribute("class") or "")
        page.locator(".all-columns").first.focus()
        page.keyboard.press("Space")
        assert all(one.is_visible() for one in headings.all())
        page.set_viewport_size(PHONE)
        page.locator("section:first-of-type .wide.scrolls.goes-on:has(table.scores)").wait_for()
        cue = "one => getComputedStyle(one, '::before').content"
        assert "scroll sideways" in wide.evaluate(cue)
        wide.evaluate("one => one.scrollTo(one.scrollWidth, 0)")
        page.locator("section:first-of-type .wide.scrolls:not(.goes-on):has(table.scores)").wait_for()


def test_every_heading_explains_itself_to_mouse_keys_and_fingers(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, PHONE, has_touch=True) as page:
        tip = page.get_by_role("tooltip")
        buttons = page.locator("table.scores").first.locator("thead th:not(.extra) button")
        for button in buttons.all():
            button.focus()
            text = tip.inner_text()
            assert text.endswith("."), text
            assert button.evaluate("one => document.getElementById(one.getAttribute('aria-describedby')).textContent") == text
            box = tip.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= PHONE["width"]
            page.keyboard.press("Escape")
            assert not tip.is_visible()
        psnr = page.get_by_role("button", name="PSNR (dB)").first
        for begin in (psnr.hover, psnr.tap):
            begin()
            assert "Higher is better." in tip.inner_text()
            page.keyboard.press("Escape")
        psnr.blur()
        page.mouse.move(5, 5)
        psnr.hover()
        box = tip.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2, steps=8)
        assert tip.is_visible(), "whoever reads may go there with the mouse"
        page.mouse.move(5, 5)
        assert not tip.is_visible()
        assert psnr.inner_text().endswith("↑")
        assert page.get_by_role("button", name="GMSD").first.inner_text().endswith("↓")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_pictures_and_the_text_of_plots_are_large_enough(browser: Browser, page_file: Path, viewport: dict[str, int]) -> None:
    with opened(browser, page_file, viewport) as page:
        section = page.locator("section").first
        close_ups = section.locator(".close-ups").first.locator("svg")
        names = section.locator(".close-ups").first.locator("figcaption").all_inner_texts()
        assert [name.split(":")[0] for name in names] == ["blurred", "sharp", "bridge", "cnn", "gan", "unsharp"]
        assert len({view.get_attribute("viewBox") for view in close_ups.all()}) == 1  # the same place of each
        for view in close_ups.all():
            box = view.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 200
        tops = {round(view.evaluate("one => one.getBoundingClientRect().top")) for view in close_ups.all()}
        assert len(tops) == 1, "beside each other"
        sizes = page.evaluate(
            """[...document.querySelectorAll('.panel svg text')].map((text) => {
              const svg = text.ownerSVGElement;
              return parseFloat(getComputedStyle(text).fontSize) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
            })"""
        )
        assert len(sizes) > 20
        assert min(sizes) >= 10
