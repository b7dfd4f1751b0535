import re
from pathlib import Path

import pytest

from loss_study.runtime.errors import StudyError
from loss_study.statistics import scores as reading
from loss_study.statistics.ranking import rank_all
from loss_study.statistics.results import Result
from loss_study.statistics.scores import read
from loss_study.trial import Trial


def trial(folder, loss, seed, table, head="mask", verdict=""):
    """Write ``per_image.csv`` and return the trial's result."""
    result = Result(
        Trial(head, loss, seed), "finished", verdict, "", {}, {"iou_at_best": 0.5, "rmse_coded": 0.5}, None, (), ()
    )
    path = folder / result.trial.eval_dir / "per_image.csv"
    path.parent.mkdir(parents=True)
    path.write_text(re.sub(" +", "", table))
    return result


TABLE = """id,background,object,foreground,iou_at_best
           p0,b0,c1,0.1,0.5
           p1,b1,c0,0.1,0.7
           p2,b1,c1,0.1,0.9
           """


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path()


def test_scores_are_read_and_clustered_by_object(folder):
    results = [trial(folder, "bce", 0, TABLE), trial(folder, "bce", 1, TABLE.replace("0.9", "0.8"))]
    results.append(trial(folder, "l1", 0, TABLE.replace("0.9", "0.1"), verdict="all background"))
    (scores,) = read("mask", results)
    assert (scores.metric, scores.unit, list(scores.values)) == ("iou_at_best", "object", ["bce"])
    assert scores.values["bce"].tolist() == [[0.5, 0.7, 0.9], [0.5, 0.7, 0.8]]
    assert scores.clusters.tolist() == [1, 0, 1]
    assert read("depth", results) == []


@pytest.mark.parametrize(
    ("pattern", "unit", "clusters"), [("c[01]", "background", [0, 1, 1]), ("[bc][01]", "image", [0, 1, 2])]
)
def test_without_objects_backgrounds_then_images_are_the_clusters(folder, pattern, unit, clusters):
    (scores,) = read("mask", [trial(folder, "bce", 0, re.sub(pattern, "", TABLE))])
    assert (scores.unit, scores.clusters.tolist()) == (unit, clusters)


def test_an_image_without_a_value_is_left_out_everywhere(folder):
    results = [trial(folder, "bce", 0, TABLE), trial(folder, "l1", 0, TABLE.replace("0.7", "nan"))]
    (scores,) = read("mask", results)
    assert {loss: seeds.tolist() for loss, seeds in scores.values.items()} == {"bce": [[0.5, 0.9]], "l1": [[0.5, 0.9]]}
    # Both have the same object, but different backgrounds.
    assert scores.unit == "background"


def test_a_metric_of_one_image_is_not_compared(folder):
    table = "\n".join(TABLE.splitlines()[:2]) + "\n"
    assert read("mask", [trial(folder, "bce", 0, table)]) == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "eval/mask/l1/0/per_image.csv: missing or empty; run 'dvc repro -f evaluate@mask'"),
        (TABLE.replace("0.7", "x"), "eval/mask/l1/0/per_image.csv: damaged in column 'iou_at_best'"),
        (
            TABLE.replace("p1", "p9"),
            "eval/mask/l1/0/per_image.csv: its test images differ from those of eval/mask/bce",
        ),
    ],
)
def test_files_that_do_not_fit_are_named(folder, table, message):
    results = [trial(folder, "bce", 0, TABLE), trial(folder, "l1", 0, table)]
    with pytest.raises(StudyError, match=re.escape(message)):
        read("mask", results)


def test_heads_and_metrics_are_ranked_each_on_its_own(folder):
    mask = TABLE.replace("iou_at_best", "dice,iou_at_best").replace("0.1,", "0.1,0.6,")
    results = [trial(folder, loss, 0, mask) for loss in ("bce", "l1")]
    results += [
        trial(folder, loss, 0, TABLE.replace("iou_at_best", "rmse_coded"), head="depth") for loss in ("bce", "l1")
    ]
    found = [(ranking.head, ranking.metric.name) for ranking in rank_all(results)]
    assert found == [("mask", "iou_at_best"), ("mask", "dice"), ("depth", "rmse_coded")]


def test_headline_metrics_come_first():
    assert [metrics[0] for metrics in reading.COMPARED.values()] == ["iou_at_best", "rmse_coded"]
