"""Batches hold what the packed arrays hold, and flips keep an item together."""

import numpy as np
import pytest
import torch

from loss_study.config import Augmentation
from loss_study.data import batches as batching
from loss_study.data.batches import Batches

CPU = torch.device("cpu")


def plain(sample, row, head):
    background = sample.backgrounds[sample.background_rows[row]]
    inputs = np.concatenate([background, sample.images[row]], axis=2).transpose(2, 0, 1) / np.float32(255)
    return inputs, sample.targets(head)[row] / np.float32(255)


@pytest.mark.parametrize("head", ["mask", "depth"])
def test_in_order(sample, head):
    batches = list(Batches(sample, "validation", head, 4, CPU).in_order())
    assert [len(batch.target) for batch in batches] == [4, 2]
    inputs = torch.cat([batch.inputs for batch in batches])
    targets = torch.cat([batch.target for batch in batches])
    assert inputs.shape == (6, 6, 32, 32) and targets.shape == (6, 1, 32, 32)
    for place, row in enumerate(sample.rows("validation")):
        expected_inputs, expected_target = plain(sample, row, head)
        np.testing.assert_allclose(inputs[place], expected_inputs, rtol=1e-6)
        np.testing.assert_allclose(targets[place, 0], expected_target, rtol=1e-6)


def test_channels_last(sample):
    batch = next(Batches(sample, "train", "mask", 4, CPU).in_order())
    assert batch.inputs.is_contiguous(memory_format=torch.channels_last)


def epoch(sample, seed, number, flip=0.0, batch_size=4):
    return list(Batches(sample, "train", "mask", batch_size, CPU).shuffled(seed, number, Augmentation(flip=flip)))


def joined(batches):
    return torch.cat([torch.cat([batch.inputs, batch.target], dim=1) for batch in batches])


def test_an_epoch_sees_every_picture_once(sample):
    seen = joined(epoch(sample, 0, 1))
    expected = joined(list(Batches(sample, "train", "mask", 4, CPU).in_order()))
    assert len(seen) == 12
    keys = {picture.numpy().tobytes() for picture in seen}
    assert keys == {picture.numpy().tobytes() for picture in expected}


def test_order_depends_on_seed_and_epoch_alone(sample):
    assert torch.equal(joined(epoch(sample, 1, 2, 0.5)), joined(epoch(sample, 1, 2, 0.5)))
    assert not torch.equal(joined(epoch(sample, 1, 2)), joined(epoch(sample, 2, 2)))
    assert not torch.equal(joined(epoch(sample, 1, 2)), joined(epoch(sample, 1, 3)))


def test_flip_takes_background_picture_and_target_together(sample):
    """The original recipe flipped background and picture each on its own, and the targets not at all."""
    plain_items = {item.numpy().tobytes() for item in joined(epoch(sample, 0, 1, 0.0))}
    items = joined(epoch(sample, 0, 1, 0.5))
    flipped = [item.numpy().tobytes() not in plain_items for item in items]
    assert 0 < sum(flipped) < len(items)
    for item, was_flipped in zip(items, flipped, strict=True):
        back = item.flip(-1) if was_flipped else item
        assert back.contiguous().numpy().tobytes() in plain_items


def test_flip_probability_one_and_zero(sample):
    plain_items = joined(epoch(sample, 0, 1, 0.0))
    assert torch.equal(joined(epoch(sample, 0, 1, 1.0)), plain_items.flip(-1))


def test_incomplete_last_batch_is_left_out(sample):
    assert [len(batch.target) for batch in epoch(sample, 0, 1, batch_size=5)] == [5, 5]


def test_batch_larger_than_the_split(sample):
    assert [len(batch.target) for batch in epoch(sample, 0, 1, batch_size=64)] == [12]


def test_a_split_too_large_for_memory_gives_the_same_batches(sample, monkeypatch):
    kept = joined(epoch(sample, 3, 1, 0.5))
    monkeypatch.setattr(batching, "SIDE_BY_SIDE_BYTES", 2 * 12 * 32 * 32 * 6 - 1)
    assert Batches(sample, "train", "mask", 4, CPU)._side_by_side is None
    assert torch.equal(joined(epoch(sample, 3, 1, 0.5)), kept)


def test_rows_may_be_asked_for_in_any_order_and_more_than_once(sample):
    batches = Batches(sample, "train", "mask", 4, CPU)
    rows = torch.cat([batches.rows.flip(0), batches.rows[:5]])
    seen = torch.cat([batch.inputs for batch in batches.in_order(Augmentation(flip=1.0), rows)])
    assert len(seen) == 17
    for picture, row in zip(seen, rows.tolist(), strict=True):
        np.testing.assert_allclose(picture.flip(-1), plain(sample, row, "mask")[0], rtol=1e-6)
