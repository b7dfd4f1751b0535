"""What holds for every model: shapes, parts, stages, the forward in two halves, gradients, and loading back."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import nn

from loss_study import models
from loss_study.config import resolvers
from loss_study.evaluation.trained_models import load_model
from loss_study.runtime.errors import StudyError
from loss_study.training.checkpoint import save_atomically

CONF = Path(__file__).parents[2] / "conf"
#: Options that make a model small; the others are built as they are.
OPTIONS = {"resunet": {"width": 4}, "smp": {"encoder": "resnet18"}}
SIDE = 32


def build(name, heads=("mask", "depth"), **options):
    torch.manual_seed(0)
    return models.build(name, 6, list(heads), classes=3, **OPTIONS.get(name, {}), **options)


@pytest.fixture(scope="module", params=[name for name in models.names() if name != "imported"])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    return build(name)


@pytest.fixture
def pictures():
    return torch.rand(2, 6, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def test_three_classes_for_the_mask_and_one_number_for_the_depth(model, pictures):
    logits = model.eval()(pictures)
    assert {head: tuple(values.shape) for head, values in logits.items()} == {
        "mask": (2, 3, SIDE, SIDE),
        "depth": (2, 1, SIDE, SIDE),
    }


def test_the_same_seed_gives_the_same_weights(model, name):
    again = build(name).state_dict()
    assert all(torch.equal(tensor, again[key]) for key, tensor in model.state_dict().items() if "running" not in key)


def test_parts_share_out_the_parameters(model):
    parts = models.parts(model)
    assert list(parts) == ["encoder", "decoder", "head"]
    counts = [models.parameter_count(part) for part in parts.values()]
    assert min(counts) > 0
    owned = [id(parameter) for part in parts.values() for parameter in part.parameters()]
    assert sorted(owned) == sorted(map(id, model.parameters()))


def test_a_head_gives_the_logits(model):
    """A change to the head alone changes the logits, and a head is the smallest part."""
    parts = {part: models.total_count(modules) for part, modules in models.parts(model).items()}
    assert parts["head"] < min(parts["encoder"], parts["decoder"])


def test_normalisation_layers_belong_to_parts(model):
    """So that a frozen part's statistics can be frozen too."""
    inside = {id(module) for part in models.parts(model).values() for module in part.modules()}
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert norms
    assert all(id(module) in inside for module in norms)


def test_stages_share_out_the_encoder(model):
    stages = models.stages(model)
    assert len(stages) >= 4
    owned = [id(parameter) for stage in stages for parameter in stage.parameters()]
    assert sorted(owned) == sorted(map(id, models.parts(model)["encoder"].parameters()))


def test_stages_run_from_the_input_to_the_bottleneck(model, pictures):
    """The first map of the encoder has a gradient in the first stage alone; the bottleneck has one in all of them."""
    model.eval()
    features = [values for values in models.features(model, pictures) if values.requires_grad]
    largest = max(features, key=lambda values: values.shape[-1])
    smallest = min(features, key=lambda values: values.shape[-1])
    reached = []
    for values in (largest, smallest):
        model.zero_grad()
        values.sum().backward(retain_graph=True)
        reached.append([any(p.grad is not None for p in stage.parameters()) for stage in models.stages(model)])
    assert reached[1] == [True] * len(reached[1])
    assert largest is smallest or reached[0] == [True] + [False] * (len(reached[0]) - 1)


def test_forward_is_the_decoded_features(model, pictures):
    model.eval()
    with torch.no_grad():
        features = models.features(model, pictures)
        before = [values.clone() for values in features]
        decoded = models.decode(model, features)
        assert all(torch.equal(a, b) for a, b in zip(before, features, strict=True))
        assert all(torch.equal(decoded[head], logits) for head, logits in model(pictures).items())
    assert {len(values) for values in features} == {len(pictures)}


def test_gradients_are_finite_in_bfloat16(model, pictures):
    model.train().to(memory_format=torch.channels_last).zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(pictures.to(memory_format=torch.channels_last))
    sum(values.float().square().mean() for values in logits.values()).backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    assert sum(gradient.abs().sum() for gradient in gradients) > 0
    floating = [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]
    assert all(tensor.dtype == torch.float32 and tensor.isfinite().all() for tensor in floating)


def test_layout_and_precision_change_little(model, pictures):
    model.eval().to(memory_format=torch.contiguous_format)
    with torch.no_grad():
        exact = model(pictures)["mask"]
        turned = model.to(memory_format=torch.channels_last)(pictures.to(memory_format=torch.channels_last))["mask"]
        assert torch.allclose(turned, exact, atol=1e-3, rtol=1e-3)
        with torch.autocast("cpu", torch.bfloat16):
            rough = model(pictures)["mask"].float()
    assert (rough - exact).norm() < 0.1 * exact.norm()


def test_loaded_back(model, name, pictures, tmp_path):
    options = OPTIONS.get(name, {})
    choice = {"name": name, "in_channels": 6, "heads": ["mask", "depth"], "classes": 3, "options": options}
    save_atomically({"state": model.state_dict(), "build": choice}, tmp_path / "model.pt")
    with torch.no_grad():
        expected = model.eval().to(memory_format=torch.contiguous_format)(pictures)
        loaded = load_model(tmp_path / "model.pt").eval()(pictures)
    assert all(torch.equal(loaded[head], logits) for head, logits in expected.items())


def test_fit(name):
    models.check_fit(name, OPTIONS.get(name, {}), ["mask"], 1, SIDE)
    with pytest.raises(StudyError, match=rf"sample.size: model {name} needs a multiple of (16|32), it is 40"):
        models.check_fit(name, OPTIONS.get(name, {}), ["mask"], 1, 40)


def test_frozen_parameters_are_counted_in_the_total_alone():
    model = build("resunet")
    total = models.total_count(model)
    models.parts(model)["head"].requires_grad_(False)
    heads = 3 * (4 + 1) + (4 + 1)
    assert (models.parameter_count(model), models.total_count(model)) == (total - heads, total)


def test_a_model_without_parts():
    with pytest.raises(StudyError, match="model Linear has no parts to freeze or to keep; derive it from"):
        models.parts(nn.Linear(1, 1))


def test_configurations_name_models_and_their_options():
    resolvers.register()
    with initialize_config_dir(str(CONF), version_base=None):
        for choice in sorted(path.stem for path in (CONF / "model").glob("*.yaml")):
            composed = OmegaConf.to_container(compose("config", [f"model={choice}"]).model, resolve=False)
            options = {"weights": "none"} if "weights" in composed["options"] else {}
            assert models.check(composed["name"], composed["options"] | options).keys() == composed["options"].keys(), (
                choice
            )
