"""Correlations with the results of the losses."""

import dataclasses
import re

import numpy as np
import pytest

from loss_study.metrics import find
from loss_study.report.error_analysis import explanation
from support.evidence import known, result


def test_rank_correlation_agrees_with_scipy():
    from scipy.stats import spearmanr

    x, y = np.random.default_rng(1).integers(0, 5, (2, 12)).astype(float)
    assert explanation.rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert explanation.rank_correlation([1, 2, 3], [2, 2, 2]) == 0


def test_p_value_by_counting():
    # Two of the 120 orders of five are as extreme as the same order: itself and its reverse.
    assert explanation.p_value([1, 2, 3, 4, 5], [10, 20, 30, 40, 50]) == pytest.approx(2 / 120, abs=0.004)
    assert explanation.p_value([1, 2, 3, 4, 5], [1, 1, 1, 1, 1]) == 1


def losses_of_shares(shares, values):
    return [
        known(
            f"loss{n}",
            value,
            {"gradients": {"start": {"share": {"foreground": share}, "relative_norm": [3, 1, 4, 2, 6, 5][n]}}},
        )
        for n, (share, value) in enumerate(zip(shares, values, strict=True))
    ]


def test_a_correlation_with_the_gradient_is_stated():
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    (sentence,) = explanation.explanation(losses_of_shares(values, values), "mask", find("iou"), 0.0)
    assert sentence.startswith(
        "Across losses, a better result correlates with a larger share of the gradient on the foreground "
    )
    # Twice 2 of 720 orders are as extreme, estimated from 10,000.
    assert re.search(r"rank correlation \+1.00, p = 0.00[3-8] for 2 tests", sentence)
    assert sentence.endswith("does not prove it.")
    (of_errors,) = explanation.explanation(losses_of_shares(values, values), "mask", find("rmse"), 0.0)
    assert "correlates with a smaller share" in of_errors


def test_no_p_value_is_shown_as_0():
    found = [("gradient before training", 1.0, 0.0003)]
    assert "(rank correlation +1.00, p < 0.001 for 1 test)" in explanation._verdict(found, "losses")
    assert "p < 0.001 for 2 tests)" in explanation._verdict([*found, ("other", 0.1, 0.7)], "losses")


def test_without_a_correlation_the_ranking_stays_unexplained():
    shares, values = [0.3, 0.1, 0.6, 0.2, 0.5, 0.4], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    (sentence,) = explanation.explanation(losses_of_shares(shares, values), "mask", find("iou"), 0.0)
    assert sentence.startswith("No significant rank correlation") and "do not explain" in sentence


def test_with_one_seed_only_trained_networks_are_spoken_of():
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    for shares, count in ((values, 6), ([0.3, 0.1, 0.6, 0.2, 0.5, 0.4], 6), (values, 5)):
        evidence = losses_of_shares(shares, values)[:count]
        one_seed = [dataclasses.replace(one, results=(result(),)) for one in evidence]
        (sentence,) = explanation.explanation(one_seed, "mask", find("iou"), 0.0)
        assert "trained networks" in sentence and "losses" not in sentence
        (of_losses,) = explanation.explanation(evidence, "mask", find("iou"), 0.0)
        assert "losses" in of_losses and "networks" not in of_losses


def test_few_losses_are_not_tested():
    values = [0.1, 0.2, 0.3, 0.4, 0.5]
    (sentence,) = explanation.explanation(losses_of_shares(values, values), "mask", find("iou"), 0.0)
    assert sentence.startswith("Fewer than 6 losses")


def test_losses_that_have_a_result_and_no_number_are_not_said_to_have_none():
    without = [known(f"loss{n}", n / 10) for n in range(7)]
    assert explanation.explanation(without, "mask", find("iou"), 0.0) == [
        "Fewer than 6 losses have a result and one of these numbers: too few to test correlations."
    ]
