"""Rounds from files: who trains on, which trials count, what each round knew."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from loss_study import decisions
from loss_study.config import RaceConfig, load_config
from loss_study.metrics import HEADLINE
from loss_study.statistics.race import history
from loss_study.statistics.ranking import headlines, rank_all
from loss_study.statistics.results import MISSING, Result, mark
from loss_study.statistics.scores import compared
from loss_study.statistics.tables import ROUND_COLUMNS, rounds_csv
from support.fabricated_study import REPOSITORY
from support.made_up_scores import LOSSES, make_up, results_of

#: Two near ties, three a little and two far behind.
MEANS = np.array([0.80, 0.70, 0.60, 0.81, 0.77, 0.78, 0.60])


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A race of the seven losses on the mask, over 2, 4 and 6 seeds."""
    monkeypatch.chdir(tmp_path)
    config = load_config(REPOSITORY / "params.yaml")
    loss = config.loss.model_copy(update={"names": LOSSES, "heads": ["mask"]})
    return config.model_copy(update={"loss": loss, "seeds": list(range(6)), "race": RaceConfig(rounds=[2, 4, 6])})


def write(results, scores, metrics):
    for result in results:
        values = scores.values[result.trial.loss][result.trial.seed]
        path = result.trial.eval_dir / "per_image.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        names = zip(scores.objects.numbers, scores.backgrounds.numbers, values, strict=True)
        rows = [f"p{n},b{b},c{o},{','.join([str(value)] * len(metrics))}" for n, (o, b, value) in enumerate(names)]
        path.write_text("\n".join([f"id,background,object,{','.join(metrics)}", *rows]) + "\n")


def missing(result):
    return Result(result.trial, MISSING, "", "", {}, {}, None, (), ())


@pytest.fixture
def study(config):
    """A function that runs the race until `until` rounds are over, and returns the results of all planned trials."""
    scores = make_up(np.random.default_rng(0), MEANS, np.full(7, 0.01), 6, images=60)
    everything = results_of(scores)

    def trained(until):
        found = [one if one.trial.seed < 2 else missing(one) for one in everything]
        for number in range(2, until + 1):
            write([one for one in found if one.sound], scores, [HEADLINE["mask"], "dice"])
            (ranking, *_) = rank_all(found, config, number - 1)
            seeds, goes_on = config.rounds[number - 1], ranking.contenders
            found = [
                full if full.trial.seed <= max(seeds) and full.trial.loss in goes_on else one
                for one, full in zip(found, everything, strict=True)
            ]
        write([one for one in found if one.sound], scores, [HEADLINE["mask"], "dice"])
        return found

    return trained


def test_losses_train_as_long_as_they_are_contenders(study, config):
    results = study(3)
    by_round = [headlines(rank_all(results, config, number))[0] for number in (1, 2, 3)]
    assert [ranking.look.number for ranking in by_round] == [1, 2, 3]
    assert [ranking.look.seeds for ranking in by_round] == [(2, 4, 6)] * 3
    assert set(by_round[0].contenders) > set(by_round[1].contenders) > set()
    assert by_round[2].contenders == ()
    trials = {row.loss: row.trials for row in by_round[2].standings}
    for loss in LOSSES:
        expected = 2 + 2 * (loss in by_round[0].contenders) + 2 * (loss in by_round[1].contenders)
        assert trials[loss] == expected
    assert len(set(trials.values())) == 3


def overtaken(seeds):
    """Scores of a leader whose later seeds are worse, of a loss a little behind it, and of one that varies widely."""
    means = {
        "bce": [0.8, 0.8004, 0.7996, 0.72, 0.72, 0.72, 0.72, 0.72, 0.72],
        "l1": [0.79, 0.7904, 0.7896] * 3,
        "rmse": [0.7, 0.8, 0.88, 0.68, 0.78, 0.84, 0.7, 0.78, 0.86],
    }
    noise = np.random.default_rng(0).normal(0, 0.001, (3, 9, 60))
    values = {loss: (np.array(means[loss])[:, None] + noise[place])[: seeds[loss]] for place, loss in enumerate(means)}
    return replace(make_up(np.random.default_rng(0), MEANS, np.full(7, 0.01), 1, images=60), values=values)


def test_a_dropped_loss_comes_back_when_the_choice_falls_behind_it(config, monkeypatch):
    """A study ended undecided, with seeds to spare, because the losses that could still be better had been dropped."""
    loss = config.loss.model_copy(update={"names": LOSSES[:3]})
    config = config.model_copy(update={"loss": loss, "seeds": list(range(9)), "race": RaceConfig(rounds=[3, 6, 9])})

    def last(number, **seeds):
        scores = overtaken(seeds)
        results = results_of(scores)
        write(results, scores, [HEADLINE["mask"], "dice"])
        monkeypatch.setattr("loss_study.statistics.results.read", lambda *_, **__: results)
        return headlines(rank_all(results, config, number))[0]

    first = last(1, bce=3, l1=3, rmse=3)
    assert first.choice == "bce" and set(first.contenders) == {"bce", "rmse"}
    second = last(2, bce=6, l1=3, rmse=6)
    assert second.choice == "l1" and not second.decided and "l1" in second.contenders
    decisions.write(config, 2, {"mask": first.contenders})
    assert set(decisions.contenders(config, 3)["mask"]) == set(second.contenders)
    third = last(3, bce=9 if "bce" in second.contenders else 6, l1=9, rmse=9)
    assert {row.loss: row.trials for row in third.standings}["l1"] == 9


