"""The graph of every model, checked in onnxruntime against torch."""

import numpy as np
import pytest
import torch
from torch import nn

from loss_study import models
from loss_study.final.export import ExportError, export, largest_difference
from loss_study.inference.contract import Contract, Depth, Input, Mask
from loss_study.inference.torch_runtime import NetworkDescription, Networks

OPTIONS = {
    "smp": {"architecture": "unet", "encoder": "resnet18", "weights": "none"},
    "resunet": {"width": 4},
    "imported": {"_target_": "support.their_things.TwoHeads"},
}
HEADS = {"mask": {"name": "dice", "options": {}}, "depth": {"name": "l1", "options": {}}}


def contract(channels, classes, stride):
    names = tuple(f"class_{number}" for number in range(classes))
    mask = Mask(classes, names, 0.5 if classes == 1 else None)
    return Contract(Input(channels, 64, stride), {"mask": mask, "depth": Depth(None)})


def random(count, channels, height, width):
    return np.random.default_rng(count).random((count, channels, height, width), dtype=np.float32)


@pytest.mark.long
@pytest.mark.parametrize("name", models.names())
def test_every_model_is_exported_for_any_batch_and_size(tmp_path, name):
    torch.manual_seed(0)
    losses = {**HEADS, "mask": {"name": "cross_entropy", "options": {}}}
    description = NetworkDescription(name, 3, 3, OPTIONS.get(name, {}), losses)
    network = description.build()
    # BatchNorm as after a training: untrained, deep networks end in constants.
    network.train()(torch.rand(4, 3, 64, 64))
    networks = Networks([network], [description]).eval()
    given = contract(3, 3, models.stride(name))
    export(networks, given, tmp_path / "model.onnx")
    inputs = [random(1, 3, 64, 64), random(3, 3, 32, 96), random(2, 3, 160, 64)]
    assert largest_difference(networks, given, tmp_path / "model.onnx", inputs) < 1e-4
    assert np.ptp(networks(torch.from_numpy(inputs[0]))["depth"].detach().numpy()) > 1e-3


class Doubled(nn.Module):
    def forward(self, inputs):
        return {"mask": inputs[:, :1] * 2, "depth": inputs[:, 1:2]}


class Other(nn.Module):
    def forward(self, inputs):
        return {"mask": inputs[:, :1] * 2 + 0.01, "depth": inputs[:, 1:2]}


class Surprising(nn.Module):
    def forward(self, inputs):
        raise RuntimeError("this cannot be traced\nand a page of text follows")


def test_a_graph_that_differs_is_refused(tmp_path):
    given, path = contract(3, 1, 16), tmp_path / "model.onnx"
    export(Doubled().eval(), given, path)
    assert largest_difference(Doubled(), given, path, [random(2, 3, 16, 32)]) == 0
    with pytest.raises(ExportError, match=r"^onnxruntime differs from torch by 0\.01, more than 0\.0001$"):
        largest_difference(Other(), given, path, [random(2, 3, 16, 32)])


def test_networks_that_cannot_be_exported_and_files_that_cannot_be_loaded_are_one_line(tmp_path):
    given, path = contract(3, 1, 16), tmp_path / "model.onnx"
    with pytest.raises(ExportError) as caught:
        export(Surprising().eval(), given, path)
    assert "\n" not in str(caught.value)
    path.write_bytes(b"no graph")
    with pytest.raises(ExportError, match=r"^onnxruntime: ") as caught:
        largest_difference(Doubled(), given, path, [random(1, 3, 16, 16)])
    assert "\n" not in str(caught.value)
