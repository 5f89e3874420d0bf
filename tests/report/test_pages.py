"""The pages of a dataset's report in Chromium: from disk, by keyboard, on a phone, in the dark, for screen readers."""

import re

import pytest

from dmlkit.report.dataset import overview
from tests.report.test_dataset import EVIL, build_to_look_at
from tests.support.browser import NARROW, chromium, faults, opened, overflow

PAGES = (
    *("index.html", "classes.html", "rejected.html", "duplicates.html"),
    *("classes/fine-0.html", "classes/middle-0.html"),
)


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    where = tmp_path_factory.mktemp("pages")
    return overview.report(build_to_look_at(where), where / "pages").out


def drawn(page):
    """Wait for the charts of a page."""
    for chart in page.query_selector_all(".plot"):
        page.wait_for_selector(f"#{chart.get_attribute('id')}[data-drawn] svg.main-svg")


BAR = "getComputedStyle(document.querySelector('#by-coarse .point path')).fill"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_from_disk_and_is_for_everyone(browser, pages, name):
    """Nothing on the console, no request but for files; and wide and light, then narrow and dark, nothing is wider
    than the window, and all is as WCAG 2.2 AA wants it."""
    with opened(browser, pages / name) as page:
        drawn(page)
        assert page.locator("h1").count() == 1
        assert overflow(page) <= 0
        assert faults(page) == []
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        if name == "index.html":  # charts are drawn again in the colours of the scheme
            page.wait_for_function(f"{BAR} === 'rgb(207, 161, 245)'")
        assert overflow(page) <= 0
        assert faults(page) == []


def test_a_class_is_found_by_keyboard(browser, pages):
    with opened(browser, pages / "classes" / "coarse-1.html") as page:
        page.keyboard.press("/")
        page.keyboard.type("alert(1")
        page.wait_for_selector("#found [role=option]")
        assert page.text_content("#found [role=option] span") == EVIL
        assert page.text_content("#found-count") == "1 class found"
        page.keyboard.press("ArrowDown")
        assert page.get_attribute("#search", "aria-activedescendant") == "found-0"
        assert faults(page) == []
        page.keyboard.press("Enter")
        page.wait_for_url("**/classes/fine-0.html")
        assert page.text_content("h1") == EVIL


def test_a_class_is_found_by_its_id_and_nothing_is_said_to_be_nothing(browser, pages):
    with opened(browser, pages / "rejected.html") as page:
        page.fill("#search", "n02220001")
        page.wait_for_selector("#found [role=option]")
        assert page.text_content("#found [role=option] span") == "parrot 2"
        page.fill("#search", "zebra")
        page.wait_for_selector("#found .more")
        assert page.get_attribute("#search", "aria-expanded") == "true"
        assert "No class" in page.text_content("#found")
        page.keyboard.press("Escape")
        assert page.is_hidden("#found")


def test_the_tree_opens_by_keyboard_and_leads_to_images(browser, pages):
    with opened(browser, pages / "classes.html") as page:
        page.click("text=Close all")
        assert page.locator("#tree details[open]").count() == 0
        for name in ("mammal", "bear"):
            page.locator("#tree summary", has_text=name).focus()
            page.keyboard.press("Enter")
        assert page.is_visible("#tree >> text=bear 1")
        page.keyboard.press("Tab")  # the page of the middle class
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "bear 1"
        page.keyboard.press("Enter")
        page.wait_for_url("**/classes/fine-2.html")
        assert page.locator(".images button").count() == 6


def test_a_click_on_a_ring_opens_a_class_and_one_on_the_outermost_leads_to_it(browser, pages):
    with opened(browser, pages / "classes.html") as page:
        drawn(page)
        # A name in a chart is text, no markup.
        assert page.locator("#sunburst text.slicetext", has_text="Tiny <i>animals</i>").count() == 1
        sector = page.locator("#sunburst .slice")
        sector.filter(has_text=re.compile("^bird$")).locator("path").click()
        page.wait_for_function("document.querySelectorAll('#sunburst .slice').length < 9")
        assert page.url.endswith("classes.html")
        page.wait_for_timeout(1000)  # milliseconds; the rings turn until then
        sector.filter(has_text=re.compile("^owl 2$")).locator("path").click()
        page.wait_for_url("**/classes/fine-5.html")


def test_a_image_is_shown_larger_with_its_facts_and_the_focus_comes_back(browser, pages):
    with opened(browser, pages / "classes" / "fine-0.html", size=NARROW) as page:
        page.locator(".images button").nth(1).focus()
        page.keyboard.press("Enter")
        name = page.text_content("#image h2")
        assert re.fullmatch(r"imagenet-21k/n01110001_\w+", name)
        facts = page.text_content("#image dl")
        assert EVIL in facts
        assert "SHA-256" in facts
        assert faults(page) == []
        assert overflow(page) <= 0
        page.keyboard.press("ArrowRight")
        assert page.text_content("#image h2") != name
        page.keyboard.press("Escape")
        assert page.is_hidden("#image")
        assert page.evaluate("document.activeElement.dataset.show") == "2"


def test_the_small_images_show_what_their_names_say(browser, pages):
    """The window of a small image lies on the right place of its sheet."""
    with opened(browser, pages / "classes" / "fine-0.html") as page:
        boxes = page.evaluate("[...document.querySelectorAll('.images svg svg')].map(s => s.getAttribute('viewBox'))")
        assert len(set(boxes)) == 6
        first = page.locator(".images button").first.screenshot()
        second = page.locator(".images button").nth(1).screenshot()
        assert first != second
