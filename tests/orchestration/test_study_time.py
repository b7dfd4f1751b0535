"""How long a study takes: the time model against values worked out by hand."""

from types import SimpleNamespace

import pytest

from loss_study.config.composition import composed
from loss_study.data.packed import split_of
from loss_study.orchestration.speed import Speed
from loss_study.orchestration.study_time import Images, Machine, answers, every_loss, spread
from loss_study.sampling.pack import Drawn

IMAGES = Images(train=100, validation=20, test=500, read=300)
MACHINE = Machine(start=2.0, jobs=2, cores=2)


def speed(pairs, heads=("mask",)):
    return Speed(
        image=0.1,
        trial=1.0,
        training=dict.fromkeys(pairs, 0.01),
        validation=dict.fromkeys(pairs, 0.005),
        analysis=2.0,
        evaluation=dict.fromkeys(heads, 0.002),
    )


@pytest.fixture(scope="module")
def config():
    """Two losses, two rounds of three seeds, 5 epochs; a search of 3 rates for 3 epochs."""
    return composed(["loss.names=[bce,dice]", "loss.heads=[mask]", "seeds=[0,1,2,3,4,5]"])


def test_two_rounds_by_hand(config):
    rounds = every_loss(config)
    assert rounds == [{("mask", "bce"): 3, ("mask", "dice"): 3}] * 2
    # An epoch is 100 * .01 + 20 * .005 = 1.1 s, a training 1 + 5 * 1.1 = 6.5 s, one of the search 1 + 3 * 1.1 = 4.3 s.
    # Before: 5 starts of 2 s, 300 images on two cores 15 s. A task: 1.5 starts,
    # 3 * 6.5 + 3 * 4.3 = 35.4 s, two at once.
    # Evaluation: 1.5 starts, 2 analyses of 2 s, 6 * 500 * .002 = 13 s. Report: (5 + .1 * 6) starts = 11.2 s.
    first = 25 + 35.4 + 13
    # Between: 4 starts. The report of 6 trials beside tasks of 3 + 3 * 6.5 = 22.5 s: one job has 11.2 + 22.5 s.
    second = first + 8 + 33.7 + 9
    found = answers(config, IMAGES, speed(rounds[0]), MACHINE, rounds)
    assert found == pytest.approx([first + 11.2, second + 12.4])


def test_a_loss_that_trains_no_more_takes_no_time(config):
    rounds = every_loss(config)
    fewer = [rounds[0], {("mask", "bce"): 3}]
    both, one = (answers(config, IMAGES, speed(rounds[0]), MACHINE, some) for some in (rounds, fewer))
    # Its three evaluations of 500 images, its trials in the report; and the report is done beside the other training.
    assert both[0] == one[0] and both[1] - one[1] == pytest.approx((33.7 - 22.5) + 3 + 3 * 0.1 * 2)


def test_without_a_search_a_joint_training_is_evaluated_on_both_heads():
    config = composed(["loss.names=[bce]", "joint=equal", "seeds=[0]", "recipe=fixed"])
    (pairs,) = every_loss(config)
    assert set(pairs) == {("mask", "bce"), ("depth", "bce"), *(("joint", name) for name in config.joint.names)}
    (found,) = answers(config, IMAGES, speed(pairs, ("mask", "depth")), Machine(2.0, 1, 1), [pairs])
    joint = len(config.joint.names)
    trainings = (2 + joint) * (3 + 6.5)
    evaluations = 2 * (3 + (1 + joint) * (2 + 1))
    assert found == pytest.approx(10 + 30 + trainings + evaluations + (5 + 0.1 * (2 + joint)) * 2)


@pytest.mark.parametrize("folds", [1, 3])
def test_parents_are_trained_before_one_for_each_fold(folds):
    choices = ["loss.names=[bce]", "loss.heads=[mask]", f"sample.folds={folds}"]
    config = composed(["recipe=continue", *choices])
    parent = config.recipe.parent.epochs
    start = composed(["recipe=tuned", *choices]).model_copy(
        update={
            "recipe": config.recipe.model_copy(update={"parent": config.recipe.parent.model_copy(update={"epochs": 0})})
        }
    )
    pairs = every_loss(config)
    with_parent, without = (answers(one, IMAGES, speed(pairs[0]), MACHINE, pairs) for one in (config, start))
    assert with_parent[0] - without[0] == pytest.approx(3 + folds * (1 + 1.1 * parent))


@pytest.mark.parametrize(
    ("tasks", "jobs", "seconds"), [([3, 3, 3], 1, 9), ([3, 3, 3], 2, 6), ([1, 5, 3], 2, 5), ([4], 3, 4), ([], 2, 0)]
)
def test_tasks_go_to_the_job_that_is_free_first(tasks, jobs, seconds):
    assert spread(tasks, jobs) == seconds


def item(background=None):
    return SimpleNamespace(background=background)


def test_images_are_counted_with_their_backgrounds_once():
    items = [item("a"), item("a"), item("b"), item(None)]
    drawn = Drawn(items, ["train", "train", "validation", "test"], [], [])
    sample = composed([]).sample
    assert Images.of(drawn, sample) == Images(2, 1, 1, 6)


def test_with_folds_the_images_are_those_of_a_fold():
    part = [0, 0, 1, 2, 2, 2]
    drawn = Drawn([item()] * 6, [split_of(one, 0, 3) for one in part], part, [])
    sample = composed([]).sample.model_copy(update={"folds": 3})
    assert Images.of(drawn, sample) == Images(train=3, validation=1, test=2, read=6)
