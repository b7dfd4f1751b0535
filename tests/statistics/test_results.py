"""What the trials left, read from a fabricated study."""

import json
import math
import re
import shutil
from pathlib import Path

import pytest

from loss_study.metrics import HEADLINE
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.statistics.results import LEARNED_LITTLE, Result, mark
from loss_study.trial import Trial
from support.fabricated_study import COLLAPSED, DIVERGED, MISSING, REPOSITORY, Study, fabricate


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Seven losses, two heads, two seeds; one trial collapsed, one diverged, one missing."""
    monkeypatch.chdir(tmp_path)
    fabricate(tmp_path, repository=REPOSITORY)
    return Study.read()


def test_outcomes_are_named(study):
    assert study.result(*COLLAPSED).failure == "collapsed: all background"
    assert study.result(*DIVERGED).failure == "diverged: the loss became nan in epoch 3"
    assert study.result(*MISSING).failure == "missing: not trained, no runs/1/depth/bce/0/trial.json"
    failed = {(r.trial.head, r.trial.loss, r.trial.seed) for r in study.results if not r.sound}
    assert failed == {COLLAPSED, DIVERGED, MISSING}


def test_trained_but_not_evaluated_is_missing(study):
    Path("eval/1/mask/l1/0/metrics.json").unlink()
    assert Study.read().result("mask", "l1", 0).failure == "missing: not evaluated, no eval/1/mask/l1/0/metrics.json"


def test_a_removed_loss_is_not_in_the_report(study):
    values = Path("params.yaml").read_text().replace("  - dice\n", "")
    Path("params.yaml").write_text(values)
    assert Path("eval/1/mask/dice/0").is_dir()
    assert "dice" not in Study.read().order("mask")


def test_nothing_evaluated_says_what_to_do(study):
    for path in Path("eval").glob("*/*/*/*/metrics.json"):
        path.unlink()
    with pytest.raises(StudyError, match=r"none of the trials.*run 'dvc repro'"):
        Study.read()


@pytest.mark.parametrize("path", ["eval/1/mask/l1/0/metrics.json", "runs/1/mask/l1/0/history.csv"])
def test_a_digit_that_changed_on_the_disk_is_not_compared(study, path):
    checksums.write(Path(path).parent)
    Study.read()
    content = Path(path).read_text()
    place = re.search(r"0\.\d(?=\d)", content).end()
    Path(path).write_text(content[:place] + str((int(content[place]) + 1) % 10) + content[place + 1 :])
    with pytest.raises(StudyError, match=f"^{path}: changed since it was written; run 'dvc repro -f' on its stage"):
        Study.read()


@pytest.mark.parametrize("kind", ["runs", "eval"])
@pytest.mark.parametrize(("other", "key", "values"), [("mask/l1/1", "seed", "1 instead of 0"),
                                                      ("mask/dice/0", "loss", "'dice' instead of 'l1'"),
                                                      ("depth/l1/0", "head", "'depth' instead of 'mask'")])  # fmt: skip
def test_the_whole_result_of_another_trial_is_refused(study, kind, other, key, values):
    folder = Path(f"{kind}/1/mask/l1/0")
    shutil.rmtree(folder)
    shutil.copytree(f"{kind}/1/{other}", folder)
    checksums.write(folder)
    file = "trial.json" if kind == "runs" else "metrics.json"
    with pytest.raises(StudyError, match=f"^{folder}/{file}: its {key} is {values}; run 'dvc repro -f' on its stage"):
        Study.read()


def test_results_left_from_another_configuration_are_not_compared_unasked(study):
    path = Path("runs/1/mask/l1/0/trial.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"epochs": 40}))
    with pytest.raises(StudyError, match=r"^compare.mixed: the trials differ in number of epochs \(8, 40\)"):
        Study.read()


def test_a_damaged_file_is_named(study):
    Path("eval/1/mask/l1/0/metrics.json").write_text("{")
    with pytest.raises(StudyError, match=re.escape("eval/1/mask/l1/0/metrics.json: damaged")):
        Study.read()


def test_an_undefined_headline_is_a_failure(study):
    path = Path("eval/1/mask/dice/0/metrics.json")
    metrics = json.loads(path.read_text())
    metrics["test"]["iou_at_best"] = math.nan
    path.write_text(json.dumps(metrics))
    assert Study.read().result("mask", "dice", 0).failure == "no iou_at_best on the test split"


def of(head, loss, scores, constant):
    """Results of one loss, a seed for each score."""
    return [
        Result(Trial(head, loss, seed), "finished", "", "", {}, {HEADLINE[head]: score}, None, (), (), 1, constant)
        for seed, score in enumerate(scores)
    ]


def test_a_seed_that_learned_less_than_a_third_of_what_another_did_has_failed():
    """As seen with topk on photographs: foreground everywhere has .08, four seeds reach .8, two do not leave it."""
    results = mark(
        [*of("mask", "topk", [0.81, 0.088, 0.79, 0.321, 0.325], 0.08), *of("mask", "dice", [0.2, 0.2], 0.08)]
    )
    assert [one.sound for one in results] == [True, False, True, False, True, True, True]
    assert results[1].failure.startswith("learned little: less than a third of what another seed did")


def test_where_every_seed_of_a_loss_is_stuck_the_other_losses_tell():
    stuck, learned = of("mask", "topk", [0.1, 0.09, 0.11], 0.08), of("mask", "dice", [0.8, 0.81, 0.79], 0.08)
    assert [one.sound for one in mark([*stuck, *learned])] == [False] * 3 + [True] * 3
    assert [one.sound for one in mark(stuck)] == [True, False, True]
    # A loss that reaches a tenth of what others do, and with every seed as much, has not failed: it is worse.
    poor = of("mask", "topk", [0.16, 0.17, 0.16], 0.08)
    assert all(one.sound for one in mark([*poor, *learned]))


def test_of_the_depth_less_is_better():
    results = mark(of("depth", "dice", [0.05, 0.19, 0.16], 0.2))
    assert [one.verdict for one in results] == ["", LEARNED_LITTLE, LEARNED_LITTLE]
    assert [one.sound for one in mark(of("depth", "dice", [0.05, 0.15, 0.149], 0.2))] == [True, True, True]


def test_what_seeds_show_depends_on_those_that_are_known():
    """A round is judged by what was known then, also after a later one."""
    results = of("mask", "lovasz", [0.12, 0.11, 0.8], 0.08)
    assert [one.sound for one in mark(results[:2])] == [True, True]
    assert [one.sound for one in mark(mark(results)[:2])] == [True, True]
    assert [one.sound for one in mark(mark(results))] == [False, False, True]


def test_where_no_seed_learned_or_the_constant_is_unknown_none_is_singled_out():
    assert all(one.sound for one in mark(of("mask", "dice", [0.8, 0.01], None)))
    assert all(one.sound for one in mark(of("mask", "dice", [0.08, 0.05], 0.08)))
