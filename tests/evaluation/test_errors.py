"""Where predictions fail: hand-made images, and identities with the metrics."""

import math

import pytest
import torch

from loss_study.evaluation.error_analysis import depth_errors, mask_errors
from loss_study.evaluation.per_image import mask as mask_metrics


def random_target(seed=0, images=3, size=16):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(images, 1, size, size, generator=generator) > 0.7).float()


def random_prediction(seed=1, images=3, size=16):
    return torch.rand(images, 1, size, size, generator=torch.Generator().manual_seed(seed))


def square():
    """A square of 6 x 6 px in 16 x 16; the band around its outline has 8 x 8 - 4 x 4 = 48 px."""
    target = torch.zeros(1, 1, 16, 16)
    target[0, 0, 5:11, 5:11] = 1
    return target


# Masks


def test_regions_by_hand():
    prediction = square()
    prediction[0, 0, 5, 5] = 0  # a corner of the object missed: on the outline
    prediction[0, 0, 8, 8] = 0.5  # its middle missed: 0.5 is not above the threshold
    prediction[0, 0, 0, 0:3] = 0.9  # three pixels marked far away
    assert mask_errors.by_region(prediction=prediction, target=square()) == {
        "interior": {"pixels": 16, "false_positives": 0, "false_negatives": 1},
        "outline": {"pixels": 48, "false_positives": 0, "false_negatives": 1},
        "background": {"pixels": 256 - 64, "false_positives": 3, "false_negatives": 0},
    }


def test_errors_of_the_regions_add_up_to_one_minus_accuracy():
    prediction, target = random_prediction(), random_target()
    parts = mask_errors.by_region(prediction=prediction, target=target).values()
    pixels = sum(part["pixels"] for part in parts)
    wrong = sum(part["false_positives"] + part["false_negatives"] for part in parts)
    accuracy = mask_metrics.columns(prediction=prediction, target=target)["pixel_accuracy"].mean()
    assert pixels == target.numel()
    assert wrong / pixels == pytest.approx(1 - float(accuracy))


def test_a_perfect_prediction_is_calibrated_and_errs_nowhere():
    found = mask_errors.describe(prediction=random_target(), target=random_target())
    assert found["calibration"]["error"] == 0
    assert all(part["false_positives"] == part["false_negatives"] == 0 for part in found["regions"].values())
    assert found["iou_by_threshold"] == [1.0] * 99


def test_calibration_by_hand():
    # Eight pixels at 0.25, four of them foreground; eight at 0.95, all foreground.
    prediction = torch.tensor([0.25] * 8 + [0.95] * 8).view(1, 1, 4, 4)
    target = torch.tensor([1.0] * 4 + [0.0] * 4 + [1.0] * 8).view(1, 1, 4, 4)
    found = mask_errors.calibration(prediction=prediction, target=target)
    assert found["pixels"] == [0, 0, 8, 0, 0, 0, 0, 0, 0, 8]
    assert (found["predicted"][2], found["observed"][2]) == (0.25, 0.5)
    assert math.isnan(found["observed"][0])
    # Four foreground pixels of twelve are in the bin that is off by 0.25.
    assert found["error"] == pytest.approx((4 * 0.25 + 8 * 0.05) / 12)


def test_a_sure_background_does_not_hide_how_far_off_the_foreground_is():
    """The chart of `loud` leaves the diagonal where the object is; that of `quiet` does so on the background alone."""
    target = torch.zeros(1, 1, 10, 10)
    target[0, 0, 0, :8] = 1
    quiet, loud = torch.full_like(target, 0.02), torch.zeros_like(target)
    quiet[0, 0, 0] = 0.8
    loud[0, 0, 0] = 0.95
    quiet, loud = (mask_errors.calibration(prediction=one, target=target) for one in (quiet, loud))
    # Eight of ten pixels of the first row are foreground: 0.8 is right, 0.95 is not. All others are background.
    assert [quiet["observed"][8], loud["observed"][9]] == pytest.approx([0.8, 0.8])
    assert [quiet["error"], loud["error"]] == pytest.approx([0, 0.15], abs=1e-6)

    def over_all_pixels(found):
        gaps = [
            n * abs(p - o) for n, p, o in zip(found["pixels"], found["predicted"], found["observed"], strict=True) if n
        ]
        return sum(gaps) / sum(found["pixels"])

    assert over_all_pixels(quiet) > over_all_pixels(loud), "weighted by all pixels, the order is the other way round"


