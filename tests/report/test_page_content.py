"""What is on the page."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from loss_study import losses
from support.fabricated_study import Study


def test_one_head_without_backgrounds(study):
    values = Path("params.yaml").read_text().replace("  - depth\n", "").replace("  - mask\n  - depth", "  - mask")
    Path("params.yaml").write_text(values)
    meta = json.loads(Path("data/sample/sample.json").read_text())
    meta |= {"heads": ["mask"], "backgrounds": 0, "statistics": {"mask_mean": 0.14}}
    Path("data/sample/sample.json").write_text(json.dumps(meta))
    import pandas as pd

    index = pd.read_csv("data/sample/index.csv").assign(background_row=-1, background="")
    index.to_csv("data/sample/index.csv", index=False)
    files = Study.read().files()
    html = files["index.html"].decode()
    assert "Which loss trains the best mask?" in html and "parent network" not in html
    assert "depth" not in json.loads(files["metrics.json"])
    assert {"panels/mask-0.png", "panels/mask-1.png"} == {name for name in files if name.startswith("panels/")}


def test_losses_that_continue_have_another_question(study):
    values = Path("params.yaml").read_text()
    Path("params.yaml").write_text(re.sub(r"(parent:\n +loss: bce\n +epochs:) 0", r"\1 5", values))
    html = Study.read().files()["index.html"].decode()
    assert "Which loss finishes a training with the best mask and the best depth?" in html
    assert "from one parent network for each head, trained for 5 epochs with bce, every loss continues for" in html
    assert "Finish with " in html and "Use " not in html.split('id="estimand"')[0].split("<h1>")[1]


class Cells(HTMLParser):
    """Collects {(head, loss, metric): value} from the tables of all metrics."""

    def __init__(self, html):
        super().__init__()
        self.values, self.head, self.loss = {}, "", ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if attributes.get("aria-label", "").startswith("Metrics of "):
            self.head = attributes["aria-label"].split()[2]
        if tag == "tr":
            self.loss = attributes.get("class", "").removeprefix("loss-")
        if "data-metric" in attributes and attributes["data-value"]:
            self.values[self.head, self.loss, attributes["data-metric"]] = float(attributes["data-value"])


class Words(HTMLParser):
    """Counts the words that are seen while everything is folded."""

    def __init__(self, html):
        super().__init__()
        self.count, self.hidden, self.summary = 0, 0, 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in ("details", "script", "style", "title")
        self.summary += tag == "summary"

    def handle_endtag(self, tag):
        self.hidden -= tag in ("details", "script", "style", "title")
        self.summary -= tag == "summary"

    def handle_data(self, data):
        if self.hidden == (1 if self.summary else 0):
            self.count += len(data.split())


def test_page_and_csv_agree(study, tmp_path):
    files = study.files()
    table = tmp_path / "compare.csv"
    table.write_bytes(files["compare.csv"])
    import pandas as pd

    frame = pd.read_csv(table)
    sound = frame[(frame.status == "finished") & frame.verdict.isna()]
    metrics = list(frame.columns[7:])
    means = sound.groupby(["head", "loss"])[metrics].mean().stack().dropna()
    assert len(means) == 7 * (8 + 10)
    assert Cells(files["index.html"].decode()).values == pytest.approx(means.to_dict())


def test_the_variance_of_a_difference_is_that_of_the_design(study):
    of_seeds, of_folds = "between the seeds of either loss", "of the differences of their seeds, which share folds,"
    page = study.page()
    assert of_seeds in page and of_folds not in page
    sample = study.config.sample.model_copy(update={"folds": 5})
    page = replace(study, config=study.config.model_copy(update={"sample": sample})).page()
    assert of_folds in page and of_seeds not in page


OF_PAIRS = "it may exclude a loss whose interval here includes 0"


def test_an_interval_of_a_pair_is_told_apart_from_the_decision(study):
    assert OF_PAIRS in study.page()


def test_where_networks_are_compared_there_is_no_decision_to_tell_apart(one_seed):
    assert OF_PAIRS not in one_seed(["dice", "bce"]).page()


def test_unfolded_the_page_has_few_words(study):
    assert Words(study.page()).count < 1000
    folded = re.sub(r"<details[^>]*>", "<div>", study.page()).replace("</details>", "</div>")
    assert Words(folded).count > 1500


def test_page_names_failures_and_has_the_notes_of_the_losses(study):
    html = study.files()["index.html"].decode()
    for text in ("mask-ssim-1", "collapsed: all background", "depth-huber-1", "depth-bce-0", "Depth is fabricated."):
        assert text in html
    assert losses.with_a_file("dice").notes["depth"].split(":")[0] in html


def test_page_is_self_contained_and_repeatable(study):
    html = study.files()["index.html"]
    assert html == Study.read().files()["index.html"]
    assert not re.search(rb"src=\"(?!data:)|url\(|@import", html)
    links = set(re.findall(rb'href="([^#"][^"]*)"', html))
    files = {b"answer.csv", b"rounds.csv", b"compare.csv", b"pairs.csv", b"curves.csv"}
    assert links == files | {b"http://127.0.0.1:5000"}
    assert files <= {name.encode() for name in study.files()}
    # The other address is the name of the language that a saved chart is written in.
    assert set(re.findall(rb"https?://[^\"<]+", html)) == {b"http://127.0.0.1:5000", b"http://www.w3.org/2000/svg"}
