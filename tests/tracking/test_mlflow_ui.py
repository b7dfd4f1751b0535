"""What a person sees in ``mlflow ui``: a real server on loopback, opened in a real headless Chromium."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
import torch

from loss_study.tracking import mirror, store, study, views
from support.ports import free_port
from tracking.test_tracking import DICE, HUBER, make_study, study_in, write_reports

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium; on Debian: apt install chromium"),
    pytest.mark.skipif(
        not shutil.which("chromedriver"), reason="no chromedriver; on Debian: apt install chromium-driver"
    ),
]
CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The page draws a chart when it scrolls into view: this window holds all of them.
    "--window-size=1900,6000",
)
SERVER_SECONDS = 600
PAGE_SECONDS = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory, empty_store):
    """A plain ``mlflow ui`` in the root of a study of two trials: its address, the experiment, and the runs by name."""
    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        config = study_in(root, empty_store, patch)
        mirror.fill_in([DICE, HUBER], config)
        study.gather([DICE, HUBER], config, write_reports(root / "reports"))
        opened = store.connect()
        runs = {run.info.run_name: run.info.run_id for run in opened.client.search_runs([opened.experiment])}
        port = free_port()
        command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        with (root / "server.log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, root / "server.log")
            yield f"http://127.0.0.1:{port}", opened.experiment, runs
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=120)


def wait_for(address, process, log):
    end = time.monotonic() + SERVER_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"mlflow ui did not answer: {log.read_text()}")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in (*CHROMIUM, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def shows(browser, *texts):
    """Wait until the page shows all of `texts`; return everything that it shows."""
    from selenium.webdriver.support.ui import WebDriverWait

    def page(_):
        shown = browser.find_element("tag name", "body").text
        return shown if all(text in shown for text in texts) else False

    return WebDriverWait(browser, PAGE_SECONDS).until(page, f"the page does not show all of {texts}")


def test_the_table_lists_the_runs(server, browser):
    address, experiment, _ = server
    browser.get(f"{address}/#/experiments/{experiment}/runs")
    shows(browser, DICE.name, HUBER.name, "scenes (")


def test_the_saved_view_of_a_head_shows_its_metrics_and_no_other_head(server, browser):
    address, experiment, _ = server
    browser.get(views.address(address, experiment, "mask"))
    shown = shows(browser, "mask: best first", DICE.name, "test/iou", "kept/iou", "0.92", "1 matching run")
    assert HUBER.name not in shown


def test_a_study_links_to_its_trials(server, browser):
    """Its run's description has a link to a view of its trials for each head."""
    address, experiment, runs = server
    (run,) = (run_id for name, run_id in runs.items() if name.startswith("study of"))
    browser.get(f"{address}/#/experiments/{experiment}/runs/{run}")
    shows(browser, "Trials, best first", study.TRIALS.partition(".")[0], "dice, huber")
    (link,) = (link for link in browser.find_elements("tag name", "a") if link.text == "depth")
    browser.get(link.get_attribute("href"))
    shown = shows(browser, "depth: study of scenes", HUBER.name, "test/rmse", "1 matching run")
    assert DICE.name not in shown


def test_a_run_shows_its_parameters_and_its_curves(server, browser):
    address, experiment, runs = server
    page = f"{address}/#/experiments/{experiment}/runs/{runs[DICE.name]}"
    browser.get(page)
    shows(browser, DICE.name, "train_loss", "test/iou", "optimizer", "adamw", "train@mask-dice", "finished")
    browser.get(f"{page}/model-metrics")
    shows(browser, "learning_rate", "validation_iou", "train_loss")


def test_a_runs_panels_are_shown(server, browser):
    from selenium.webdriver.support.ui import WebDriverWait

    address, experiment, runs = server
    browser.get(f"{address}/#/experiments/{experiment}/runs/{runs[DICE.name]}/artifacts/panels.png")
    width = "return Math.max(0, ...[...document.images].map(image => image.naturalWidth))"
    WebDriverWait(browser, PAGE_SECONDS).until(
        lambda _: browser.execute_script(width) == 4 * 128 + 3 * 4, "the page shows no image of the panels' width"
    )


def test_a_server_takes_runs_images_and_models(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = make_study(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server[0])
    monkeypatch.setattr(store, "EXPERIMENT", "of-a-server")
    assert mirror.fill_in([DICE], config).created == [DICE.name]
    assert mirror.fill_in([DICE], config).kept == [DICE.name]
    opened = store.connect()
    (run,) = opened.client.search_runs([opened.experiment])
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
    assert "panels.png" in [file.path for file in opened.client.list_artifacts(run.info.run_id)]
    import mlflow

    loaded = mlflow.pytorch.load_model(f"runs:/{run.info.run_id}/model")
    assert loaded(torch.zeros(1, 6, 32, 32)).shape == (1, 1, 32, 32)