def test_predicting_the_share_of_foreground_everywhere_is_calibrated():
    target = random_target()
    prediction = torch.full_like(target, float(target.mean()))
    assert mask_errors.calibration(prediction=prediction, target=target)["error"] == pytest.approx(0, abs=1e-6)


def test_calibration_covers_every_pixel_and_both_ends():
    prediction, target = random_prediction(), random_target()
    prediction[0, 0, 0, 0], prediction[0, 0, 0, 1] = 0.0, 1.0
    assert sum(mask_errors.calibration(prediction=prediction, target=target)["pixels"]) == target.numel()


def test_threshold_curve_passes_through_the_headline():
    prediction, target = random_prediction(), random_target()
    found = mask_errors.describe(prediction=prediction, target=target)
    place = [round(threshold, 2) for threshold in found["thresholds"]].index(0.5)
    at_half = mask_metrics.columns(prediction=prediction, target=target)["iou"].mean().item()
    assert found["iou_by_threshold"][place] == pytest.approx(at_half)


# Depth


def quantised(seed, images=3, size=16):
    return (random_prediction(seed, images, size) * 255).round() / 255


def test_depth_regions_make_up_the_error():
    prediction, target, mask = random_prediction(), quantised(2), random_target()
    found = depth_errors.describe(prediction=prediction, target=target, mask=mask)
    mean_square = float((prediction - target).double().square().mean())
    for one, other in (("edges", "elsewhere"), ("foreground", "background")):
        parts = [found["regions"][one], found["regions"][other]]
        assert sum(part["pixels"] for part in parts) == target.numel()
        total = sum(part["pixels"] * part["rmse_coded"] ** 2 for part in parts if part["pixels"])
        assert total / target.numel() == pytest.approx(mean_square)
    distance = found["distance"]
    total = sum(n * r**2 for n, r in zip(distance["pixels"], distance["rmse_coded"], strict=True) if n)
    assert total / target.numel() == pytest.approx(mean_square)


def test_depth_by_distance_by_hand():
    target = torch.tensor([0.2] * 8 + [1.0] * 8).view(1, 1, 4, 4)
    prediction = torch.tensor([0.3] * 4 + [0.2] * 4 + [0.6] * 8).view(1, 1, 4, 4)
    found = depth_errors.by_distance(prediction=prediction, target=target)
    assert found["pixels"] == [0, 0, 8, 0, 0, 0, 0, 0, 0, 8]
    assert found["rmse_coded"][2] == pytest.approx(math.sqrt(0.01 / 2), rel=1e-5)
    assert found["bias"][2] == pytest.approx(0.05, rel=1e-5)
    assert found["bias"][9] == pytest.approx(-0.4, rel=1e-5)
    assert math.isnan(found["bias"][0])


def test_depth_edges_of_a_step():
    target = torch.zeros(1, 1, 16, 16)
    target[..., 8:] = 102 / 255
    prediction = target.clone()
    prediction[..., 8] = 1.0
    found = depth_errors.describe(prediction=prediction, target=target, mask=None)["regions"]
    assert set(found) == {"edges", "elsewhere"}
    assert found["edges"] == {"pixels": 32, "rmse_coded": pytest.approx(0.6 / math.sqrt(2))}
    assert found["elsewhere"] == {"pixels": 224, "rmse_coded": 0.0}
