"""Losses and models that are broken are refused before anything is trained, and named."""

import pytest

from loss_study import losses, models
from loss_study.checks.tiny_batch import try_loss, try_model
from loss_study.runtime.errors import StudyError

THEIRS = "support.their_things."


@pytest.mark.parametrize("name", losses.names())
def test_every_loss_of_ours_works(name):
    loss = losses.load(name)
    for head in loss.heads:
        try_loss(loss, head, 1, 32)
    if loss.multiclass and "mask" in loss.heads:
        try_loss(loss, "mask", 3, 32)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "Crashes",
            {"_prediction_": "logits", "_ground_truth_": "shares", "_values_": "own"},
            "KeyError: 'no such thing'",
        ),
        ("NotFinite", {"_prediction_": "logits", "_ground_truth_": "shares", "_values_": "batch"}, "must be finite"),
        ("Detached", {"_prediction_": "logits", "_ground_truth_": "shares", "_values_": "batch"}, "gives no gradient"),
        ("Flat", {"_prediction_": "logits", "_ground_truth_": "shares", "_values_": "batch"}, "is 0 everywhere"),
        ("Similarity", {}, "cannot be trained with"),
    ],
)
def test_a_broken_loss_is_named(name, options, message):
    with pytest.raises(
        StudyError, match=f"loss_options.mine: .*{THEIRS}{name} .*{message}|{THEIRS}{name}.*{message}"
    ) as error:
        try_loss(losses.load("mine", {"_target_": THEIRS + name, **options}), "mask", 1, 32)
    assert "\n" not in str(error.value)


def test_a_loss_of_classes_is_refused_on_depth():
    loss = losses.load("mine", {"_target_": THEIRS + "OnNumbers"})
    try_loss(loss, "mask", 1, 32)
    with pytest.raises(StudyError, match=r"OnNumbers takes classes, .*choose loss.heads=\[mask\]"):
        try_loss(loss, "depth", 1, 32)


def test_a_window_that_is_too_large_is_found():
    with pytest.raises(StudyError, match=r"loss_options.ssim.window: 33 px do not fit"):
        try_loss(losses.load("ssim", {"window": 33}), "mask", 1, 32)


@pytest.mark.parametrize("name", ["Net", "OutNet", "SixChannels"])
@pytest.mark.parametrize("head", ["mask", "depth"])
def test_a_model_that_works(name, head):
    try_model("imported", {"_target_": THEIRS + name}, [head], 3, 32)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("HalfNet", r"HalfNet returns \(2, 3, 16, 16\) for the mask, not logits of shape \(2, 3, 32, 32\)"),
        ("DetachedNet", r"the logits of .*DetachedNet have no gradient"),
        ("NotFiniteNet", r"NotFiniteNet gives logits of the mask that are not finite"),
        ("CrashingNet", r"CrashingNet fails on images of 3 channels and 32 px: TypeError: this is broken"),
        ("no_module", r"no_module gives a str, not an nn.Module"),
        ("Nett", r"has no 'Nett': did you mean 'Net'"),
    ],
)
def test_a_broken_model_is_named(name, message):
    with pytest.raises(StudyError, match=message) as error:
        try_model("imported", {"_target_": THEIRS + name}, ["mask"], 3, 32)
    assert "\n" not in str(error.value) and "Imported" not in str(error.value)


def test_a_model_by_import_path_is_built_with_its_options():
    model = models.build("imported", 6, ["mask"], classes=2, _target_=THEIRS + "Net", width=5)
    assert models.total_count(model) == 6 * 5 * 9 + 5 + 5 * 2 + 2
    with pytest.raises(StudyError, match=r"model.options.widht|Net\(.*widht=5\): TypeError"):
        models.build("imported", 3, ["mask"], _target_=THEIRS + "Net", widht=5)