def test_trials_that_no_round_asked_for_are_not_missing(study, config):
    results = study(3)
    (ranking, *_) = rank_all(results, config)
    assert not any(row.failed for row in ranking.standings)
    asked_for = sum(len(row.results) for row in ranking.standings)
    assert asked_for == sum(row.trials for row in ranking.standings) < len(results)


def test_trials_of_dropped_losses_do_not_count(study, config):
    """Say trials of an earlier configuration lie about."""
    before = rank_all(study(2), config)
    everything = [
        Result(one.trial, "finished", "", "", {}, {HEADLINE["mask"]: 0.5}, None, (), ()) if not one.sound else one
        for one in study(2)
        if one.trial.seed < 4
    ]
    scores = make_up(np.random.default_rng(0), MEANS, np.full(7, 0.01), 6, images=60)
    write(everything, scores, [HEADLINE["mask"], "dice"])
    assert [row.trials for row in rank_all(everything, config)[0].standings] == [
        row.trials for row in before[0].standings
    ]


def test_a_round_that_is_not_evaluated_is_not_looked_at(study, config):
    (ranking, *_) = rank_all(study(1), config)
    assert (ranking.look.number, ranking.look.planned) == (1, 3)
    assert ranking.earlier == ()


def test_within_an_evaluated_round_a_missing_trial_is_a_failure(study, config):
    results = study(2)
    lost = next(one.trial for one in results if one.trial.seed == 3 and one.sound)
    results = [missing(one) if one.trial == lost else one for one in results]
    (ranking, *_) = rank_all(results, config)
    assert [row.loss for row in ranking.not_compared] == [lost.loss]


def test_history_has_what_every_round_knew(study, config):
    results = study(3)
    entries = history(rank_all(results, config), config)
    assert [entry.round for entry in entries] == [1, 2, 3]
    assert entries[0].trials == 14 < entries[1].trials < entries[2].trials < 42
    last = headlines(rank_all(results, config))[0]
    assert (entries[2].choice, entries[2].regret_bound) == (last.choice, last.regret_bound)
    assert entries[0].regret_bound > entries[1].regret_bound > entries[2].regret_bound > 0
    contenders = [headlines(rank_all(results, config, number))[0].contenders for number in (1, 2)]
    assert set(entries[0].dropped) == set(LOSSES) - set(contenders[0])
    assert set(entries[1].dropped) == set(contenders[0]) - set(contenders[1])
    assert entries[2].dropped == ()
    rows = list(csv.DictReader(rounds_csv(entries).splitlines()))
    assert tuple(rows[0]) == ROUND_COLUMNS == ("head", "round", "trials", "choice", "regret_bound", "dropped")
    assert rows[0]["dropped"].split() == list(entries[0].dropped)


def test_a_decided_head_trains_no_more(study, config):
    easy = config.model_copy(
        update={
            "compare": config.compare.model_copy(
                update={"margin": config.compare.margin.model_copy(update={"mask": 5.0})}
            )
        }
    )
    results = study(2)
    (ranking, *_) = rankings = rank_all(results, easy)
    assert ranking.decided and ranking.contenders == () and ranking.look.number == 1
    assert [entry.decided for entry in history(rankings, easy)] == [True]


def test_a_fixed_list_of_seeds_is_one_look(study, config):
    fixed = config.model_copy(update={"seeds": [0, 1]})
    (ranking, *_) = rank_all([one for one in study(1) if one.trial.seed < 2], fixed)
    assert ranking.look.planned == 1 and ranking.contenders == ()


def test_the_headline_decides_and_other_metrics_follow(study, config):
    rankings = rank_all(study(1), config)
    assert [ranking.metric.name for ranking in rankings] == [HEADLINE["mask"], "dice"]
    assert rankings[0].choice and rankings[1].choice is None
    assert set(compared("mask")) >= {"dice", HEADLINE["mask"]}


def test_one_test_image_is_ranked_without_intervals(study, config):
    results = study(1)
    for one in results:
        if one.sound:
            path = one.trial.eval_dir / "per_image.csv"
            path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    (ranking,) = rank_all(results, config)
    assert not ranking.has_intervals and ranking.pairs == () and ranking.best.low is None
    assert ranking.choice is None and not ranking.decided
    means = [row.mean for row in ranking.standings]
    assert means == sorted(means, reverse=True) and means[0] == pytest.approx(0.81, abs=0.05)


def test_a_seed_that_gets_stuck_in_a_later_round_takes_its_loss_out_from_then_on(study, config):
    known = [replace(one, constant=0.05) if one.sound else one for one in study(3)]
    first = headlines(rank_all(known, config))[0].earlier[0]
    stuck = next(one for one in known if one.trial.loss == first.choice and one.trial.seed == 2)
    results = mark([replace(stuck, test={HEADLINE["mask"]: 0.06}) if one is stuck else one for one in known])
    ranking = headlines(rank_all(results, config))[0]
    assert ranking.earlier[0].choice == first.choice
    assert (ranking.earlier[0].standings, ranking.earlier[0].regret_bound) == (first.standings, first.regret_bound)
    assert [row.loss for row in ranking.earlier[1].not_compared] == [first.choice]
    assert first.choice not in ranking.earlier[1].contenders
    assert [row.loss for row in ranking.not_compared] == [first.choice]
