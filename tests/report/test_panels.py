"""Panels: what is in each of their cells."""

import numpy as np
from PIL import Image

from loss_study.data.depth_scale import eight_bits
from loss_study.report.sections import images
from support.fabricated_study import PANEL


def cell(png, column, row, columns):
    """The image in one cell of a panel, at its own size."""
    image = Image.open(png).convert("RGB")
    width = (image.width + 6) // columns
    box = (column * width, 20 + row * (128 + 6))
    return np.asarray(image.crop((*box, box[0] + 128, box[1] + 128)))[2::4, 2::4]


def test_panel_shows_truth_prediction_and_error(study, tmp_path):
    drawn = images.panels(study.ranking("mask"), study.sample)
    assert [panel.path for panel in drawn] == ["panels/mask-0.png", "panels/mask-1.png"]
    png = tmp_path / "panel.png"
    png.write_bytes(drawn[1].png)
    columns = 3 + 7
    truth = study.sample.masks[PANEL[1]]
    prediction = np.load("eval/1/mask/dice/0/predictions.npy")[1]
    assert np.array_equal(cell(png, 0, 0, columns), study.sample.images[PANEL[1]])
    assert np.array_equal(cell(png, 2, 0, columns)[..., 0], truth)
    assert np.array_equal(cell(png, 3, 0, columns)[..., 1], prediction)
    error = cell(png, 3, 1, columns).astype(int)
    above = prediction.astype(int) - truth > 40
    below = truth.astype(int) - prediction > 40
    assert above.any() and below.any()
    assert (error[above][:, 0] > error[above][:, 2]).all()
    assert (error[below][:, 2] > error[below][:, 0]).all()


def test_depth_panel_marks_a_perfect_prediction_as_free_of_error(study, tmp_path):
    truth = study.sample.depths[PANEL]
    np.save("eval/1/depth/rmse/0/predictions.npy", eight_bits(truth))
    png = tmp_path / "panel.png"
    png.write_bytes(images.panels(study.ranking("depth"), study.sample)[0].png)
    assert cell(png, 3, 1, 10).min() >= 245
    assert np.array_equal(cell(png, 3, 0, 10), cell(png, 2, 0, 10))


def test_panel_of_a_loss_without_predictions_stays_empty(one_seed, tmp_path):
    read = one_seed(["bce", "l1"])
    drawn = images.panels(read.ranking("depth"), read.sample)
    assert read.order("depth") == ["l1", "bce"]
    png = tmp_path / "panel.png"
    png.write_bytes(drawn[0].png)
    alpha = np.asarray(Image.open(png).getchannel("A"))
    assert alpha[20 + 64, 4 * 134 + 64] == 48
    assert alpha[20 + 134 + 64, 4 * 134 + 64] == 0
