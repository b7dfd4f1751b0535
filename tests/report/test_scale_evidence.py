"""What a study's page says of larger studies, and when it says nothing."""

import csv

import pytest

from loss_study import metrics
from loss_study.config import checked
from loss_study.config.composition import composed
from loss_study.report.sections import scale_evidence
from loss_study.report.sections.answer import answer
from loss_study.report.sections.scale_evidence import sentence, sentences
from support.fabricated_study import REPOSITORY
from support.rankings import DECIDED, ranked

IOU = metrics.find("iou_at_best")
RMSE = metrics.find("rmse_coded")


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(REPOSITORY)


@pytest.fixture
def config():
    return composed(["scale=small"])


@pytest.fixture
def table(tmp_path, config):
    """A function that writes a table with rows of a study of `config`; each gives what differs from the first."""

    def write(*rows):
        base = {
            "rung": "small",
            "dataset": "scenes",
            "images": scale_evidence.images(config),
            "scale": scale_evidence.scale(config),
            "head": "mask",
            "metric": "iou_at_best",
            "choice": "dice",
            "larger": "default",
            "at": "3.2 times the training images",
            "margin": 0.02,
            "regret_high": 0.0142848,
        }
        path = tmp_path / "evidence.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, scale_evidence.COLUMNS)
            writer.writeheader()
            writer.writerows([base | row for row in rows])
        return path

    return write


def test_one_larger_study_gives_its_bound_rounded_up(config, table):
    assert sentence(config, "mask", IOU, table({})) == (
        "A study of this scale chose dice; with 95 % confidence that loss was at most 0.015 IoU worse than the best "
        "compared one at 3.2 times the training images (docs/scale.md)."
    )


def test_of_several_larger_studies_those_within_their_own_margin_are_counted(config, table):
    path = table(
        {},
        {"larger": "large", "margin": 0.01},
        {"larger": "larger", "margin": 0.0142848},
        {"larger": "largest", "regret_high": ""},
        # The same larger study on another ladder is not counted twice.
        {"larger": "default", "at": "1.7 times the epochs"},
    )
    assert sentence(config, "mask", IOU, path) == (
        "A study of this scale chose dice; in 2 of 4 larger studies that loss was within their margin of the best "
        "compared one, with 95 % confidence in each (docs/scale.md)."
    )


@pytest.mark.parametrize(
    "row",
    [
        {"scale": "0123456789abcdef"},
        {"head": "depth"},
        {"metric": "iou"},
        {"regret_high": ""},
    ],
    ids=["another study", "another head", "another metric", "no bound"],
)
def test_nothing_is_said_where_nothing_is_known(row, config, table):
    assert sentence(config, "mask", IOU, table(row)) == ""
    assert sentence(config, "mask", IOU, table()) == ""


def changed(config, key, value):
    values = config.model_dump(mode="json")
    *sections, last = key.split(".")
    place = values
    for section in sections:
        place = place[section]
    place[last] = value
    return checked(values)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sample.size", 48),
        ("sample.images", 251),
        ("sample.folds", 5),
        ("recipe.epochs", 4),
        ("recipe.search.lr", []),
        ("model.options.width", 9),
        ("model.name", "segnet"),
        ("loss.names", ["bce", "dice"]),
        ("loss.heads", ["mask"]),
        ("loss_options.dice.smooth", 0.1),
    ],
)
def test_nothing_is_said_of_another_scale(key, value, config, table):
    assert sentence(changed(config, key, value), "mask", IOU, table({})) == ""


@pytest.mark.parametrize(
    ("key", "value"),
    [("dataset.name", "composites"), ("dataset.path", "/photographs"), ("dataset.options.seed", 1)],
)
def test_of_other_images_it_is_said_that_they_are_others(key, value, config, table):
    """Both datasets are other images: each has its sentence, one of them nothing but an unknown bound."""
    path = table(
        {"regret_high": ""},
        {"dataset": "composites", "images": "", "choice": "rmse"},
        {"dataset": "pets", "images": "", "regret_high": ""},
        {"larger": "large"},
    )
    assert sentence(changed(config, key, value), "mask", IOU, path) == (
        "On other images (scenes) a study of this scale chose dice; in 1 of 2 larger studies that loss was within "
        "their margin of the best compared one, with 95 % confidence in each (docs/scale.md). On other images "
        "(composites) a study of this scale chose rmse; with 95 % confidence that loss was at most 0.015 IoU worse "
        "than the best compared one at 3.2 times the training images (docs/scale.md)."
    )


def test_where_the_same_images_were_studied_others_are_not_told(config, table):
    path = table({"dataset": "composites", "images": "", "choice": "rmse"}, {})
    assert sentence(config, "mask", IOU, path).startswith("A study of this scale chose dice;")


@pytest.mark.parametrize(
    ("key", "value"), [("seeds", [0, 1, 2]), ("race.rounds", [4, 8]), ("compare.margin.mask", 0.01), ("scale", "mine")]
)
def test_seeds_rounds_margin_and_name_do_not_make_another_scale(key, value, config, table):
    assert sentence(changed(config, key, value), "mask", IOU, table({}))


def test_before_a_study_both_heads_are_told(config, table):
    path = table({}, {"head": "depth", "metric": "rmse_coded", "choice": "l1", "regret_high": 0.00411})
    found = sentences(config, path)
    assert [one.split(";")[0] for one in found] == [
        "mask: A study of this scale chose dice",
        "depth: A study of this scale chose l1",
    ]
    assert "at most 0.0042 of the depth range worse" in found[1]
    assert sentence(config, "depth", RMSE, path) == found[1].removeprefix("depth: ")


def test_the_page_has_the_sentence_at_its_end_or_nothing():
    without, with_it = answer(ranked(DECIDED), []), answer(ranked(DECIDED), [], evidence="So it was.")
    assert with_it.caveats == [*without.caveats, "So it was."]


def test_of_the_default_study_something_is_said_as_soon_as_a_larger_one_has_run():
    with scale_evidence.TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({(row["dataset"], row["scale"], row["head"], row["larger"]) for row in rows}) == len(rows) > 0
    larger = {row["larger"] for row in rows if row["scale"] == scale_evidence.scale(composed([]))}
    assert bool(sentences(composed([]))) == bool(larger)
