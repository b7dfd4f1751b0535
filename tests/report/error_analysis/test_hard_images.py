"""Which test images are shown."""

import numpy as np

from loss_study.report.error_analysis import hard_images


def test_images_are_chosen_by_mean_and_by_difference():
    iou = np.array([[0.1, 0.9, 0.2, 0.9, 0.5, 0.5], [0.1, 0.9, 0.3, 0.1, 0.9, 0.6]])
    titles = hard_images.choose(iou, higher_is_better=True)
    assert titles == dict.fromkeys([0, 2], "Hard for all") | dict.fromkeys([3, 4], "The losses differ most") | {
        1: "Easy for all"
    }
    assert list(hard_images.choose(-iou, higher_is_better=False)) == list(titles)
    assert "The losses differ most" not in hard_images.choose(iou[:1], higher_is_better=True).values()


def test_no_image_twice_where_there_are_few():
    assert sorted(hard_images.choose(np.array([[0.1, 0.2], [0.3, 0.4]]), higher_is_better=True)) == [0, 1]
