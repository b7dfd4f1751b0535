"""The search for a learning rate: the same budget for every loss, judged on validation alone."""

import csv
import json
import math
import shutil
from contextlib import ExitStack

import pytest

from loss_study.config import composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import StudyError
from loss_study.training import run, search
from loss_study.training.choice import Choice
from loss_study.training.search import Tried, best, choose, edge, peak
from loss_study.training.seeds import train_seeds
from loss_study.trial import Trial

SEARCH = ["recipe=tuned", "recipe.search.lr=[0.0001,0.001,0.03]", "recipe.search.epochs=2", "recipe.batch_size=4"]


@pytest.fixture
def study(tmp_path, sample, monkeypatch):
    """The smoke scale with a search over three learning rates, in a fresh folder with the discs."""
    composition.compose(tmp_path / "params.yaml", ["scale=smoke", "recipe.epochs=3", "model.options.stages=2", *SEARCH])
    monkeypatch.chdir(tmp_path)
    return load_config()


def searched(study, tmp_path, head="depth"):
    trial = Trial(head, "l1", study.recipe.search.seed)
    with ExitStack() as written:
        choose(written, head, "l1", PackedSample.open(tmp_path / "data/sample"), study)
    with (trial.tuning_dir / "search.csv").open() as file:
        rows = list(csv.DictReader(file))
    # The only column that differs between two searches.
    assert all(float(row.pop("seconds")) > 0 for row in rows)
    return json.loads((trial.tuning_dir / "choice.json").read_text()), rows


def test_chooses_near_the_best_on_validation(study, tmp_path):
    choice, candidates = searched(study, tmp_path)
    assert [float(row["lr"]) for row in candidates] == [0.0001, 0.001, 0.03]
    lowest = min(candidates, key=lambda row: float(row["validation"]))
    assert 0.0001 <= choice["lr"] <= 0.03 and choice["validation"] == float(lowest["validation"])
    assert choice["budget"] == {"candidates": 3, "epochs": 2, "seed": 1000}


def test_a_trial_is_trained_with_the_chosen_rate(study, tmp_path, sample):
    choice, _ = searched(study, tmp_path)
    train_seeds("depth", "l1", study, sample)
    trial = Trial("depth", "l1", 0)
    assert json.loads((trial.run_dir / "trial.json").read_text())["lr"] == choice["lr"]
    assert choice["lr"] != study.recipe.optimizer.lr


def test_the_same_again(study, tmp_path):
    assert searched(study, tmp_path) == searched(study, tmp_path)


def test_checkpoints_are_gone_when_the_choice_is_written(study, tmp_path):
    searched(study, tmp_path)
    assert list((tmp_path / "checkpoints").iterdir()) == []


@pytest.mark.usefixtures("saved_each_epoch")
def test_a_killed_search_goes_on_where_it_was(study, tmp_path, monkeypatch):
    undisturbed = searched(study, tmp_path)
    steps = []
    advance = run.Reporter.advance

    def killed(self, count=1, detail=""):
        steps.append(count)
        if len(steps) == 8:
            raise KeyboardInterrupt
        advance(self, count, detail)

    monkeypatch.setattr(run.Reporter, "advance", killed)
    with pytest.raises(KeyboardInterrupt):
        searched(study, tmp_path)
    assert len(steps) == 8
    assert searched(study, tmp_path) == undisturbed
    # Three candidates of 2 epochs of 3 steps; the first was whole, the second was killed in its first epoch.
    assert len(steps) == 8 + 12


