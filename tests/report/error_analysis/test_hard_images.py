"""Which test images are shown."""

import numpy as np

from loss_study.report.error_analysis import hard_images


def test_images_are_chosen_by_mean_and_by_difference():
    iou = np.array([[0.1, 0.9, 0.2, 0.9, 0.5, 0.5], [0.1, 0.9, 0.3, 0.1, 0.9, 0.6]])
    titles = hard_images.choose(iou, higher_is_better=True)
    assert titles == dict.fromkeys([0, 2], "Hardest on average") | dict.fromkeys([3, 4], "The losses differ most") | {
        1: "Easiest on average"
    }
    assert list(hard_images.choose(-iou, higher_is_better=False)) == list(titles)
    assert "The losses differ most" not in hard_images.choose(iou[:1], higher_is_better=True).values()


def test_no_image_twice_where_there_are_few():
    assert sorted(hard_images.choose(np.array([[0.1, 0.2], [0.3, 0.4]]), higher_is_better=True)) == [0, 1]


def test_images_on_which_the_losses_are_alike_are_not_said_to_divide_them():
    alike = np.array([[0.9, 0.8, 0.7, 0.6, 0.5]] * 2)
    assert hard_images.choose(alike, higher_is_better=True) == dict.fromkeys([4, 3], "Hardest on average") | {
        0: "Easiest on average"
    }


def test_an_image_without_a_value_is_not_shown():
    for higher in (True, False):
        titles = hard_images.choose(np.array([[0.9, 0.1, np.nan], [0.8, 0.2, np.nan]]), higher_is_better=higher)
        assert sorted(titles) == [0, 1]
