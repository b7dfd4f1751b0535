"""The page's section on what can be concluded."""

import dataclasses
import re

import numpy as np
import pytest

from loss_study.report.page import environment
from loss_study.report.sections.conclusions import Forest, conclusions
from support.made_up_scores import DIFFERENT, make_up, ranked


def ranking(means=DIFFERENT, seeds=3, **failed):
    scores = make_up(np.random.default_rng(0), means, np.full(7, 0.002), seeds)
    return ranked(scores, **failed)


def drawn(found):
    template = environment().get_template("sections/conclusions.html.j2")
    return template.render(conclusions=conclusions([found]), significance=0.05)


def rows(html):
    """What each row of the plot is called, and where its dot stands."""
    found = re.findall(r'<li class="loss-(\w+)( leading)?">.*?</li>', html, re.DOTALL)
    dots = re.findall(r'class="middle" x1="([\d.]+)"', html)
    return [(loss, bool(leading)) for loss, leading in found], [float(dot) for dot in dots]


def test_the_axis_is_not_stretched_by_a_loss_far_off():
    found = ranking(np.array([0.2, 0.9, 0.91, 0.92, 0.93, 0.9, 0.94]), seeds=8)
    forest = Forest.of(found)
    assert forest.axis.low > 0.8
    assert [forest.beyond(row) for row in found.placed] == [""] * 6 + ["left"]
    assert 'class="arrow"' in drawn(found)


def test_dots_stand_at_the_means_and_the_losses_that_may_be_best_are_marked():
    found = ranking()
    axis = Forest.of(found).axis
    losses, dots = rows(drawn(found))
    assert losses == [(row.loss, row.group in ("best", "open")) for row in found.placed]
    assert 0 < sum(leading for _, leading in losses) < 7
    assert dots == pytest.approx([axis.percent(row.mean) for row in found.placed], abs=0.005)


def test_sentences_and_differences_are_told():
    html = " ".join(drawn(ranking()).split())
    assert "With 95 % confidence no other loss is more than" in html
    assert "The intervals are from 3 seeds per loss and the 200 test images of 24 objects" in html
    # All 21 pairs of seven losses.
    assert html.count('<th scope="row">IoU') == 21


def test_one_seed_and_failures_are_said():
    html = " ".join(drawn(ranking(seeds=1, ssim=1)).split())
    assert "nothing is known of other trainings" in html
    assert '<span class="failure">1 of 2 seeds</span>' in html


def test_a_loss_alone_has_no_differences():
    scores = make_up(np.random.default_rng(0), DIFFERENT, np.full(7, 0.002), 3)
    alone = dataclasses.replace(scores, values={"dice": scores.values["dice"]})
    html = drawn(ranked(alone))
    assert "Only dice trained in this study" in html
    assert "<table" not in html
