"""The report's page in a real browser."""

import importlib.util
import shutil
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from loss_study import losses
from loss_study.report.publish import publish
from loss_study.statistics.sentences import at_most, caveats, decision
from support import fabricated_study
from support.fabricated_study import REPOSITORY, Study, fabricate

CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver (Debian: chromium-driver)"
    ),
]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A fabricated study whose images and failures have names made to break out of HTML, and the folder of its page."""
    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        attack = "<img src=x onerror=document.title='broken'>"
        fabricate(root, repository=REPOSITORY, background="<script>document.title='broken'</script>", reason=attack)
        study = Study.read()
        publish(root / "reports", study.files())
    return study, root / "reports"


@pytest.fixture(scope="module")
def page(published):
    return (published[1] / "index.html").as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(CHROMEDRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, page):
    view(browser, page)
    return browser


def view(browser, page, width=1400, scheme="light", scripts=True):
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    media = {"features": [{"name": name, "value": value} for name, value in features.items()]}
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
    browser.get(page)


def texts(browser, selector):
    return [element.text for element in browser.find_elements("css selector", selector)]


def unfold(browser):
    browser.execute_script("for (const part of document.querySelectorAll('details')) part.open = true")


def test_opens_without_errors_or_injected_scripts(opened):
    assert opened.title == "Loss Study: scenes"
    unfold(opened)
    assert opened.get_log("browser") == []
    assert "<img src=x onerror" in opened.find_element("css selector", "[aria-label='Every trial']").text
    assert opened.execute_script("return [...document.images].every(image => image.naturalWidth > 1000)")


def test_the_first_screen_has_the_answer(opened, published):
    assert texts(opened, ".verdict") == ["Use dice for the time being.", "Use rmse for the time being."]
    bottom = "return document.querySelector('#answer').getBoundingClientRect().bottom"
    assert opened.execute_script(bottom) <= 900
    first = opened.find_element("css selector", "#answer").text
    mask, depth = (published[0].ranking(head) for head in ("mask", "depth"))
    for words in (
        decision(mask).partition(". ")[2],
        decision(depth).partition(". ")[2],
        *caveats(mask),
        "6 training images, 2 test images of 2 objects before 1 background.",
        "Metrics are computed at 32 x 32 pixels.",
        "27 trainings, 5 minutes of training time in total.",
        "2 of 28 trials failed: 1 collapsed, 1 diverged. 1 of 28 trials has no result.",
        f"Mask: with a margin of {at_most(mask.metric, mask.regret_bound)} IoU or more",
        "All trained at the learning rate 0.01",
    ):
        assert words in first


def test_the_second_screen_has_the_images(opened):
    tops = "return [...document.querySelectorAll('img')].map(i => i.getBoundingClientRect().top).filter(top => top > 0)"
    first, second = opened.execute_script(tops)[:2]
    assert first + 60 > 900 and second < 1800


def test_regrets_stand_on_the_axis_of_their_chart(opened, published):
    script = """
        const chart = document.querySelector('.rows');
        const middle = (element) => { const box = element.getBoundingClientRect(); return box.left + box.width / 2; };
        const ticks = [...chart.querySelectorAll('.tick')].map(tick => [tick.textContent, middle(tick)]);
        const ends = chart.querySelector('[data-loss=l1] .interval').getBoundingClientRect();
        const mark = middle(chart.querySelector('[data-loss=l1] .mark'));
        const margin = middle(chart.querySelector('line.margin'));
        return {...Object.fromEntries(ticks), end: ends.right, mark, margin};
    """
    at = opened.execute_script(script)
    unit = (at["0.1"] - at["0"]) / 0.1
    high = next(row.regret_high for row in published[0].ranking("mask").standings if row.loss == "l1")
    # l1 has IoU 0.80, 0.13 below dice.
    assert at["mark"] == pytest.approx(at["0"] + 0.13 * unit, abs=1)
    assert at["margin"] == pytest.approx(at["0"] + 0.02 * unit, abs=1)
    assert at["end"] == pytest.approx(at["0"] + high * unit, abs=2)


@pytest.mark.parametrize("width", [390, 1400])
def test_the_body_never_scrolls_sideways(browser, page, width):
    view(browser, page, width)
    overflow = "const root = document.documentElement; return root.scrollWidth - root.clientWidth"
    assert browser.execute_script(overflow) == 0
    unfold(browser)
    assert browser.execute_script(overflow) == 0


def overlaps(browser):
    """The texts of a chart that lie on each other."""
    unfold(browser)
    script = """
        const overlaps = [];
        for (const chart of document.querySelectorAll('figure.chart > svg')) {
          const place = (text) => [text.textContent, text.getBoundingClientRect()];
          const boxes = [...chart.querySelectorAll('text')].map(place);
          boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
            const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
            const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
            if (wide > 1 && high > 4) overlaps.push(`${chart.ariaLabel}: ${a} / ${b}`);
          }));
        }
        return overlaps;
    """
    return browser.execute_script(script)


def test_texts_of_a_chart_do_not_overlap(opened):
    assert overlaps(opened) == []


def test_every_loss_there_is_can_be_read_on_one_page(browser, tmp_path, monkeypatch):
    names = losses.names()
    for number, name in enumerate(names):
        monkeypatch.setitem(fabricated_study.IOU, name, 0.6 + 0.012 * number)
        monkeypatch.setitem(fabricated_study.RMSE, name, 0.03 + 0.004 * number)
    monkeypatch.chdir(tmp_path)
    fabricate(tmp_path, repository=REPOSITORY, losses=names)
    publish(tmp_path / "reports", Study.read().files())
    page = (tmp_path / "reports/index.html").as_uri()
    for width, scheme in ((1400, "dark"), (390, "light")):
        view(browser, page, width, scheme)
        assert overlaps(browser) == []
        sideways = "const root = document.documentElement; return root.scrollWidth - root.clientWidth"
        assert browser.execute_script(sideways) == 0
    # The width of a prediction on a wide screen, in pixels: at least half of its own.
    view(browser, page)
    shown = "const i = document.querySelector('#images img'); return i.clientWidth / i.naturalWidth"
    assert browser.execute_script(shown) > 0.5


def test_curves_are_labelled_at_the_line(opened):
    unfold(opened)
    script = """
        return [...document.querySelectorAll('#curves figure')].map(figure => ({
          lines: [...new Set([...figure.querySelectorAll('.curve')].map(curve => curve.dataset.loss))].sort(),
          labels: [...figure.querySelectorAll('.end text')].map(text => text.textContent).sort(),
        }));
    """
    charts = opened.execute_script(script)
    assert len(charts) == 4
    assert all(chart["lines"] == chart["labels"] and len(chart["labels"]) == 7 for chart in charts)


def test_a_link_opens_its_chapter(opened):
    closed = "return [...document.querySelectorAll('details')].every(part => !part.open)"
    assert opened.execute_script(closed)
    opened.find_element("link text", "Curves").click()
    assert opened.find_element("css selector", "#curves .charts").is_displayed()
    opened.execute_script("document.querySelector('#curves').open = false")
    opened.find_element("link text", "Curves").click()
    assert opened.find_element("css selector", "#curves .charts").is_displayed()
    opened.find_element("css selector", "a.failure").click()
    assert opened.find_element("css selector", "#trials").is_displayed()


def test_an_address_opens_its_chapter(browser, page):
    browser.get("about:blank")
    view(browser, f"{page}#trials")
    assert browser.find_element("css selector", "#trials").is_displayed()


def test_everything_is_printed_and_folded_again(opened):
    opened.execute_script(
        "addEventListener('beforeprint', () => {"
        " window.printed = document.querySelectorAll('details:not([open])').length })"
    )
    opened.execute_cdp_cmd("Page.printToPDF", {})
    assert opened.execute_script("return window.printed") == 0
    assert opened.find_elements("css selector", "details[open]") == []


def test_a_chart_is_saved_as_a_file_of_its_own(opened, tmp_path):
    opened.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    opened.find_element("css selector", "#answer .save").click()
    deadline = time.monotonic() + 120
    while not (found := list(tmp_path.glob("*.svg"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    svg = ElementTree.fromstring(found[0].read_text())
    assert found[0].name == "how-much-worse-than-the-best-iou-at-the-threshold-chosen-on-validation.svg"
    written = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert written[0] == "How much worse than the best: IoU at the threshold chosen on validation" and "dice" in written
    chosen = next(svg.iter("{http://www.w3.org/2000/svg}circle"))
    assert "rgb(31, 95, 168)" in chosen.get("style")


def test_dark_follows_the_system(browser, page):
    colours = set()
    for scheme in ("light", "dark"):
        view(browser, page, scheme=scheme)
        colours.add(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert colours == {"rgb(251, 251, 250)", "rgb(20, 22, 26)"}


def test_prints_light(browser, page):
    view(browser, page, scheme="dark")
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    try:
        assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(251, 251, 250)"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_click_on_a_heading_sorts_best_first_then_worst(opened):
    unfold(opened)
    table = opened.find_element("css selector", "[aria-label='Metrics of depth '] table")
    heading = table.find_element("xpath", ".//th[normalize-space()='RMSE (coded depth, of the depth range)']")
    orders = []
    for _ in range(2):
        heading.find_element("tag name", "button").click()
        orders.append([cell.text for cell in table.find_elements("css selector", "tbody th .name")])
    best_first = ["rmse", "ssim", "huber", "l1", "bce", "dice", "weighted_bce"]
    assert orders == [best_first, best_first[::-1]]
    assert heading.get_attribute("aria-sort") == "descending"


def test_a_loss_is_brought_forward_in_the_curves(opened):
    button = opened.find_element("css selector", "#curves [data-loss=dice][aria-pressed]")
    unfold(opened)
    opened.execute_script("arguments[0].scrollIntoView(); arguments[0].click()", button)
    forward = opened.execute_script(
        "return [...document.querySelectorAll('#curves .curve.forward')].map(c => c.dataset.loss)"
    )
    # Two heads, two charts, two seeds.
    assert forward == ["dice"] * 8
    assert button.get_attribute("aria-pressed") == "true"
    opened.execute_script("arguments[0].click(); arguments[0].blur()", button)
    assert opened.find_elements("css selector", ".curve.forward") == []


def test_reads_without_scripts(browser, page):
    view(browser, page, scripts=False)
    try:
        assert texts(browser, ".verdict") == ["Use dice for the time being.", "Use rmse for the time being."]
        browser.find_element("css selector", "#curves summary").click()
        curves = browser.find_elements("css selector", "#curves .curve")
        assert len(curves) == 2 * 27
        assert curves[0].size["width"] > 100
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_everything_has_a_name_for_a_screen_reader(opened):
    script = """
        const named = (element) => element.ariaLabel || element.alt || element.textContent.trim();
        return [...document.querySelectorAll('img, button, a, th, svg, [role=region]')].filter(e => !named(e)).length;
    """
    assert opened.execute_script(script) == 0


AXE = importlib.util.find_spec("axe_playwright_python")


@pytest.mark.skipif(AXE is None, reason="needs axe_playwright_python")
@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
def test_axe_finds_nothing(browser, page, width, scheme):
    view(browser, page, width, scheme)
    unfold(browser)
    browser.execute_script((Path(AXE.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8"))
    found = browser.execute_async_script(
        "const done = arguments[0]; axe.run({resultTypes: ['violations']}).then(({violations}) => done(violations.map("
        "one => [one.id, one.nodes.length, one.nodes[0].html.slice(0, 200)])))"
    )
    assert found == []
