"""Panels: what is in each of their cells."""

import io

import numpy as np
from PIL import Image

from loss_study import losses
from loss_study.data.depth_scale import eight_bits
from loss_study.report import panels
from loss_study.report.panels import MOST_COLUMNS
from loss_study.report.sections import images
from support import fabricated_study
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


def test_many_losses_stand_in_rows_that_are_wide_enough(folder, monkeypatch):
    names = losses.names()
    for number, name in enumerate(names):
        monkeypatch.setitem(fabricated_study.IOU, name, 0.6 + 0.01 * number)
        monkeypatch.setitem(fabricated_study.RMSE, name, 0.1)
    fabricated_study.fabricate(folder, repository=fabricated_study.REPOSITORY, losses=names, seeds=[0])
    study = fabricated_study.Study.read()
    (drawn, _) = images.panels(study.ranking("mask"), study.sample)
    columns = 3 + len(names)
    rows = -(-columns // MOST_COLUMNS)
    assert rows > 1 and drawn.width < MOST_COLUMNS * (128 + 6)
    canvas = Image.open(io.BytesIO(drawn.png)).convert("RGB")
    row_height = 2 * 128 + 6 + 2 * 20
    assert canvas.height == rows * row_height + (rows - 1) * 6
    # The first loss of the second row.
    first = -(-columns // rows) - 3
    shown = np.asarray(canvas.crop((0, row_height + 6 + 20, 128, row_height + 6 + 20 + 128)))[2::4, 2::4]
    predicted = np.load(f"eval/1/mask/{study.order('mask')[first]}/0/predictions.npy")[0]
    assert np.array_equal(shown[..., 0], predicted)


def test_a_long_name_is_not_wider_than_its_column():
    assert panels._font("dice", 128).size == panels._FONT_SIZE
    for name in ("exponential_logarithmic", "the_loss_with_the_longest_name_of_all"):
        font = panels._font(name, 128)
        assert font.getlength(name) <= 128 and font.size < panels._FONT_SIZE
