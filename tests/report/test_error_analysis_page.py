"""The error analysis in a real browser."""

import pytest

from loss_study.report.publish import publish
from report import test_page as front
from support.fabricated_study import REPOSITORY, Study, fabricate
from support.taken_apart import take_apart

pytestmark = front.pytestmark
browser = front.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        fabricate(root, repository=REPOSITORY)
        take_apart(root)
        publish(root / "reports", Study.read().files())
    return (root / "reports" / "index.html").as_uri()


@pytest.fixture
def opened(browser, page):
    front.view(browser, page)
    return browser


@pytest.mark.parametrize("width", [390, 1400])
def test_the_body_does_not_scroll_sideways_with_everything_unfolded(browser, page, width):
    front.view(browser, page, width)
    browser.execute_script("for (const part of document.querySelectorAll('details')) part.open = true")
    overflow = "const root = document.documentElement; return root.scrollWidth - root.clientWidth"
    assert browser.execute_script(overflow) == 0
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_loss_is_brought_forward_in_its_own_section(opened):
    button = opened.find_element("css selector", "#gradients [data-loss=dice][aria-pressed]")
    opened.execute_script("arguments[0].scrollIntoView(); arguments[0].click()", button)
    forward = (
        "return [...document.querySelectorAll('.curve.forward')].map(c => c.closest('.chapter').id + c.dataset.loss)"
    )
    # Two heads, two pixels, two states of the rest of the picture.
    assert opened.execute_script(forward) == ["gradientsdice"] * 8
    assert button.get_attribute("aria-pressed") == "true"
    assert opened.find_elements("css selector", "#curves [aria-pressed=true]") == []


def test_tables_sort(opened):
    table = opened.find_element("css selector", "[aria-label='Gradients, mask'] table")
    opened.execute_script("document.querySelector('#gradients').open = true")
    heading = table.find_element("xpath", ".//th[normalize-space()='Foreground, start']//button")
    opened.execute_script("arguments[0].click()", heading)
    first = table.find_element("css selector", "tbody th .name").text
    assert first == "bce"


def test_images_are_there_when_unfolded(opened):
    opened.execute_script("for (const part of document.querySelectorAll('#errors details')) part.open = true")
    drawn = "return [...document.querySelectorAll('#errors img')].map(image => image.naturalWidth)"
    widths = opened.execute_script(drawn)
    assert len(widths) == 4 and min(widths) > 500