def test_killed_while_the_seeds_are_trained_the_search_is_not_trained_again(study, tmp_path, sample, monkeypatch):
    """DVC deletes the choice and the trials before it runs the stage again."""
    steps = []
    advance = run.Reporter.advance

    def killed(self, count=1, detail=""):
        steps.append(count)
        if len(steps) == 18 + 5:
            raise KeyboardInterrupt
        advance(self, count, detail)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run.Reporter, "advance", killed)
        train_seeds("depth", "l1", study, sample)
    found = (tmp_path / "tuning/depth/l1/search.csv").read_text()
    shutil.rmtree(tmp_path / "tuning")
    steps.clear()
    monkeypatch.setattr(run.Reporter, "advance", lambda self, count=1, detail="": steps.append(count))
    train_seeds("depth", "l1", study, sample)
    assert (tmp_path / "tuning/depth/l1/search.csv").read_text() == found
    # Three epochs of three steps for each seed, and nothing of the three candidates.
    assert 0 < len(steps) <= 9 * len(study.rounds[0])
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_without_a_search_the_choice_is_the_recipes_own_rate(tmp_path, monkeypatch, sample):
    composition.compose(tmp_path / "params.yaml", ["scale=smoke", "recipe.optimizer.lr=0.003"])
    monkeypatch.chdir(tmp_path)
    with ExitStack() as written:
        assert choose(written, "mask", "bce", sample, load_config()) == Choice(0.003)
    assert json.loads((tmp_path / "tuning/mask/bce/choice.json").read_text())["lr"] == 0.003
    assert not (tmp_path / "tuning/mask/bce/search.csv").exists()


def test_best_ignores_what_diverged():
    tried = [Tried(Choice(0.1), math.nan, 0, "diverged"), Tried(Choice(0.2), 0.7, 3, "finished")]
    assert best("mask", tried).candidate.lr == 0.2
    with pytest.raises(StudyError, match=r"mask diverged with every one of \[0.1\]"):
        best("mask", tried[:1])


def test_a_rate_that_diverged_after_a_good_epoch_is_not_chosen():
    tried = [
        Tried(Choice(0.004), 0.5, 3, "finished"),
        Tried(Choice(0.02), 0.55, 3, "finished"),
        Tried(Choice(0.1), 0.6, 1, "diverged"),
    ]
    chosen = best("mask", tried)
    assert chosen.candidate.lr == 0.02 and peak("mask", tried, chosen) == (0.02, "")


def test_best_of_equals_is_the_lowest_rate():
    tried = [Tried(Choice(0.1), 0.7, 1, "finished"), Tried(Choice(0.2), 0.7, 1, "finished")]
    assert best("mask", tried).candidate.lr == 0.1


def tried(rates, values):
    return [
        Tried(Choice(rate), value, 1, "finished" if math.isfinite(value) else "diverged")
        for rate, value in zip(rates, values, strict=True)
    ]


@pytest.mark.parametrize(
    ("head", "rates", "values", "peak", "at"),
    [
        # By hand: 0.7 - (log10(rate) + 2)^2 / 5 has its top at 0.01, which is ln(10) / 2 = 1.151 below the middle rate;
        # 0.7 of that is 0.806, and exp(-0.806) of 0.0316 is 0.0141.
        ("mask", [10**-2.5, 10**-1.5, 10**-0.5], [0.7 - 0.05, 0.7 - 0.05, 0.7 - 0.45], 0.014, ""),
        ("depth", [10**-2.5, 10**-1.5, 10**-0.5], [0.3 + 0.05, 0.3 + 0.05, 0.3 + 0.45], 0.014, ""),
        ("mask", [0.001, 0.01, 0.1], [0.5, 0.6, 0.5], 0.01, ""),
        # Of five rates the three around the best count, whatever the others are.
        ("mask", [0.0001, 0.001, 0.01, 0.1, 1], [0.9 - 0.5, 0.5, 0.6, 0.5, 0.0], 0.01, ""),
        # The flattest parabola allowed. By hand: the slope of 1/6, 1/2, 1 at steps of ln 10 is (5/6) / (2 ln 10), the
        # vertex at half of it over 0.03, so at 3.02 above ln 0.01, beyond ln 0.1; the rate at 0.7 of that.
        ("mask", [0.001, 0.01, 0.1], [0.1, 0.3, 0.6], 0.083, "upper"),
        ("mask", [0.001, 0.01, 0.1], [0.6, 0.3, 0.1], 0.0012, "lower"),
        # Further beyond: still a rate that was tried.
        ("mask", [0.001, 0.01, 0.1], [0.0, 0.3, 0.6], 0.1, "upper"),
        # No top. By hand: the slope is (1/6) / (2 ln 10), 0.7 of half of it over 0.03 is 0.422.
        ("mask", [0.001, 0.01, 0.1], [0.5, 0.4, 0.6], 0.015, ""),
        ("depth", [0.001, 0.01, 0.1], [0.5, 0.6, 0.4], 0.015, ""),
        ("mask", [0.001, 0.01, 0.1], [0.5, 0.5, 0.5], 0.01, ""),
        # Nearly flat: its own vertex would be the upper edge.
        ("mask", [0.004, 0.02, 0.1], [0.526, 0.539, 0.549], 0.023, ""),
        # An unlucky training at the middle rate, as measured (l1): its own vertex would be the lower edge. By hand: the
        # slope is -0.2326 / (2 ln 5), 0.7 of half of it over 0.03 is -0.843.
        ("mask", [0.004, 0.02, 0.1], [0.5094, 0.4521, 0.3909], 0.0086, ""),
        ("mask", [0.001, 0.01, 0.1], [0.5, 0.6, math.nan], 0.01, ""),
        ("mask", [0.001, 0.01], [0.5, 0.6], 0.01, "upper"),
    ],
)
def test_the_rate_lies_towards_the_vertex_of_a_parabola(head, rates, values, peak, at):
    candidates = tried(rates, values)
    assert search.peak(head, candidates, best(head, candidates)) == (pytest.approx(peak, rel=1e-6), at)


