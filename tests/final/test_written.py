"""The folder of a trained and exported model: files, contract, card, and the same numbers from both runtimes."""

import csv
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from loss_study import cli
from loss_study.data.depth_scale import DepthScale
from loss_study.data.packed import PackedSample
from loss_study.final.card import card
from loss_study.inference import runtimes, torch_runtime
from loss_study.inference.contract import Contract, Depth, Input, Mask
from loss_study.inference.folder import ModelFolder
from loss_study.runtime.errors import StudyError
from support.data_at_hand import save
from support.samples import write_sample

#: Of the test images of the discs.
TEST = slice(18, 24)


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> PackedSample:
    """The discs that the model was trained on."""
    folder = tmp_path_factory.mktemp("sample") / "sample"
    return PackedSample.open(write_sample(folder, depth={"unit": "m", "halfway_m": 9.0, "farthest_m": 80.0}))


@pytest.fixture(scope="module")
def inputs(sample):
    """Backgrounds and images of the test split, float32 (6, 6, 32, 32)."""
    pair = [sample.backgrounds[sample.background_rows[TEST]], sample.images[TEST]]
    return np.ascontiguousarray(np.concatenate(pair, axis=3).transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def test_the_folder_is_complete_and_its_contract_is_that_of_the_sample(written):
    assert sorted(path.name for path in written.path.iterdir()) == [
        "README.md", "model.json", "model.onnx", "model.safetensors"
    ]  # fmt: skip
    mask = written.contract.outputs["mask"]
    assert isinstance(mask, Mask) and 0 < mask.threshold < 1
    expected = {"mask": Mask(1, ("foreground",), mask.threshold), "depth": Depth(DepthScale(9.0, 80.0))}
    assert written.contract == Contract(Input(6, 32, 16), expected)
    for name in ("README.md", "model.onnx", "model.safetensors"):
        assert written.file(name).stat().st_mode & 0o444 == 0o444


def test_one_network_has_both_heads_with_the_losses_of_the_study(written):
    (network,) = written.description["networks"]
    assert {head: loss["name"] for head, loss in network["losses"].items()} == {"mask": "dice", "depth": "rmse"}
    (trained,) = written.description["training"]["networks"]
    # 0.04 for the mask and 0.01 for the depth.
    assert trained["lr"] == pytest.approx(0.02) and trained["epochs"] == 3 and trained["weighting"]["name"] == "equal"
    assert written.description["training"]["images"] == 12


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 32, 32), (2, 64, 32), (1, 16, 80), (5, 48, 96)])
def test_onnx_equals_torch_for_any_batch_and_size(written, shape):
    count, height, width = shape
    inputs = np.random.default_rng(0).random((count, 6, height, width), dtype=np.float32)
    onnx, torch_ = (runtimes.load(written, name)(inputs) for name in ("onnx", "torch"))
    for head in ("mask", "depth"):
        assert onnx[head].shape == torch_[head].shape == (count, 1, height, width)
        assert np.abs(onnx[head] - torch_[head]).max() < 1e-4


def test_the_difference_that_the_card_states_was_measured(written):
    stated = written.description["onnx"]
    assert 0 <= stated["largest_difference"] < 1e-4
    assert stated["images"] == 6 and stated["batches"] == [1, 2, 6] and stated["sizes"] == ["32 x 32", "128 x 64"]
    text = (written.path / "README.md").read_text()
    assert f"differs from torch by at most {stated['largest_difference']:.1e}" in text


def metric(written, head, name):
    return next(one for one in written.description["measured"][head]["metrics"] if one["metric"] == name)


def test_the_metrics_are_those_of_the_test_split(written, sample, inputs):
    found = runtimes.load(written)(inputs)
    foreground = found["mask"][:, 0] > written.contract.outputs["mask"].threshold
    target = sample.masks[TEST] > 127
    both, either = ((one).sum((1, 2)) for one in (foreground & target, foreground | target))
    iou = both / either
    stated = metric(written, "mask", "iou_at_best")
    assert stated["value"] == pytest.approx(iou.mean(), abs=1e-4) and stated["images"] == 6
    # A t interval over six images, each with an object of its own; the four backgrounds are shared.
    assert stated["low"] <= stated["value"] <= stated["high"] <= 1

    metres = written.contract.outputs["depth"].scale.decode(found["depth"][:, 0].astype(np.float64))
    code = sample.depths[TEST] / 65535
    true = np.minimum(9 * code / (1 - code).clip(1e-9), 80)
    known = code < 80 / 89
    rmse = [np.sqrt(np.mean((a[k] - b[k]) ** 2)) for a, b, k in zip(metres, true, known, strict=True)]
    stated = metric(written, "depth", "rmse")
    assert stated["unit"] == "m" and stated["value"] == pytest.approx(np.mean(rmse), rel=1e-3)


