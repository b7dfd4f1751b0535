"""The report's page in a real browser."""

import shutil

import pytest

from loss_study.report.publish import publish
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
def page(tmp_path_factory):
    """The page of a fabricated study whose images and failures have names made to break out of HTML."""
    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        attack = "<img src=x onerror=document.title='broken'>"
        fabricate(root, repository=REPOSITORY, background="<script>document.title='broken'</script>", reason=attack)
        publish(root / "reports", Study.read().files())
    return (root / "reports" / "index.html").as_uri()


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


def test_opens_without_errors_or_injected_scripts(opened):
    assert opened.title == "Loss Study: scenes"
    assert opened.get_log("browser") == []
    assert "<img src=x onerror" in opened.find_element("css selector", ".failures").text
    assert opened.execute_script("return [...document.images].every(image => image.naturalWidth > 1000)")


def test_shows_the_answer_first(opened):
    assert texts(opened, ".card .number") == ["IoU 0.930", "RMSE 0.0300"]
    assert texts(opened, ".card .name") == ["dice", "rmse"]
    losses = texts(opened, ".ranking tbody th .name")
    assert losses[:7] == ["dice", "weighted_bce", "bce", "rmse", "huber", "l1", "ssim"]


def test_dots_stand_where_their_values_are(opened):
    script = """
        const middle = (element) => { const box = element.getBoundingClientRect(); return box.left + box.width / 2; };
        const table = document.querySelector('.ranking');
        const ticks = Object.fromEntries([...table.querySelectorAll('.ticks span')]
          .map(tick => [tick.textContent, middle(tick)]));
        return {low: ticks['0.8'], high: ticks['0.9'], mean: middle(table.querySelectorAll('.mean')[3])};
    """
    places = opened.execute_script(script)
    # The fourth is rmse with 0.88: eight tenths of the way from 0.8 to 0.9.
    assert places["mean"] == pytest.approx(places["low"] + 0.8 * (places["high"] - places["low"]), abs=1)


@pytest.mark.parametrize("width", [390, 1400])
def test_the_body_never_scrolls_sideways(browser, page, width):
    view(browser, page, width)
    overflow = "const root = document.documentElement; return root.scrollWidth - root.clientWidth"
    assert browser.execute_script(overflow) == 0


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
    table = opened.find_element("css selector", "[aria-label='Metrics of depth '] table")
    heading = table.find_element("xpath", ".//th[normalize-space()='RMSE']")
    orders = []
    for _ in range(2):
        heading.find_element("tag name", "button").click()
        orders.append([cell.text for cell in table.find_elements("css selector", "tbody th .name")])
    best_first = ["rmse", "ssim", "huber", "l1", "bce", "dice", "weighted_bce"]
    assert orders == [best_first, best_first[::-1]]
    assert heading.get_attribute("aria-sort") == "descending"


def test_a_loss_is_brought_forward_in_the_curves(opened):
    button = opened.find_element("css selector", "[data-loss=dice][aria-pressed]")
    opened.execute_script("arguments[0].scrollIntoView(); arguments[0].click()", button)
    forward = opened.execute_script("return [...document.querySelectorAll('.curve.forward')].map(c => c.dataset.loss)")
    # Two heads, two charts, two seeds.
    assert forward == ["dice"] * 8
    assert button.get_attribute("aria-pressed") == "true"
    opened.execute_script("arguments[0].click(); arguments[0].blur()", button)
    assert opened.find_elements("css selector", ".curve.forward") == []


def test_reads_without_scripts(browser, page):
    view(browser, page, scripts=False)
    try:
        assert texts(browser, ".card .number") == ["IoU 0.930", "RMSE 0.0300"]
        curves = browser.find_elements("css selector", ".curve")
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
