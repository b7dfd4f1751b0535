"""Batches hold what the packed arrays hold, and flips keep an item together."""

import json

import numpy as np
import pytest
import torch

from loss_study.config import Augmentation
from loss_study.data import batches as batching
from loss_study.data.augmentation import take
from loss_study.data.batches import Batches
from loss_study.data.packed import INDEX_COLUMNS, PackedSample

CPU = torch.device("cpu")


def plain(sample, row, head):
    background = sample.backgrounds[sample.background_rows[row]]
    inputs = np.concatenate([background, sample.images[row]], axis=2).transpose(2, 0, 1) / np.float32(255)
    target = sample.targets(head)[row]
    return inputs, target / np.float32(np.iinfo(target.dtype).max)


@pytest.mark.parametrize("head", ["mask", "depth"])
def test_in_order(sample, head):
    batches = list(Batches(sample, "validation", [head], 4, CPU).in_order())
    assert [len(batch) for batch in batches] == [4, 2]
    inputs = torch.cat([batch.inputs for batch in batches])
    targets = torch.cat([batch.targets[head].values for batch in batches])
    assert inputs.shape == (6, 6, 32, 32) and targets.shape == (6, 1, 32, 32)
    for place, row in enumerate(sample.rows("validation")):
        expected_inputs, expected_target = plain(sample, row, head)
        np.testing.assert_allclose(inputs[place], expected_inputs, rtol=1e-6)
        np.testing.assert_allclose(targets[place, 0], expected_target, rtol=1e-6)


def test_channels_last(sample):
    batch = next(Batches(sample, "train", ["mask"], 4, CPU).in_order())
    assert batch.inputs.is_contiguous(memory_format=torch.channels_last)


def epoch(sample, seed, number, flip=0.0, batch_size=4):
    return list(Batches(sample, "train", ["mask"], batch_size, CPU).shuffled(seed, number, Augmentation(flip=flip)))


def joined(batches):
    return torch.cat([torch.cat([batch.inputs, batch.targets["mask"].values], dim=1) for batch in batches])


def test_an_epoch_sees_every_picture_once(sample):
    seen = joined(epoch(sample, 0, 1))
    expected = joined(list(Batches(sample, "train", ["mask"], 4, CPU).in_order()))
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
    assert [len(batch) for batch in epoch(sample, 0, 1, batch_size=5)] == [5, 5]


def test_batch_larger_than_the_split(sample):
    assert [len(batch) for batch in epoch(sample, 0, 1, batch_size=64)] == [12]


def test_a_split_too_large_for_memory_gives_the_same_batches(sample, monkeypatch):
    kept = joined(epoch(sample, 3, 1, 0.5))
    monkeypatch.setattr(batching, "CONCATENATED_BYTES", 2 * 12 * 32 * 32 * 6 - 1)
    assert Batches(sample, "train", ["mask"], 4, CPU)._concatenated is None
    assert torch.equal(joined(epoch(sample, 3, 1, 0.5)), kept)


def test_rows_may_be_asked_for_in_any_order_and_more_than_once(sample):
    batches = Batches(sample, "train", ["mask"], 4, CPU)
    rows = torch.cat([batches.rows.flip(0), batches.rows[:5]])
    seen = torch.cat([batch.inputs for batch in batches.in_order(Augmentation(flip=1.0), rows)])
    assert len(seen) == 17
    for picture, row in zip(seen, rows.tolist(), strict=True):
        np.testing.assert_allclose(picture.flip(-1), plain(sample, row, "mask")[0], rtol=1e-6)


# Hand-worked: four images of 2 x 2 px, whose numbers say where they come from


@pytest.fixture
def tiny(tmp_path):
    """Image i is 10 i + its pixel's number, background b is 100 + 10 b + that, mask i is 255 in pixel i alone."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    pixels = np.arange(4).reshape(2, 2)
    images = np.stack([np.repeat((10 * i + pixels)[..., None], 3, axis=2) for i in range(4)]).astype(np.uint8)
    backgrounds = np.stack([np.repeat((100 + 10 * b + pixels)[..., None], 3, axis=2) for b in range(3)])
    masks = np.stack([(pixels == i) * 255 for i in range(4)]).astype(np.uint8)
    valid = np.stack([pixels != 3 - i for i in range(4)])
    for name, array in (("images", images), ("backgrounds", backgrounds.astype(np.uint8)), ("masks", masks)):
        np.save(folder / f"{name}.npy", array)
    np.save(folder / "mask_valid.npy", valid)
    splits, rows = ("train", "test", "train", "validation"), (2, 0, 1, 2)
    lines = [f"i{i},{splits[i]},{rows[i]},b{rows[i]},o{i},0.25" for i in range(4)]
    (folder / "index.csv").write_text("\n".join([",".join(INDEX_COLUMNS), *lines]) + "\n")
    meta = {
        "format": 4,
        "depth": {"unit": ""},
        "heads": ["mask"],
        "backgrounds": 3,
        "invalid_pixels": ["mask"],
        "classes": 1,
        "class_names": ["foreground"],
        "statistics": {"mask_mean": 0.25},
    }
    (folder / "sample.json").write_text(json.dumps(meta))
    return PackedSample.open(folder)


def tiny_batch(tiny, split, flip):
    (batch,) = Batches(tiny, split, ["mask"], 4, CPU).in_order(Augmentation(flip=flip))
    return batch


def test_a_gather_by_hand(tiny):
    """The training split is images 0 and 2 with backgrounds 2 and 1; the background's channels come first."""
    batch = tiny_batch(tiny, "train", 0.0)
    pixels = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    assert batch.inputs.shape == (2, 6, 2, 2)
    for channel in range(3):
        torch.testing.assert_close(batch.inputs[0, channel] * 255, 120 + pixels)
        torch.testing.assert_close(batch.inputs[1, channel] * 255, 110 + pixels)
        torch.testing.assert_close(batch.inputs[0, channel + 3] * 255, 0 + pixels)
        torch.testing.assert_close(batch.inputs[1, channel + 3] * 255, 20 + pixels)
    assert batch.targets["mask"].values.tolist() == [[[[1.0, 0.0], [0.0, 0.0]]], [[[0.0, 0.0], [1.0, 0.0]]]]
    assert batch.targets["mask"].valid.tolist() == [[[[1.0, 1.0], [1.0, 0.0]]], [[[1.0, 0.0], [1.0, 1.0]]]]