def test_the_card_shows_the_numbers_of_the_metrics(written):
    text = (written.path / "README.md").read_text()
    rows = dict(re.findall(r"^\| (.+?) \((?:higher|lower) is better\) \| (.+?) \|", text, re.MULTILINE))
    shown = [(one["label"], one["value"], one["unit"]) for head in ("mask", "depth")
             for one in written.description["measured"][head]["metrics"]]  # fmt: skip
    assert len(shown) == len(rows) == 13
    for label, value, unit in shown:
        number, _, words = rows[label].partition(" ")
        assert float(number) == pytest.approx(value, abs=0.0006) and words == unit
    assert rows["RMSE"].endswith(" m")
    assert f"above the threshold **{written.contract.outputs['mask'].threshold}**" in text
    assert "float32 (N, 6, H, W) in [0, 1]: RGB of the background, then RGB of the image." in text
    assert "12 images for training, 6 for validation, 6 for the test" in text


def test_a_card_of_relative_depth_classes_and_a_model_without_graph(written):
    values = json.loads(json.dumps(written.description))
    values["outputs"] = {
        "mask": {"classes": 2, "class_names": ["pet", "border"], "threshold": None},
        "depth": {"unit": "relative"},
    }
    values |= {"onnx": None, "onnx_problem": "an operator is missing"}
    values["measured"]["mask"]["verdict"] = "all background"
    values["measured"]["depth"]["metrics"][0]["low"] = None
    text = card(values)
    assert "probability of each class: pet, border; the most probable one is taken" in text
    assert "There is no `model.onnx`: an operator is missing." in text
    assert "it has no unit" in text and "threshold is" not in text
    assert "**Warning: all background.**" in text and "| - |" in text


def test_predict_gives_the_numbers_of_both_runtimes_on_files(written, sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for row in (18, 19):
        save(tmp_path / f"images/{row}.png", sample.images[row])
        save(tmp_path / f"backgrounds/{row}.png", sample.backgrounds[sample.background_rows[row]])
    for runtime in ("onnx", "torch"):
        words = ["predict", str(written.path), "images", "--background", "backgrounds", "--runtime", runtime]
        arguments = cli.parse([*words, "--output", runtime, "--format", "npy", "--csv"])
        arguments.main(arguments)
    for row in (18, 19):
        for head in ("mask", "depth"):
            one, other = (np.load(f"{runtime}/{row}.{head}.npy") for runtime in ("onnx", "torch"))
            # Metres grow by at most (1 - c) ** -2 / 9 of the code, 900 at 80 m.
            assert np.abs(one - other).max() < (1e-4 if head == "mask" else 0.09)
        assert Image.open(f"onnx/{row}.overlay.jpg").size[0] == 640
    with (tmp_path / "onnx/predictions.csv").open(newline="") as file:
        assert {row["unit"] for row in csv.DictReader(file) if row["head"] == "depth"} == {"m"}


def test_a_process_that_has_predicted_can_train(written):
    runtimes.load(written, "torch")(np.zeros((1, 6, 48, 48), np.float32))
    networks = torch_runtime.load(written).train()
    found = networks(torch.zeros(2, 6, 48, 48, requires_grad=True))
    (found["mask"].mean() + found["depth"].mean()).backward()


def test_weights_of_other_networks_are_one_line(written):
    values = json.loads(json.dumps(written.description))
    values["networks"][0]["options"]["width"] = 3
    with pytest.raises(StudyError, match=r"model\.safetensors: does not fit model\.json") as caught:
        torch_runtime.load(ModelFolder(written.path, values, written.contract))
    assert "\n" not in str(caught.value)
