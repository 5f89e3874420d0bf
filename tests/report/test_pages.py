"""The pages of a dataset's report in Chromium: from disk, by keyboard, on a phone, in the dark, for screen readers."""

import re

import pytest
from playwright.sync_api import expect

from dmlkit.report.dataset import overview
from tests.support.browser import NARROW, chromium, faults, opened, overflow
from tests.support.report_folders import EVIL, build_to_look_at

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
    return overview.write_dataset_report(build_to_look_at(where), where / "pages").out


def wait_for_charts(page):
    """Wait until every chart of a page is drawn."""
    for chart in page.locator(".plot").all():
        expect(page.locator(f"#{chart.get_attribute('id')}[data-drawn] svg.main-svg").first).to_be_attached()


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_from_disk_and_is_accessible(browser, pages, name):
    """Nothing on the console, no request but for files; and wide and light, then narrow and dark, nothing is wider
    than the window, and all is as WCAG 2.2 AA wants it."""
    with opened(browser, pages / name) as page:
        wait_for_charts(page)
        assert page.locator("h1").count() == 1
        assert overflow(page) <= 0
        assert faults(page) == []
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        if name == "index.html":  # charts are drawn again in the colours of the scheme
            expect(page.locator("#by-coarse .point path").first).to_have_css("fill", "rgb(207, 161, 245)")
        assert overflow(page) <= 0
        assert faults(page) == []


def test_class_is_found_by_keyboard(browser, pages):
    with opened(browser, pages / "classes" / "coarse-1.html") as page:
        page.keyboard.press("/")
        page.keyboard.type("alert(1")
        expect(page.locator("#found [role=option] span")).to_have_text(EVIL)
        expect(page.locator("#found-count")).to_have_text("1 class found")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#search")).to_have_attribute("aria-activedescendant", "found-0")
        assert faults(page) == []
        page.keyboard.press("Enter")
        page.wait_for_url("**/classes/fine-0.html")
        expect(page.locator("h1")).to_have_text(EVIL)


def test_class_is_found_by_its_id(browser, pages):
    with opened(browser, pages / "rejected.html") as page:
        page.fill("#search", "n02220001")
        expect(page.locator("#found [role=option] span")).to_have_text("parrot 2")
        page.fill("#search", "zebra")
        expect(page.locator("#found .more")).to_be_visible()
        expect(page.locator("#search")).to_have_attribute("aria-expanded", "true")
        expect(page.locator("#found [role=option]")).to_have_count(0)
        page.keyboard.press("Escape")
        expect(page.locator("#found")).to_be_hidden()


def test_tree_opens_by_keyboard(browser, pages):
    with opened(browser, pages / "classes.html") as page:
        page.click("text=Close all")
        expect(page.locator("#tree details[open]")).to_have_count(0)
        for name in ("mammal", "bear"):
            page.locator("#tree summary", has_text=name).focus()
            page.keyboard.press("Enter")
        expect(page.locator("#tree >> text=bear 1")).to_be_visible()
        page.keyboard.press("Tab")  # the page of the middle class
        page.keyboard.press("Tab")
        expect(page.locator("#tree a:focus")).to_have_text("bear 1")
        page.keyboard.press("Enter")
        page.wait_for_url("**/classes/fine-2.html")
        expect(page.locator(".images button")).to_have_count(6)


def wait_for_rest(page, selector):
    """Wait until elements are drawn the same in ten frames: an animation has ended."""
    page.evaluate(
        """async (selector) => {
            const drawing = () => [...document.querySelectorAll(selector)].map((e) => e.outerHTML).join();
            for (let last = "", same = 0; same < 10; ) {
                await new Promise(requestAnimationFrame);
                same = drawing() === last ? same + 1 : 0;
                last = drawing();
            }
        }""",
        selector,
    )


def test_ring_opens_a_class_and_leads_to_it(browser, pages):
    with opened(browser, pages / "classes.html") as page:
        wait_for_charts(page)
        # A name in a chart is text, no markup.
        expect(page.locator("#sunburst text.slicetext", has_text="Tiny <i>animals</i>")).to_have_count(1)
        sector = page.locator("#sunburst .slice")
        sector.filter(has_text=re.compile("^bird$")).locator("path").click()
        expect(sector.filter(has_text=re.compile("^mammal$"))).to_have_count(0)
        wait_for_rest(page, "#sunburst .slice")
        assert page.url.endswith("classes.html")
        sector.filter(has_text=re.compile("^owl 2$")).locator("path").click()
        page.wait_for_url("**/classes/fine-5.html")


def test_focus_returns_to_last_image(browser, pages):
    with opened(browser, pages / "classes" / "fine-0.html", size=NARROW) as page:
        page.locator(".images button").nth(1).focus()
        page.keyboard.press("Enter")
        title, facts = page.locator("#image h2"), page.locator("#image dl")
        expect(title).to_have_text(re.compile(r"^imagenet-21k/n01110001_\w+$"))
        expect(facts).to_contain_text(EVIL)
        expect(facts).to_contain_text("SHA-256")
        name = title.inner_text()
        assert faults(page) == []
        assert overflow(page) <= 0
        page.keyboard.press("ArrowRight")
        expect(title).not_to_have_text(name)
        page.keyboard.press("Escape")
        expect(page.locator("#image")).to_be_hidden()
        expect(page.locator(".images button").nth(2)).to_be_focused()


def test_thumbnails_show_their_own_image(browser, pages):
    """The window of a small image lies on the right place of its sheet."""
    with opened(browser, pages / "classes" / "fine-0.html") as page:
        boxes = page.evaluate("[...document.querySelectorAll('.images svg svg')].map(s => s.getAttribute('viewBox'))")
        assert len(set(boxes)) == 6
        first = page.locator(".images button").first.screenshot()
        second = page.locator(".images button").nth(1).screenshot()
        assert first != second