def test_a_flip_by_hand(tiny):
    """Left and right change sides in background, image, target and valid pixels; top and bottom do not."""
    batch = tiny_batch(tiny, "train", 1.0)
    mirrored = torch.tensor([[1.0, 0.0], [3.0, 2.0]])
    torch.testing.assert_close(batch.inputs[0, 0] * 255, 120 + mirrored)
    torch.testing.assert_close(batch.inputs[1, 5] * 255, 20 + mirrored)
    assert batch.targets["mask"].values.tolist() == [[[[0.0, 1.0], [0.0, 0.0]]], [[[0.0, 0.0], [0.0, 1.0]]]]
    assert batch.targets["mask"].valid.tolist() == [[[[1.0, 1.0], [0.0, 1.0]]], [[[0.0, 1.0], [1.0, 1.0]]]]


@pytest.mark.parametrize(("split", "images"), [("train", [0, 2]), ("validation", [3]), ("test", [1])])
def test_a_split_has_its_own_images_alone(tiny, split, images):
    batch = tiny_batch(tiny, split, 0.0)
    assert (batch.inputs[:, 3, 0, 0] * 255).round().tolist() == [10.0 * image for image in images]
    shuffled = [batch for seed in range(5) for batch in Batches(tiny, split, ["mask"], 1, CPU).shuffled(seed, 1, None)]
    assert len(shuffled) == 5 * len(images)
    assert {round(float(batch.inputs[0, 3, 0, 0]) * 255) for batch in shuffled} == {10 * image for image in images}


@pytest.mark.parametrize("concatenated", [True, False])
def test_both_ways_to_gather_are_the_same(tiny, concatenated, monkeypatch):
    if not concatenated:
        monkeypatch.setattr(batching, "CONCATENATED_BYTES", 0)
    batches = Batches(tiny, "train", ["mask"], 4, CPU)
    rows, flipped = torch.tensor([2, 0, 2]), torch.tensor([True, False, False])
    taken = batches._inputs(rows, flipped)
    assert (batches._concatenated is not None) == concatenated
    assert taken.dtype == torch.uint8 and taken.shape == (3, 2, 2, 6)
    assert taken[..., 0].tolist() == [[[111, 110], [113, 112]], [[120, 121], [122, 123]], [[110, 111], [112, 113]]]
    assert taken[..., 5].tolist() == [[[21, 20], [23, 22]], [[0, 1], [2, 3]], [[20, 21], [22, 23]]]


def test_a_gather_on_another_device_has_the_same_shape():
    """The code path for other devices than the CPU, on the meta device, which computes shapes only."""
    array = torch.arange(24, dtype=torch.uint8).reshape(3, 2, 4)
    rows, flipped = torch.tensor([2, 0]), torch.tensor([False, True])
    assert take(array, rows, flipped).tolist() == [array[2].tolist(), array[0].flip(1).tolist()]
    assert take(array.to("meta"), rows, flipped).shape == (2, 2, 4)


def test_the_order_of_an_epoch_by_hand(tiny):
    """What decides it, written out: torch's generator, seeded with 2^20 seed + epoch."""
    generator = torch.Generator().manual_seed((3 << 20) + 7)
    order = torch.tensor([0, 2])[torch.randperm(2, generator=generator)]
    flipped = torch.rand(2, generator=generator) < 0.5
    (batch,) = Batches(tiny, "train", ["mask"], 2, CPU).shuffled(3, 7, Augmentation(flip=0.5))
    first = (batch.inputs[:, 3, 0, 0] * 255).round().tolist()
    assert first == [10.0 * row + mirrored for row, mirrored in zip(order.tolist(), flipped.tolist(), strict=True)]
