"""The ResUNet against its layer table at 6x224x224."""

import pytest
import torch
from torch.nn import functional as F

from loss_study import models
from loss_study.models.resunet import upsample_twice
from loss_study.runtime.errors import StudyError

#: Module, output shape and number of trainable parameters, one line per block, for one head's decoder.
TABLE = [
    ("encoder.0", (32, 112, 112), 32 * 6 + 2 * 32 + 32 * 6 * 9 + 32 + 2 * 32 + 32 * 32 * 9 + 32 + 2 * 32),
    ("encoder.1", (64, 56, 56), 64 * 32 + 2 * 64 + 64 * 32 * 9 + 64 + 2 * 64 + 64 * 64 * 9 + 64 + 2 * 64),
    ("encoder.2", (128, 28, 28), 128 * 64 + 2 * 128 + 128 * 64 * 9 + 128 + 2 * 128 + 128 * 128 * 9 + 128 + 2 * 128),
    ("encoder.3", (256, 14, 14), 256 * 128 + 2 * 256 + 256 * 128 * 9 + 256 + 2 * 256 + 256 * 256 * 9 + 256 + 2 * 256),
    ("bridge", (512, 14, 14), 512 * 256 * 9 + 512 + 2 * 512 + 512 * 512 * 9 + 512 + 2 * 512),
    ("decoders.mask.ups.0", (256, 28, 28), 256 * 768 * 9 + 256 + 2 * 256 + 256 * 256 * 9 + 256 + 2 * 256),
    ("decoders.mask.ups.1", (128, 56, 56), 128 * 384 * 9 + 128 + 2 * 128 + 128 * 128 * 9 + 128 + 2 * 128),
    ("decoders.mask.ups.2", (64, 112, 112), 64 * 192 * 9 + 64 + 2 * 64 + 64 * 64 * 9 + 64 + 2 * 64),
    ("decoders.mask.ups.3", (32, 224, 224), 32 * 96 * 9 + 32 + 2 * 32 + 32 * 32 * 9 + 32 + 2 * 32),
    ("decoders.mask.logits", (1, 224, 224), 32 + 1),
]


@pytest.fixture(scope="module")
def outputs():
    model = models.build("resunet", 6, ["mask", "depth"]).eval()
    seen = {}
    for name, module in model.named_modules():
        module.register_forward_hook(lambda _m, _i, output, name=name: seen.update({name: output}))
    with torch.no_grad():
        model(torch.zeros(1, 6, 224, 224))
    return model, seen


@pytest.mark.parametrize(("name", "shape", "parameters"), TABLE, ids=[row[0] for row in TABLE])
def test_layer_table(outputs, name, shape, parameters):
    model, seen = outputs
    output = seen[name][0] if isinstance(seen[name], tuple) else seen[name]
    assert tuple(output.shape[1:]) == shape
    assert models.parameter_count(model.get_submodule(name)) == parameters


def test_parameters_of_the_original():
    both = models.build("resunet", 6, ["mask", "depth"])
    assert models.parameter_count(both) == 11_033_922
    assert models.parameter_count(both.decoders["depth"]) == 3_136_353
    assert models.parameter_count(both) - models.parameter_count(both.decoders) == 4_761_216


def test_fewer_stages_leave_out_the_widest_ones():
    def double(i, o):
        return 9 * i * o + 3 * o + 9 * o * o + 3 * o

    encoder = sum(double(i, o) + i * o + 2 * o for i, o in [(6, 8), (8, 16), (16, 32)])
    decoder = double(64 + 32, 32) + double(32 + 16, 16) + double(16 + 8, 8) + 8 + 1
    model = models.build("resunet", 6, ["mask"], width=8, stages=3)
    assert models.parameter_count(model) == encoder + double(32, 64) + decoder
    assert model.eval()(torch.zeros(1, 6, 32, 32))["mask"].shape == (1, 1, 32, 32)


def test_one_head_has_no_other_decoder():
    mask_only = models.build("resunet", 6, ["mask"])
    assert models.parameter_count(mask_only) == 7_897_569
    assert set(mask_only.eval()(torch.zeros(1, 6, 32, 32))) == {"mask"}


def test_a_head_does_not_depend_on_the_other():
    torch.manual_seed(0)
    model = models.build("resunet", 6, ["mask", "depth"], width=4).eval()
    alone = models.build("resunet", 6, ["depth"], width=4).eval()
    alone.load_state_dict({k: v for k, v in model.state_dict().items() if "decoders.mask" not in k})
    x = torch.rand(2, 6, 32, 32)
    assert torch.equal(model(x)["depth"], alone(x)["depth"])


def test_decoder_sees_the_skips():
    """Without the skip connections a one-pixel detail could not come through a 16-fold pooling unblurred."""
    torch.manual_seed(0)
    model = models.build("resunet", 3, ["mask"], width=4).eval()
    x = torch.rand(1, 3, 64, 64, requires_grad=True)
    model(x)["mask"][0, 0, 31, 31].backward()
    assert x.grad[0, :, 31, 31].abs().sum() > x.grad[0, :, 20, 20].abs().sum() > 0


def test_unknown_model_and_option():
    with pytest.raises(StudyError, match=r"unknown model 'resnet': did you mean 'resunet'\?"):
        models.build("resnet", 6, ["mask"])
    with pytest.raises(StudyError, match=r"model.options.widht: no such key; did you mean 'width'\?"):
        models.build("resunet", 6, ["mask"], widht=8)
    with pytest.raises(StudyError, match=r"model.options.width: .*greater than or equal to 1; got 0"):
        models.build("resunet", 6, ["mask"], width=0)


# Upsampling by two


def reference(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 5, 7, 2), (3, 1, 14, 28)])
def test_enlarges_as_torch_does(shape):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(upsample_twice(x), reference(x), rtol=0, atol=1e-12)


def test_a_ramp_stays_a_ramp():
    x = torch.tensor([0.0, 3.0]).repeat(2, 1)[None, None]
    assert upsample_twice(x)[0, 0, 2].tolist() == pytest.approx([0.0, 1.0, 2.0, 3.0])


def test_gradient_agrees_and_memory_stays_channels_last():
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(2, 4, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    ours = upsample_twice(x)
    (gradient,) = torch.autograd.grad((ours * weight).sum(), x)
    (expected,) = torch.autograd.grad((reference(x) * weight).sum(), x)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-12)
    assert ours.is_contiguous(memory_format=torch.channels_last)


def test_bfloat16_stays_bfloat16_within_its_rounding():
    x = torch.rand(1, 2, 8, 8, generator=torch.Generator().manual_seed(3))
    ours = upsample_twice(x.bfloat16())
    assert ours.dtype is torch.bfloat16
    torch.testing.assert_close(ours.float(), reference(x), rtol=0, atol=3 * 2**-8)


def test_it_can_be_trained_after_it_has_predicted_in_inference_mode():
    model = models.build("resunet", 3, ["mask"], width=4)
    inputs = torch.rand(1, 3, 48, 48)
    with torch.inference_mode():
        model(inputs)
    model(inputs)["mask"].sum().backward()