@pytest.mark.parametrize(("lr", "where"), [(0.5, "lower"), (1, "lower"), (2, ""), (3, "upper"), (4, "upper")])
def test_what_is_at_an_edge_or_beyond_is_said(lr, where):
    assert edge(lr, [1, 2, 3]) == where


def test_one_candidate_has_no_edge():
    assert edge(1, [1]) == ""


GRIDS = {"bce": [0.25, 0.5, 1.0, 2.0]}


@pytest.mark.parametrize("seed", [0, 1, 1000])
def test_open_weights_cost_no_training_more(seed):
    rates = [0.003, 0.01, 0.03, 0.1, 0.3]
    drawn = search.candidates(rates, GRIDS, seed)
    assert [one.lr for one in drawn] == rates, "every rate once, as for every other loss"
    assert {one.weights["bce"] for one in drawn} == set(GRIDS["bce"]), "and every weight"
    assert drawn == search.candidates(rates, GRIDS, seed)
    both = search.candidates(rates, GRIDS | {"ssim": [1.0, 2.0]}, seed)
    assert len(both) == 5 and {one.weights["ssim"] for one in both} == {1.0, 2.0}


def test_another_seed_draws_other_weights():
    rates = [0.003, 0.01, 0.03, 0.1, 0.3]
    assert len({str(search.candidates(rates, GRIDS, seed)) for seed in range(5)}) > 1


def test_the_chosen_weight_is_written_and_trained_with(study, tmp_path, sample):
    options = {"dice_bce": {"terms": {"dice": 1.0, "bce": [0.5, 2.0]}}}
    study = study.model_copy(update={"loss_options": options})
    train_seeds("mask", "dice_bce", study, sample)
    trial = Trial("mask", "dice_bce", 0)
    choice = json.loads((trial.tuning_dir / "choice.json").read_text())
    with (trial.tuning_dir / "search.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["lr"]) for row in rows] == [0.0001, 0.001, 0.03]
    assert {float(row["weight_bce"]) for row in rows} == {0.5, 2.0}
    highest = max(rows, key=lambda row: float(row["validation"]))
    assert choice["lr"] == float(highest["lr"]) and choice["weights"] == {"bce": float(highest["weight_bce"])}
    assert choice["weight_edges"] == {"bce": "lower" if choice["weights"]["bce"] == 0.5 else "upper"}
    record = json.loads((trial.run_dir / "trial.json").read_text())
    assert record["loss_options"]["terms"] == {"dice": 1.0, **choice["weights"]} and record["lr"] == choice["lr"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("recipe.search.seed=0", "recipe.search.seed: 0 is one of seeds"),
        ("recipe.search.lr=[0.1,0.01]", "recipe.search.lr: list different learning rates from low to high"),
    ],
)
def test_a_search_that_would_not_be_fair_is_refused(override, message, tmp_path):
    composition.compose(tmp_path / "params.yaml", ["recipe=tuned", override])
    with pytest.raises(StudyError, match=message):
        load_config(tmp_path / "params.yaml")
