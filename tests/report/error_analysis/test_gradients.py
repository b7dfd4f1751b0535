"""Gradients and pulls, in charts and sentences."""

import pytest

from loss_study.evaluation.error_analysis import pixel_response
from loss_study.report.error_analysis import gradients, responses
from support.evidence import known, result
from support.taken_apart import build as build_loss


def responding(loss, head):
    return known(loss, analysis={"response": pixel_response.curves(build_loss(loss), head, 32)})


def test_each_pull_is_scaled_by_its_strongest():
    foreground, background = responses.charts([responding("weighted_bce", "mask")], "late")
    # pos_weight 6: the foreground is pulled with 6 (1 - p), the background with -p, from p = 0.01 to 0.99.
    first, last = foreground.lines[0].points.split()[0], background.lines[0].points.split()[-1]
    assert first == "1.00,0.00"
    x, y = map(float, last.split(","))
    assert (x, y) == (99, pytest.approx(50 + 50 * 0.99 / (6 * 0.99), abs=0.01))


def test_the_true_depth_is_marked():
    near, _ = responses.charts([responding("bce", "depth")], "late")
    guide, line = near.lines
    assert (guide.loss, guide.sound, line.loss) == ("", False, "bce")
    assert guide.points.startswith(f"{100 * (1 - round(0.75 * 31) / 31):.2f},")


def test_losses_that_lead_to_a_wrong_depth_are_named():
    found = gradients.sentences(
        [responding(loss, "depth") for loss in ("bce", "rmse", "weighted_bce", "dice")], "depth", "sgd"
    )
    depth = 1 - round(0.75 * 31) / 31
    rest = 6 * depth / (6 * depth + 1 - depth)
    assert found == [
        f"In a made-up image, weighted_bce pulls a pixel of true depth {depth:.2f} to {rest:.2f}.",
        f"In a made-up image, dice pulls a pixel of true depth {depth:.2f} all the way to 0.",
    ]


@pytest.mark.parametrize("pulls", [[0.0, 0.0, 0.0], [None, None, None], [None, 1.0, 2.0]])
def test_without_a_pull_no_depth_is_said_to_be_led_to(pulls):
    """None is what ``error_analysis.json`` has for NaN."""
    pixels = [{"name": name, "truth": depth, "late": pulls} for name, depth in (("near", 0.25), ("far", 0.75))]
    none = known("none", analysis={"response": {"probability": [0.1, 0.5, 0.9], "pixels": pixels}})
    assert responses.sentences([none]) == []
    near, _ = responses.charts([none], "late")
    drawn = [point.split(",") for point in near.lines[-1].points.split()]
    assert [float(y) for _, y in drawn] == [50 - 25 * pull for pull in pulls if pull is not None]


@pytest.mark.parametrize(
    ("optimizer", "rates", "words"),
    [
        ("adamw", [0.01, 0.01], "adamw is insensitive"),
        ("sgd", [0.1, 0.1], "with sgd"),
        ("sgd", [0.1, 0.2], "its own learning"),
    ],
)
def test_the_size_of_a_gradient_matters_by_the_optimiser(optimizer, rates, words):
    evidence = [
        known(loss, analysis={"gradients": {"start": {"relative_norm": size}}}, trials=[result(lr=rate)])
        for loss, size, rate in zip(("bce", "huber"), (1.0, 0.05), rates, strict=True)
    ]
    (sentence,) = gradients.sentences(evidence, "mask", optimizer)
    assert "0.05 (huber) to 1 (bce) times" in sentence and words in sentence
