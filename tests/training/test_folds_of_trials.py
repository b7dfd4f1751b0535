"""A small study with folds, from the sample to the report, without DVC."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from loss_study import datasets, decisions
from loss_study.config import composition, load_config
from loss_study.data.packed import PackedSample, fold_of
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.report.build import build
from loss_study.report.sections import images
from loss_study.sampling.pack import pack
from loss_study.statistics import results
from loss_study.statistics.ranking import headlines, rank_all
from loss_study.statistics.results import MISSING
from loss_study.training.run import train_trials, trained
from loss_study.trial import Trial

CHOICES = [
    "dataset=composites",
    "scale=smoke",
    "loss.names=[weighted_bce,dice]",
    "loss.heads=[mask]",
    "seeds=[4,5,6,7]",
    "race.rounds=[2,4]",
    # No study is decided before its last round.
    "compare.margin.mask=1e-9",
    "sample.folds=3",
    "sample.images=144",
    "recipe.epochs=6",
    "recipe.optimizer.lr=0.01",
    "model.options.stages=2",
]
FOLD_OF = {4: 0, 5: 1, 6: 2, 7: 0}


def bright_squares(folder):
    """Nine bright cut-outs and nine dark backgrounds: what takes no time to learn."""
    rng = np.random.default_rng(0)
    for kind, channels, low, high in (("bg", 3, 0, 60), ("fg", 4, 200, 256)):
        (folder / kind).mkdir()
        for number in range(9):
            values = rng.integers(low, high, (20, 20, channels), dtype=np.uint8)
            values[..., 3:] = 0
            values[2:18, 2:18, 3:] = 255
            Image.fromarray(values).save(folder / kind / f"{kind}_{number}.png")
    return datasets.open_dataset("composites", folder, {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two losses from four seeds on three folds, trained and evaluated in two rounds."""
    folder = tmp_path_factory.mktemp("study")
    composition.compose(folder / "params.yaml", CHOICES)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = load_config()
        assert config.rounds == [[4, 5, 6], [7]]
        pack(bright_squares(folder), folder / "data/sample", config.dataset, config.sample)
        sample = PackedSample.open(folder / "data/sample")
        for number, seeds in enumerate(config.rounds, start=1):
            decisions.write(config, number, {"mask": config.losses})
            trials = [Trial("mask", loss, seed, number) for loss in config.losses for seed in seeds]
            train_trials(trials, config, sample)
            evaluate_trials(trials, sample)
    return folder


@pytest.fixture(autouse=True)
def inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.fixture
def sample(folder):
    return PackedSample.open(folder / "data/sample")


@pytest.fixture
def found():
    return results.read(load_config())


def test_the_seeds_take_turns():
    assert {seed: fold_of(seed, [4, 5, 6, 7], 3) for seed in FOLD_OF} == FOLD_OF
    assert fold_of(99, [4, 5, 6, 7], 3) == 0
    assert fold_of(5, [4, 5], 1) == 0


def test_every_trial_is_trained_and_tested_on_its_fold(sample, found):
    assert len(found) == 8
    for result in found:
        one = sample.of_fold(FOLD_OF[result.trial.seed])
        assert result.run["fold"] == result.fold == one.fold
        assert result.run["training_images"] == len(one.rows("train"))
        ids = results.read_columns(result.trial.eval_dir / "per_image.csv")["id"]
        assert list(ids) == [one.index[row]["id"] for row in one.rows("test")]


def test_class_weights_are_those_of_the_fold(sample, found):
    for result in found:
        if result.trial.loss == "weighted_bce":
            mean = sample.of_fold(result.fold).statistics["mask_mean"]
            assert result.run["loss_options"]["pos_weight"] == pytest.approx((1 - mean) / mean)


def test_a_trial_does_not_see_what_it_is_tested_on(sample, found, tmp_path, monkeypatch):
    """Other test images of its fold leave its history as it is; other training images do not."""
    config = load_config()
    trial = Trial("mask", "dice", 5)
    histories = []
    for split in (None, "test", "train"):
        one = PackedSample.open(sample.folder).of_fold(FOLD_OF[trial.seed])
        if split:
            masks = one.masks.copy()
            masks[one.rows(split)] = 255 - masks[one.rows(split)]
            one = dataclasses.replace(one, masks=masks)
        monkeypatch.chdir(tmp_path)
        with trained(trial, one, config, "") as (outcome, _):
            histories.append([row["train_loss"] for row in outcome.history])
    assert histories[0] == histories[1] != histories[2]


def test_every_image_is_in_the_ranking(sample, found):
    (ranking,) = headlines(rank_all(found, load_config()))
    assert (ranking.folds, ranking.tested) == (3, 3)
    assert [row.trials for row in ranking.compared] == [4, 4]
    assert (ranking.images, ranking.objects, ranking.backgrounds) == (144, 9, 9)
    for row in ranking.compared:
        by_seed = {one.trial.seed: one.test["iou_at_best"] for one in row.results}
        assert row.mean == pytest.approx(np.mean([np.mean([by_seed[4], by_seed[7]]), by_seed[5], by_seed[6]]))
    assert ranking.choice and ranking.regret_bound is not None and len(ranking.pairs) == 1


def test_a_loss_whose_first_seed_left_nothing_is_shown_by_the_next_one_of_the_fold(sample, found):
    """Its trials of other folds predict other images."""
    (ranking,) = headlines(rank_all(found, load_config()))
    row = next(row for row in ranking.standings if row.loss == "dice")
    first, *others = row.results
    panel = first.panel
    assert len({one.panel for one in row.results}) == 3 and others[-1].panel == panel

    def shown(*left):
        alone = dataclasses.replace(ranking, standings=(dataclasses.replace(row, results=left),))
        return images.panels(alone, sample)

    nothing = dataclasses.replace(first, status=MISSING, panel=())
    ids = [sample.index[number]["id"] for number in panel]
    assert [one.id for one in shown(nothing, *others)] == ids
    assert shown(nothing, *others)[0].png == shown(others[-1])[0].png != shown(first)[0].png
    assert shown(nothing, *others[:2]) == []


def test_the_report_shows_the_first_fold_and_says_what_the_folds_are(sample, found):
    config = load_config()
    files = build(config, found, rank_all(found, config), sample)
    page = files["index.html"].decode()
    assert "144 images" in page and "in 3 folds" in page
    shown = [name for name in files if name.startswith("panels/mask-")]
    assert shown
    tested = {sample.index[row]["id"] for row in sample.rows("test")}
    panel = json.loads((found[0].trial.eval_dir / "metrics.json").read_text())["panel"]
    assert {sample.index[row]["id"] for row in panel} <= tested
