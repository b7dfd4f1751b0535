"""Networks of segmentation-models-pytorch: the library's own outputs and counts, all architectures, errors."""

import pytest
import torch

from loss_study import models
from loss_study.models.pretrained import IMAGENET_MEAN, IMAGENET_STD
from loss_study.runtime.errors import StudyError

ARCHITECTURES = ["unet", "unetplusplus", "manet", "linknet", "fpn", "pspnet"]
ARCHITECTURES += ["deeplabv3", "deeplabv3plus", "pan", "upernet", "segformer", "dpt"]
ENCODERS = {"dpt": "tu-vit_tiny_patch16_224", "segformer": "mit_b0"}
SETTINGS = {"dpt": {"dynamic_img_size": True}}


def build(architecture="unet", encoder="resnet18", heads=("mask",), classes=1, **options):
    torch.manual_seed(0)
    return models.build("smp", 3, heads, classes=classes, architecture=architecture, encoder=encoder, **options)


@pytest.mark.parametrize(
    ("architecture", "encoder", "parameters"),
    [
        ("fpn", "resnet34", 23_155_393),
        ("unet", "resnet34", 24_436_369),
        ("unet", "vgg16", 23_748_241),
        ("unet", "resnet50", 32_521_105),
    ],
)
def test_parameters_for_one_class(architecture, encoder, parameters):
    with torch.device("meta"):
        assert models.parameter_count(build(architecture, encoder)) == parameters


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_same_logits_as_the_library(architecture):
    """With the same weights, on pictures that are normalised beforehand; no decoder changes what the next one reads."""
    import segmentation_models_pytorch as library

    assert list(library.MODEL_ARCHITECTURES_MAPPING) == ARCHITECTURES
    encoder, settings = ENCODERS.get(architecture, "resnet18"), SETTINGS.get(architecture, {})
    ours = build(architecture, encoder, ["mask", "depth"], classes=2, settings=settings).eval()
    theirs = library.create_model(architecture, encoder, None, classes=2, **settings).eval()
    for part in ("encoder", "decoder", "segmentation_head"):
        mine = {"encoder": ours.encoder, "decoder": ours.decoders["mask"], "segmentation_head": ours.heads["mask"]}[
            part
        ]
        theirs.get_submodule(part).load_state_dict(mine.state_dict())
    x = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    mean, std = ((0.5,) * 3, (0.5,) * 3) if architecture == "dpt" else (IMAGENET_MEAN, IMAGENET_STD)
    normalised = torch.stack([(x[:, c] - mean[c]) / std[c] for c in range(3)], dim=1)
    with torch.no_grad():
        features = models.features(ours, x)
        before = [values.clone() for values in features]
        logits = models.decode(ours, features)
        assert torch.allclose(logits["mask"], theirs(normalised), atol=1e-5)
    assert logits["depth"].shape == (1, 1, 128, 128)
    assert all(torch.equal(a, b) for a, b in zip(features, before, strict=True))


def test_stages_of_a_resnet():
    stages = models.stages(build())
    encoder = build().encoder
    expected = [
        [*encoder.conv1.parameters(), *encoder.bn1.parameters()],
        *(list(layer.parameters()) for layer in (encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4)),
    ]
    for stage, parameters in zip(stages, expected, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(stage.parameters(), parameters, strict=True))


@pytest.mark.parametrize("encoder", ["tu-vit_tiny_patch16_224", "tu-convnext_atto", "vgg11"])
def test_stages_of_any_encoder_share_out_its_parameters(encoder):
    settings = {"encoder_depth": 4} if "vit" in encoder else {}
    with torch.device("meta"):
        model = build("dpt" if "vit" in encoder else "unet", encoder, settings=settings)
    stages = models.stages(model)
    assert len(stages) == (5 if encoder == "vgg11" else 4)
    owned = [id(parameter) for stage in stages for parameter in stage.parameters()]
    assert sorted(owned) == sorted(id(parameter) for parameter in model.encoder.parameters())


def test_settings_reach_the_architecture():
    small = build(settings={"decoder_channels": [16, 16, 8, 8, 4]})
    assert small.heads["mask"][0].in_channels == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "unett"}, r"model.options.architecture: .* did you mean 'unet' or .*got 'unett'"),
        ({"encoder": "resnet43"}, r"model.options.encoder: .* did you mean .*'resnet34'.*got 'resnet43'"),
        ({"encoder": "tu-resnet19"}, r"model.options.encoder: .* did you mean .*'tu-resnet18'.*got 'tu-resnet19'"),
        ({"encoder": "tu-resnet18.a9_in1k"}, r"model.options.encoder: .* did you mean .*'tu-resnet18.a1_in1k'"),
        ({"settings": {"decoder_channel": [1]}}, r"settings.decoder_channel: .* did you mean 'decoder_channels'\?"),
        ({"settings": {"classes": 2}}, r"settings.classes: unet has no such setting"),
        ({"settings": {"decoder_channels": [1]}}, r"model.options: unet with resnet34: Model depth is 5"),
        ({"architecture": "dpt"}, r"model.options: dpt with resnet34: Only Timm encoders are supported"),
        ({"weights": "imagnet"}, r"model.options.weights: no such file; set imagenet, none, .*got 'imagnet'"),
        ({"encoder": "dpn92", "weights": "imagenet"}, r"weights: there are no ImageNet weights of encoder dpn92"),
    ],
)
def test_mistakes_in_one_line(options, message):
    with pytest.raises(StudyError, match=message) as error:
        models.build("smp", 3, ["mask"], **options)
    assert "\n" not in str(error.value)


def test_pictures_too_small_for_an_architecture():
    with pytest.raises(StudyError, match=r"sample.size: model smp with .*pan.* cannot take 64: .*too small"):
        models.check_fit("smp", {"architecture": "pan", "encoder": "resnet18"}, ["mask"], 1, 64)
