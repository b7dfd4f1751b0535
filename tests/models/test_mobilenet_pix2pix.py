"""The Carvana network against its layer list, and torchvision's weights in its encoder."""

import pytest
import torch
from torch import nn

from loss_study import models
from loss_study.models.pretrained import Normalise


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return models.build("mobilenet_pix2pix", 3, ["mask"]).eval()


def test_parameters_with_one_output():
    """Keras counts the running means and variances as parameters that are not trained."""
    with torch.device("meta"):
        model = models.build("mobilenet_pix2pix", 3, ["mask"])
    statistics = sum(2 * m.num_features for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    assert models.total_count(model) + statistics == 6_501_345
    models.parts(model)["encoder"].requires_grad_(False)
    assert models.parameter_count(model) == 4_657_441


def test_taps_and_steps_at_128(model):
    shapes = []
    for up in model.decoders["mask"].ups:
        up.register_forward_hook(lambda _m, _i, output: shapes.append(tuple(output.shape[1:])))
    with torch.no_grad():
        taps = models.features(model, torch.zeros(1, 3, 128, 128))
        logits = models.decode(model, taps)["mask"]
    assert [tuple(t.shape[1:]) for t in taps] == [(96, 64, 64), (144, 32, 32), (192, 16, 16), (576, 8, 8), (320, 4, 4)]
    assert shapes == [(512, 8, 8), (256, 16, 16), (128, 32, 32), (64, 64, 64)]
    assert logits.shape == (1, 1, 128, 128)


def test_taps_are_those_of_torchvision(model, tmp_path, monkeypatch):
    """Fetched weights lie in torch's cache under their name; from there they are read without a network."""
    torch.manual_seed(1)
    from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

    original = mobilenet_v2().eval()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.save(original.state_dict(), cache / MobileNet_V2_Weights.IMAGENET1K_V2.url.rpartition("/")[2])
    loaded = models.build("mobilenet_pix2pix", 3, ["mask"], weights="imagenet").eval()
    seen = {}
    wanted = {"2.conv.0": 0, "4.conv.0": 1, "7.conv.0": 2, "14.conv.0": 3, "17.conv.2": 4}
    for name, place in wanted.items():
        original.features.get_submodule(name).register_forward_hook(
            lambda _m, _i, output, place=place: seen.update({place: output})
        )
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        original(Normalise(3)(x))
        taps = models.features(loaded, x)
    assert all(torch.equal(tap, seen[place]) for place, tap in enumerate(taps))
    assert not torch.equal(taps[0], models.features(model, x)[0])
