import re
from pathlib import Path

import numpy as np
import pytest

from loss_study.metrics import HEADLINE
from loss_study.runtime.errors import StudyError
from loss_study.statistics import scores as reading
from loss_study.statistics.results import Result
from loss_study.statistics.scores import Identities, compared, scores_of
from loss_study.trial import Trial


def trial(folder, loss, seed, table, head="mask", verdict=""):
    """Write ``per_image.csv`` and return the trial's result."""
    test = {HEADLINE[head]: 0.5}
    result = Result(Trial(head, loss, seed), "finished", verdict, "", {}, test, None, (), ())
    path = folder / result.trial.eval_dir / "per_image.csv"
    path.parent.mkdir(parents=True)
    path.write_text(re.sub(" +", "", table))
    return result


TABLE = """id,background,object,foreground,iou
           p0,b0,c1,0.1,0.5
           p1,b1,c0,0.1,0.7
           p2,b1,c1,0.1,0.9
           """


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path()


def read(results, metric="iou"):
    return scores_of(metric, results, reading.read(results))


def test_scores_are_read_with_what_images_share(folder):
    results = [trial(folder, "bce", 0, TABLE), trial(folder, "bce", 1, TABLE.replace("0.9", "0.8"))]
    results.append(trial(folder, "l1", 0, TABLE.replace("0.9", "0.1"), verdict="all background"))
    scores = read(results)
    assert (scores.head, scores.metric, list(scores.values), scores.images) == ("mask", "iou", ["bce"], 3)
    assert scores.values["bce"].tolist() == [[0.5, 0.7, 0.9], [0.5, 0.7, 0.8]]
    assert (scores.objects.numbers.tolist(), scores.objects.known) == ([0, 1, 0], 2)
    assert (scores.backgrounds.numbers.tolist(), scores.backgrounds.known) == ([0, 1, 1], 2)


@pytest.mark.parametrize(("names", "known"), [(["", "", ""], 0), (["one", "one", "one"], 1), (["one", "", ""], 0)])
def test_images_count_as_alone_where_nothing_is_known_of_others(names, known):
    found = Identities.of(names)
    assert (found.numbers.tolist(), found.known) == ([0, 1, 2], known)


def test_an_image_without_a_name_is_alone_and_what_it_shares_unknown():
    found = Identities.of(["a", "", "b", "a", ""])
    assert (found.numbers.tolist(), found.known) == ([0, 1, 2, 0, 3], 0)


def test_an_image_without_a_value_is_left_out_everywhere(folder):
    results = [trial(folder, "bce", 0, TABLE), trial(folder, "l1", 0, TABLE.replace("0.7", "nan"))]
    scores = read(results)
    assert {loss: seeds.tolist() for loss, seeds in scores.values.items()} == {"bce": [[0.5, 0.9]], "l1": [[0.5, 0.9]]}
    # Both have the same object, but different backgrounds.
    assert (scores.objects.known, scores.backgrounds.known) == (1, 2)
    assert np.isfinite(scores.values["l1"]).all()


def test_a_metric_of_one_image_is_not_compared(folder):
    table = "\n".join(TABLE.splitlines()[:2]) + "\n"
    assert read([trial(folder, "bce", 0, table)]) is None


def test_a_metric_that_a_trial_lacks_is_not_compared(folder):
    results = [trial(folder, "bce", 0, TABLE.replace("iou", "dice,iou").replace("0.1,", "0.1,0.6,"))]
    assert read(results, "dice") is not None
    results.append(trial(folder, "l1", 0, TABLE))
    assert read(results, "dice") is None and read(results) is not None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "eval/1/mask/l1/0/per_image.csv: missing or empty; run 'dvc repro -f evaluate@mask'"),
        (TABLE.replace("0.7", "x"), "eval/1/mask/l1/0/per_image.csv: damaged in column 'iou'"),
        (
            TABLE.replace("p1", "p9"),
            "eval/1/mask/l1/0/per_image.csv: its test images differ from those of eval/1/mask/bce",
        ),
    ],
)
def test_files_that_do_not_fit_are_named(folder, table, message):
    results = [trial(folder, "bce", 0, TABLE), trial(folder, "l1", 0, table)]
    with pytest.raises(StudyError, match=re.escape(message)):
        read(results)


@pytest.mark.parametrize("head", ["mask", "depth"])
def test_headline_metrics_come_first(head):
    assert compared(head)[0] == HEADLINE[head]
    assert len(set(compared(head))) == len(compared(head)) > 3
