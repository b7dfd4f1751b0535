"""The scale that fits a time: the rule, what is said of it, and what is refused."""

import argparse
import os
from pathlib import Path

import pytest
import yaml

from loss_study.config import fitted
from loss_study.config.composition import composed
from loss_study.orchestration import fit_scale
from loss_study.orchestration.fit_scale import Option, choose, command, reasons
from loss_study.orchestration.speed import Speed
from loss_study.orchestration.study_time import Images
from loss_study.runtime.errors import StudyError

IMAGES = Images(100, 20, 50, 170)


def option(scale, *minutes, choices=()):
    config = composed([f"scale={scale}", *choices])
    return Option(scale, config, IMAGES, [60.0 * one for one in minutes])


def chosen(options, minutes):
    found, rounds = choose(options, 60 * minutes)
    return found.scale, rounds


def test_the_largest_scale_with_two_rounds_wins_over_more_seeds_of_a_smaller_one():
    options = [option("small", 3, 5, 8, 12), option("quick", 8, 14, 25, 40), option("large", 30, 55, 90, 150)]
    assert chosen(options, 60) == ("large", 2)
    assert chosen(options, 54) == ("quick", 4)
    assert chosen(options, 14) == ("quick", 2)
    assert chosen(options, 13.9) == ("small", 4)
    assert chosen(options, 5) == ("small", 2)


def test_where_no_two_rounds_fit_it_is_one_of_the_smallest():
    assert chosen([option("small", 3, 5, 8, 12), option("quick", 4, 14, 25, 40)], 4.5) == ("small", 1)


def test_a_time_for_nothing_is_refused_and_the_suggestion_is_enough():
    """Another measurement may be slower by a fifth."""
    with pytest.raises(StudyError, match=r"^--minutes 3: .* scale=small takes about 3 min 54 s; give it --minutes 5$"):
        choose([option("small", 3.9, 5, 8, 12)], 180)
    assert chosen([option("small", 1.2 * 3.9, 6, 8, 12)], 5) == ("small", 1)


def test_one_loss_has_one_round_and_that_is_enough():
    words = ["loss=dice"]
    options = [option("small", 3, choices=words), option("quick", 8, choices=words)]
    assert chosen(options, 10) == ("quick", 1)
    found, rounds = choose(options, 600)
    assert found.seeds(rounds) == [0]
    assert reasons(found, rounds, 600)[0] == (
        "scale=auto is quick with 1 seed: in 10 minutes its one round fits. It is the largest that fits."
    )


def test_what_is_said_before_anything_starts():
    found = option("large", 30, 55, 90, 150)
    assert reasons(found, 2, 3600)[:2] == [
        "scale=auto is large with 6 seeds: in 60 minutes 2 of its 4 rounds fit. It is the largest scale of which 2 "
        "rounds fit.",
        "The first answer comes after about 30 min 00 s, the last one after at most about 55 min 00 s; earlier where a "
        "loss is out of reach or the question is decided.",
    ]
    assert found.seeds(2) == [0, 1, 2, 3, 4, 5]
    assert fit_scale.line(found) == (
        "large       100 training images of 48 px, 8 epochs: first answer after 30 min 00 s, all 4 rounds after at "
        "most 2 h 30 min"
    )
    assert command(["dataset=pets", "seeds=[0, 1]"], 3) == (
        "make study CHOICES=\"scale=auto dataset=pets 'seeds=[0, 1]'\" MINUTES=0 JOBS=3"
    )


class FakeMeter:
    """A machine on which an image of a side of 32 px takes a hundredth of a second, and others in proportion."""

    start = 1.0
    measured: list[str]

    def __init__(self, jobs):
        type(self).measured = []

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        pass

    def measure(self, config, path):
        assert path.is_absolute()
        self.measured.append(config.scale)
        pairs = {
            (head, loss): 0.01 * (config.sample.size / 32) ** 2 for head in config.loss.heads for loss in config.losses
        }
        return Speed(0.01, 0.1, pairs, pairs, 0.1, dict.fromkeys(config.loss.heads, 0.001))


def check(config):
    """Stands for the check of a model whose images have to be a multiple of 32 px."""
    if config.sample.size % 32:
        raise StudyError(f"sample.size: a multiple of 32, not {config.sample.size}")


def fit(minutes, *choices, monkeypatch, tmp_path):
    monkeypatch.setattr(fit_scale, "check_choices", check)
    monkeypatch.setattr(fit_scale, "Meter", FakeMeter)
    monkeypatch.setattr(fitted, "FITTED", tmp_path / "fitted_scale.yaml")
    fit_scale.main(argparse.Namespace(minutes=minutes, jobs=2, choices=list(choices)))
    return yaml.safe_load((tmp_path / "fitted_scale.yaml").read_text())


def test_scales_are_measured_until_one_does_not_fit(monkeypatch, tmp_path, capsys):
    found = fit(12, "loss.names=[bce,dice]", monkeypatch=monkeypatch, tmp_path=tmp_path)
    # After quick, of which two rounds fit, and large, whose images are refused, comes larger.
    assert FakeMeter.measured == ["small", "quick", "larger"]
    assert found["scale"] == "quick" and len(found["seeds"]) in (6, 12, 20)
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == """  make study CHOICES="scale=auto 'loss.names=[bce,dice]'" MINUTES=0 JOBS=2"""


def test_images_are_read_by_the_cores_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(fit_scale, "check_choices", check)
    monkeypatch.setattr(fit_scale, "Meter", FakeMeter)
    found = []
    for allowed in ({0}, {0, 1}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, allowed=allowed: allowed)
        found += fit_scale.measured(["loss=dice"], jobs=2, limit_s=1.0)
    one, two = found
    assert one.answers[0] - two.answers[0] == pytest.approx(one.images.read * 0.01 / 2)


def test_a_scale_that_the_model_cannot_take_is_left_out(monkeypatch, tmp_path, capsys):
    found = fit(1e6, "loss=dice", monkeypatch=monkeypatch, tmp_path=tmp_path)
    assert FakeMeter.measured == ["small", "quick", "larger"] and found == {"scale": "larger", "seeds": [0]}
    assert "large  left out: sample.size: a multiple of 32, not 48" in capsys.readouterr().out


def test_what_the_smallest_scale_cannot_take_is_refused(monkeypatch, tmp_path):
    with pytest.raises(StudyError, match="a multiple of 32, not 80"):
        fit(60, "loss=dice", "sample.size=80", monkeypatch=monkeypatch, tmp_path=tmp_path)


def test_a_scale_among_the_choices_is_refused():
    with pytest.raises(StudyError, match="leave 'scale=' out"):
        fit_scale.main(argparse.Namespace(minutes=5, jobs=1, choices=["scale=laptop"]))


def test_nothing_is_downloaded_for_a_measurement(monkeypatch, tmp_path):
    monkeypatch.setattr(fit_scale, "SOURCE", tmp_path)
    pets = composed(["dataset=pets"]).dataset
    refused = pytest.raises(StudyError, match="'loss-study compose dataset=pets' and 'dvc repro download'")
    with refused, fit_scale.images_of(pets):
        pass
    (tmp_path / "source.json").write_text('{"name": "pets", "path": "data/source/files", "notes": []}')
    with fit_scale.images_of(pets) as path:
        assert path == Path("data/source/files").absolute()


def test_a_folder_is_measured_where_it_is(tmp_path):
    (tmp_path / "images").mkdir()
    mine = composed(["dataset=folder", f"dataset.path={tmp_path}"]).dataset
    with fit_scale.images_of(mine) as path:
        assert path == tmp_path
