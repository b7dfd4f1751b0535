import csv
import io
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from rich.console import Console

from loss_study import losses
from loss_study.config import load_config
from loss_study.data.packed import PackedSample
from loss_study.metrics import find
from loss_study.metrics.groups import groups
from loss_study.report import charts, palette, panels, provenance, terminal
from loss_study.report.answer import answer
from loss_study.report.build import build
from loss_study.report.publish import publish
from loss_study.runtime.errors import StudyError
from loss_study.statistics import results
from loss_study.statistics.compare import compare_all
from loss_study.statistics.ranking import rank
from loss_study.statistics.tables import headlines
from support.fabricated_study import COLLAPSED, DIVERGED, IOU, MISSING, PANEL, RMSE, fabricate

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Seven losses, two heads, two seeds; one trial collapsed, one diverged, one missing."""
    monkeypatch.chdir(tmp_path)
    fabricate(tmp_path, repository=REPOSITORY)
    return Read()


class Read:
    """What `compare` reads in the current folder, and what it writes."""

    def __init__(self):
        self.parameters = load_config()
        self.results = results.read(self.parameters)
        self.rankings = {head: rank(head, self.results) for head in self.parameters.loss.heads}
        self.comparisons = compare_all(self.results)
        self.sample = PackedSample.open(Path("data/sample"))

    def files(self):
        return build(self.parameters, self.results, list(self.rankings.values()), self.comparisons, self.sample)

    def answer(self, head):
        return answer(self.rankings[head], headlines(self.comparisons).get(head))

    def result(self, head, loss, seed):
        return next(r for r in self.results if (r.trial.head, r.trial.loss, r.trial.seed) == (head, loss, seed))


def one_seed(tmp_path, monkeypatch, chosen, **options):
    monkeypatch.chdir(tmp_path)
    fabricate(tmp_path, repository=REPOSITORY, losses=chosen, seeds=[0], **options)
    return Read()


def order(ranking):
    return [standing.loss for standing in ranking.standings]


# Reading


def test_outcomes_are_named(study):
    assert study.result(*COLLAPSED).failure == "collapsed: all background"
    assert study.result(*DIVERGED).failure == "diverged: the loss became nan in epoch 3"
    assert study.result(*MISSING).failure == "missing: not trained, runs/depth-bce-0/trial.json is not there"
    failed = {(r.trial.head, r.trial.loss, r.trial.seed) for r in study.results if not r.sound}
    assert failed == {COLLAPSED, DIVERGED, MISSING}


def test_trained_but_not_evaluated_is_missing(study):
    Path("eval/mask-l1-0/metrics.json").unlink()
    assert Read().result("mask", "l1", 0).failure == "missing: not evaluated, eval/mask-l1-0/metrics.json is not there"


def test_a_removed_loss_does_not_haunt_the_report(study):
    values = Path("params.yaml").read_text().replace("  - dice\n", "")
    Path("params.yaml").write_text(values)
    assert Path("eval/mask-dice-0").is_dir()
    assert "dice" not in order(Read().rankings["mask"])


def test_nothing_evaluated_says_what_to_do(study):
    for path in Path("eval").glob("*/metrics.json"):
        path.unlink()
    with pytest.raises(StudyError, match=r"none of the trials.*run 'dvc repro'"):
        Read()


def test_a_damaged_file_is_named(study):
    Path("eval/mask-l1-0/metrics.json").write_text("{")
    with pytest.raises(StudyError, match=re.escape("eval/mask-l1-0/metrics.json: damaged")):
        Read()


def test_an_undefined_headline_is_a_failure(study):
    path = Path("eval/mask-dice-0/metrics.json")
    metrics = json.loads(path.read_text())
    metrics["test"]["iou"] = math.nan
    path.write_text(json.dumps(metrics))
    assert Read().result("mask", "dice", 0).failure == "no iou on the test split"


# Ranking and answer


def test_order_puts_losses_with_failed_trials_last(study):
    # ssim has the best mask of all at its one sound seed, but collapsed at the other.
    assert order(study.rankings["mask"]) == ["dice", "weighted_bce", "bce", "rmse", "huber", "l1", "ssim"]
    assert order(study.rankings["depth"]) == ["rmse", "ssim", "l1", "dice", "weighted_bce", "huber", "bce"]


def test_means_leave_failed_trials_out(study):
    values = {s.loss: s.value for ranking in study.rankings.values() for s in ranking.standings if s.failed}
    assert values == {"ssim": pytest.approx(0.95), "huber": pytest.approx(0.035), "bce": pytest.approx(0.06)}
    best = study.rankings["mask"].best
    assert best.means["dice"] == pytest.approx((2 * 0.92 / 1.92 + 2 * 0.94 / 1.94) / 2)
    assert best.seconds == 11


def test_answer_names_the_best_and_what_cannot_be_told_apart(study):
    winner, conclusion, resampled = study.answer("mask")
    assert winner == "On these pictures dice trains the best mask: IoU 0.930; weighted_bce is next with 0.910."
    # Six losses and two seeds, of two clusters each: fifteen tests of hardly any evidence.
    assert conclusion.startswith("dice, weighted_bce, bce, rmse, huber and l1 are indistinguishable on IoU: no")
    assert resampled.startswith("2 seeds a loss and the 2 test images were resampled.")


def test_answer_with_one_seed_claims_no_precision(tmp_path, monkeypatch):
    read = one_seed(tmp_path, monkeypatch, ["dice", "l1"])
    assert read.answer("mask")[2].startswith("One seed a loss: only the 2 test images were resampled.")


def test_answer_with_one_loss_compares_nothing(tmp_path, monkeypatch):
    read = one_seed(tmp_path, monkeypatch, ["dice"])
    assert read.answer("mask") == ["On these pictures dice is the only loss that trained a mask: IoU 0.920."]


def test_answer_where_everything_failed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fabricate(tmp_path, repository=REPOSITORY, losses=["ssim"], seeds=[1])
    read = Read()
    assert read.answer("mask") == ["No loss trained a mask on these pictures: every trial failed."]
    metrics = json.loads(read.files()["metrics.json"])
    assert metrics["mask"] == {"best_loss": "none"}
    assert metrics["trials"] == {"planned": 2, "sound": 1, "collapsed": 1, "diverged": 0, "missing": 0}


# Tables


def test_metrics_json(study):
    metrics = json.loads(study.files()["metrics.json"])
    assert metrics["mask"]["best_loss"] == "dice"
    assert metrics["mask"]["iou"] == pytest.approx(IOU["dice"])
    assert metrics["depth"]["best_loss"] == "rmse"
    assert metrics["depth"]["abs_rel"] == pytest.approx(2 * RMSE["rmse"])
    assert (metrics["losses"], metrics["seeds"]) == (7, 2)
    assert metrics["mask"]["best_group"] == "dice, weighted_bce, bce, rmse, huber, l1"
    assert metrics["mask"]["iou_low"] < IOU["dice"] < metrics["mask"]["iou_high"]
    assert metrics["trials"] == {"planned": 28, "sound": 25, "collapsed": 1, "diverged": 1, "missing": 1}


def test_compare_csv_has_a_row_per_trial(study):
    rows = list(csv.DictReader(study.files()["compare.csv"].decode().splitlines()))
    assert list(rows[0])[:5] == ["head", "loss", "seed", "status", "verdict"]
    assert len(rows) == 28
    by_trial = {(row["head"], row["loss"], int(row["seed"])): row for row in rows}
    assert by_trial["mask", "dice", 1]["iou"] == "0.9400000000000001"
    assert by_trial["mask", "dice", 1]["rmse"] == ""
    assert by_trial[COLLAPSED]["verdict"] == "all background"
    assert by_trial[COLLAPSED]["iou"] == "0.0"
    assert by_trial[DIVERGED]["status"] == "diverged"
    assert by_trial[MISSING]["status"] == "missing"
    assert by_trial[MISSING]["rmse"] == ""


def test_curves_csv_has_a_row_per_epoch(study):
    rows = list(csv.DictReader(study.files()["curves.csv"].decode().splitlines()))
    assert len(rows) == 26 * 8 + 3
    diverged = [row for row in rows if (row["head"], row["loss"], row["seed"]) == ("depth", "huber", "1")]
    assert [row["train_loss"] for row in diverged] == ["0.42", "0.252", ""]
    assert {(row["head"], row["metric"]) for row in rows} == {("mask", "iou"), ("depth", "rmse")}


# Labels, colours, charts


def test_metrics_are_shown_in_groups():
    titles = [(group.title, [heading for heading, _ in group.columns]) for group in groups(["iou", "iou_at_best"])]
    assert titles == [("", ["IoU"]), ("at the threshold that is best on validation", ["IoU"])]
    assert find("iou").show(0.93456) == "0.935"
    assert find("rmse").show(0.03) == "0.0300"
    assert find("home_made").higher_is_better is None
    assert find("iou").show(None) == "-"


def linear_rgb(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def luminance(colour):
    return np.dot([0.2126, 0.7152, 0.0722], linear_rgb(colour))


def contrast(a, b):
    low, high = sorted([luminance(a), luminance(b)])
    return (high + 0.05) / (low + 0.05)


def test_colours_are_fixed_distinct_and_visible():
    names = [*losses.names(), "combination"]
    colours = palette.colours(names)
    assert palette.colours(["dice"])["dice"] == colours["dice"]
    assert len({colour.light for colour in colours.values()}) == len(names)
    page = (REPOSITORY / "src/loss_study/report/page.css").read_text()
    light, dark = re.findall(r"--page: (#\w{6})", page)
    for colour in colours.values():
        assert contrast(colour.light, light) >= 3
        assert contrast(colour.dark, dark) >= 3


# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency" (2009).
VISIONS = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("page", ["light", "dark"])
@pytest.mark.parametrize("vision", VISIONS)
def test_colours_of_the_study_differ_with_any_colour_vision(vision, page):
    from skimage.color import deltaE_ciede2000, rgb2lab

    codes = [getattr(colour, page) for colour in palette.colours(IOU).values()]
    linear = np.array([linear_rgb(code) for code in codes]) @ np.array(VISIONS[vision]).T
    seen = np.clip(linear, 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))
    differences = deltaE_ciede2000(lab[:, None], lab[None])[np.triu_indices(7, 1)]
    assert differences.min() > 17


def test_dvc_plots_overlay_losses_heads_and_revisions():
    from dvc_render import VegaRenderer

    points = [{"rev": "HEAD", "head": "mask", "loss": "dice", "seed": "0", "epoch": "1", "validation": "0.5"}]
    renderer = VegaRenderer(
        points, "curves", template="curves", template_dir=REPOSITORY / ".dvc/plots", x="epoch", y="validation"
    )
    spec = renderer.get_filled_template()
    assert "<DVC" not in json.dumps(spec)
    assert spec["data"]["values"] == points
    channels = {channel: spec["encoding"][channel]["field"] for channel in ("x", "y", "color", "row", "strokeDash")}
    assert channels == {"x": "epoch", "y": "validation", "color": "loss", "row": "head", "strokeDash": "rev"}
    scale = spec["encoding"]["color"]["scale"]
    fixed = {loss: colour.light for loss, colour in palette.colours(scale["domain"]).items()}
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == fixed
    study = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["loss"]["names"]
    assert sorted(scale["domain"]) == sorted(study)


def test_axis_holds_its_values_at_round_numbers():
    axis = charts.Axis.around([0.79, 0.94])
    assert [text for _, text in axis.labels] == ["0.75", "0.8", "0.85", "0.9", "0.95"]
    assert [place for place, _ in axis.labels] == pytest.approx([0, 25, 50, 75, 100])
    assert axis.percent(0.85) == pytest.approx(50)


@pytest.mark.parametrize("value", [0.407858, 0.0, 0.0755])
def test_axis_around_a_single_value_has_it_in_its_middle(value):
    axis = charts.Axis.around([value, value])
    assert axis.percent(value) == pytest.approx(50, abs=15)
    texts = [text for _, text in axis.labels]
    assert len(set(texts)) == len(texts) and max(map(len, texts)) <= 6


def test_validation_chart_by_hand(study):
    chart = charts.validation_chart(study.rankings["mask"])
    assert (chart.x.low, chart.x.high) == (1, 8)
    dice = next(line for line in chart.lines if line.title == "dice, seed 0")
    x, y = dice.points.split()[-1].split(",")
    final = 0.92 + (0.1 - 0.92) * 0.5**8
    assert float(x) == 100
    assert float(y) == pytest.approx(100 - chart.y.percent(final), abs=0.005)
    collapsed = next(line for line in chart.lines if line.loss == "ssim" and not line.sound)
    assert collapsed.title == "ssim, seed 1 (collapsed: all background)"


def test_training_chart_is_relative_and_skips_what_is_not_finite(study):
    chart = charts.training_chart(study.rankings["depth"])
    diverged = next(line for line in chart.lines if not line.sound)
    # 0.6 of the first epoch, at epoch 2 of 1 to 8; the NaN of epoch 3 is left out.
    assert diverged.points == f"0.00,0.00 {100 / 7:.2f},{100 - chart.y.percent(0.6):.2f}"


def test_one_epoch_is_drawn_as_a_dot(tmp_path, monkeypatch):
    read = one_seed(tmp_path, monkeypatch, ["dice"])
    history = Path("runs/mask-dice-0/history.csv")
    history.write_text("\n".join(history.read_text().splitlines()[:2]) + "\n")
    points = charts.validation_chart(Read().rankings["mask"]).lines[0].points.split()
    assert len(points) == 2 and points[0] == points[1]
    assert read.files()["index.html"]


# Panels


def cell(png, column, row, columns):
    """The picture in one cell of a panel, at its own size."""
    image = Image.open(png).convert("RGB")
    width = (image.width + 6) // columns
    box = (column * width, 20 + row * (128 + 6))
    return np.asarray(image.crop((*box, box[0] + 128, box[1] + 128)))[2::4, 2::4]


def test_panel_shows_truth_prediction_and_error(study, tmp_path):
    drawn = panels.panels(study.rankings["mask"], study.sample)
    assert [panel.path for panel in drawn] == ["panels/mask-0.png", "panels/mask-1.png"]
    png = tmp_path / "panel.png"
    png.write_bytes(drawn[1].png)
    columns = 3 + 7
    truth = study.sample.masks[PANEL[1]]
    prediction = np.load("eval/mask-dice-0/predictions.npy")[1]
    assert np.array_equal(cell(png, 0, 0, columns), study.sample.images[PANEL[1]])
    assert np.array_equal(cell(png, 2, 0, columns)[..., 0], truth)
    assert np.array_equal(cell(png, 3, 0, columns)[..., 1], prediction)
    error = cell(png, 3, 1, columns).astype(int)
    above = prediction.astype(int) - truth > 40
    below = truth.astype(int) - prediction > 40
    assert above.any() and below.any()
    assert (error[above][:, 0] > error[above][:, 2]).all()
    assert (error[below][:, 2] > error[below][:, 0]).all()


def test_depth_panel_marks_a_perfect_prediction_as_free_of_error(study, tmp_path):
    truth = study.sample.depths[PANEL]
    np.save("eval/depth-rmse-0/predictions.npy", truth)
    png = tmp_path / "panel.png"
    png.write_bytes(panels.panels(study.rankings["depth"], study.sample)[0].png)
    assert cell(png, 3, 1, 10).min() >= 245
    assert np.array_equal(cell(png, 3, 0, 10), cell(png, 2, 0, 10))


def test_panel_of_a_loss_without_predictions_stays_empty(tmp_path, monkeypatch):
    read = one_seed(tmp_path, monkeypatch, ["bce", "l1"])
    drawn = panels.panels(read.rankings["depth"], read.sample)
    assert order(read.rankings["depth"]) == ["l1", "bce"]
    png = tmp_path / "panel.png"
    png.write_bytes(drawn[0].png)
    alpha = np.asarray(Image.open(png).getchannel("A"))
    assert alpha[20 + 64, 4 * 134 + 64] == 48
    assert alpha[20 + 134 + 64, 4 * 134 + 64] == 0


# How it was run


def test_shared_identities_are_counted_not_assumed(study):
    assert provenance.sharing(study.sample) == [
        "No cut-out stands in two splits.",
        "No background stands in two splits.",
    ]
    index = Path("data/sample/index.csv")
    index.write_text(index.read_text().replace("bg2,", "bg0,"))
    shared = provenance.sharing(PackedSample.open(Path("data/sample")))
    assert shared[0] == "No cut-out stands in two splits."
    assert shared[1] == "Careful: splits share 1 background, so the test flatters every loss."


def test_unknown_identities_are_said_to_be_unknown(study):
    index = Path("data/sample/index.csv")
    index.write_text(re.sub(r",cut\d", ",", index.read_text()))
    sample = PackedSample.open(Path("data/sample"))
    assert provenance.sharing(sample)[0].startswith("The cut-outs' identities are unknown")
    assert [split["objects"] for split in provenance.splits(sample)] == [None, None, None]


def test_coverage_says_what_is_left_out(tmp_path, monkeypatch):
    read = one_seed(tmp_path, monkeypatch, ["dice", "l1"])
    others = ", ".join(name for name in losses.names() if name not in ("dice", "l1"))
    assert provenance.coverage(read.parameters) == (
        f"2 heads (mask, depth), 2 losses (dice, l1), 1 seed (0). Not covered: {others}."
    )


# The page and the stage


def test_one_head_without_backgrounds(study):
    values = Path("params.yaml").read_text().replace("  - depth\n", "").replace("  - mask\n  - depth", "  - mask")
    Path("params.yaml").write_text(values)
    meta = json.loads(Path("data/sample/sample.json").read_text())
    meta |= {"heads": ["mask"], "backgrounds": 0, "statistics": {"mask_mean": 0.14}}
    Path("data/sample/sample.json").write_text(json.dumps(meta))
    index = pd.read_csv("data/sample/index.csv").assign(background_row=-1, background="")
    index.to_csv("data/sample/index.csv", index=False)
    files = Read().files()
    html = files["index.html"].decode()
    assert "Which loss trains the best mask?" in html
    assert "depth" not in json.loads(files["metrics.json"])
    assert {"panels/mask-0.png", "panels/mask-1.png"} == {name for name in files if name.startswith("panels/")}


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


def test_page_and_csv_agree(study, tmp_path):
    files = study.files()
    table = tmp_path / "compare.csv"
    table.write_bytes(files["compare.csv"])
    frame = pd.read_csv(table)
    sound = frame[(frame.status == "finished") & frame.verdict.isna()]
    metrics = list(frame.columns[7:])
    means = sound.groupby(["head", "loss"])[metrics].mean().stack().dropna()
    assert len(means) == 7 * 8 * 2
    assert Cells(files["index.html"].decode()).values == pytest.approx(means.to_dict())


def test_page_names_failures_and_explains_misfits(study):
    html = study.files()["index.html"].decode()
    for text in ("mask-ssim-1", "collapsed: all background", "depth-huber-1", "depth-bce-0", "Depth is fabricated."):
        assert text in html
    assert losses.with_a_file("dice").notes["depth"].split(":")[0] in html


def test_page_is_self_contained_and_repeatable(study):
    html = study.files()["index.html"]
    assert html == Read().files()["index.html"]
    assert not re.search(rb"(src|href)=\"(?!data:|#)|url\(|@import|https?://", html)


def test_terminal_in_a_log_is_plain_and_names_failures(study):
    console = Console(width=110, record=True, force_terminal=False, file=io.StringIO())
    terminal.show(list(study.rankings.values()), study.comparisons, console)
    text = console.export_text()
    assert text.isascii()
    assert re.search(r"1 +dice +0\.930 +0\.920 0\.940 +11 s", text)
    assert "mask-ssim-1 collapsed: all background" in text
    assert f"report: {Path('reports/index.html').resolve()}\n" in text


def test_publish_replaces_the_report_and_nothing_else(study):
    Path("reports/panels").mkdir(parents=True)
    Path("reports/panels/stale.png").touch()
    Path("reports/README.md").touch()
    publish(Path("reports"), study.files())
    written = {str(path.relative_to("reports")) for path in Path("reports").rglob("*") if path.is_file()}
    pictures = {f"panels/{head}-{number}.png" for head in ("mask", "depth") for number in (0, 1)}
    tables = {"metrics.json", "compare.csv", "curves.csv", "ranking.csv", "pairs.csv"}
    assert written == {"README.md", "index.html"} | tables | pictures


def test_a_failed_write_leaves_the_previous_report(tmp_path, monkeypatch):
    publish(tmp_path, {"index.html": b"old", "panels/a.png": b"old"})

    def full(path, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(Path, "write_bytes", full)
        publish(tmp_path, {"index.html": b"new"})
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "panels"}
    assert (tmp_path / "index.html").read_bytes() == b"old"


def test_the_table_of_layouts_is_not_on_the_page(study):
    options = {"layout": "mine", "layouts": {"mine": {"image": "a/{number}"}}}
    data_set = study.parameters.dataset.model_copy(update={"options": options})
    how = provenance.describe(
        study.parameters.model_copy(update={"dataset": data_set}),
        study.results,
        study.sample,
        provenance.Origin("", False, ""),
    )
    assert how["parameters"]["Data set"]["options.layout"] == "mine"
    assert not any("layouts" in name for name in how["parameters"]["Data set"])
