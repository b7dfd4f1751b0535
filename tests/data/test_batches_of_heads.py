"""Batches of several heads are the batches of each head on its own."""

import numpy as np
import pytest
import torch

from loss_study.config import Augmentation
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample

CPU = torch.device("cpu")
HEADS = ("mask", "depth")
MANY = Augmentation(flip=0.5, erase=0.5, crop=0.6, rotation=10)


@pytest.mark.parametrize("augmentation", [None, Augmentation(flip=0.5), Augmentation(flip=0.5, flip_apart=True), MANY])
def test_each_head_has_the_batches_that_it_has_alone(sample, augmentation):
    torch.manual_seed(0)
    both = Batches(sample, "train", HEADS, 4, CPU).shuffled(3, 2, augmentation)
    alone = [Batches(sample, "train", [head], 4, CPU).shuffled(3, 2, augmentation) for head in HEADS]
    for together, mask, depth in zip(both, *alone, strict=True):
        assert torch.equal(together.inputs, mask.inputs) and torch.equal(together.inputs, depth.inputs)
        for head, one in zip(HEADS, (mask, depth), strict=True):
            assert torch.equal(together.targets[head].values, one.targets[head].values)
            assert together.targets[head].valid is None


def test_one_head_has_invalid_pixels_and_the_other_none(sample):
    valid = np.random.default_rng(0).random((24, 32, 32)) < 0.5
    np.save(sample.folder / "depth_valid.npy", valid)
    text = (sample.folder / "sample.json").read_text().replace('"invalid_pixels": []', '"invalid_pixels": ["depth"]')
    (sample.folder / "sample.json").write_text(text)
    changed = PackedSample.open(sample.folder)
    batch = next(Batches(changed, "train", HEADS, 4, CPU).in_order())
    assert batch.targets["mask"].valid is None
    np.testing.assert_array_equal(batch.targets["depth"].valid[:, 0].numpy() > 0, valid[changed.rows("train")[:4]])
