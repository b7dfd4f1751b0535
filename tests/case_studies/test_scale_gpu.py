"""How long a GPU would take at best: the operations and bytes of a training step, counted."""

import pytest
import torch

from loss_study.config.composition import composed


def test_a_training_step_on_a_gpu_by_hand(scale_modules):
    """One convolution of 1 x 1 from 6 to 4 channels, without bias, of 8 x 8 px: 64 * 6 * 4 products and as many sums.

    Forward once, and backward once for the weights; the images need no gradient.
    """
    gpu = scale_modules("gpu")

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.only = torch.nn.Conv2d(6, 4, 1, bias=False, device="meta", dtype=torch.bfloat16)

        def forward(self, images):
            return {"mask": self.only(images)}

    operations, moved = gpu.step(Network(), 8)
    assert operations == 2 * 2 * 64 * 6 * 4
    # Images and outputs of 2 bytes are each touched twice at least.
    assert moved >= 2 * 2 * 64 * (6 + 4)


def test_hours_on_a_gpu_grow_with_images_and_pixels(scale_modules):
    gpu = scale_modules("gpu")
    config = composed([])
    assert gpu.hours(config, 2000, 64) == pytest.approx(2 * gpu.hours(config, 1000, 64))
    # The statistics of the normalisation are moved once for a batch, whatever the pixels.
    assert gpu.hours(config, 1000, 128) == pytest.approx(4 * gpu.hours(config, 1000, 64), rel=0.01)
