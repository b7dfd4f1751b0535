"""Flips and erased squares, right and as the original study made them."""

import pytest
import torch

from loss_study.data.augmentation import augment
from loss_study.data.batches import Batches
from loss_study.parameters import Augmentation

COUNT, SIZE = 400, 16


@pytest.fixture
def pictures():
    """Inputs (N, H, W, 6) and target (N, H, W) whose value is the column; none is black."""
    columns = torch.arange(100, 100 + SIZE, dtype=torch.uint8).expand(COUNT, SIZE, SIZE)
    return columns[..., None].expand(-1, -1, -1, 6).contiguous(), columns.contiguous()


def changed(pictures, seed=0, **how):
    return augment(*pictures, Augmentation(**how), torch.Generator().manual_seed(seed))[:2]


def flipped(tensor):
    """Return bool (N,): whether the first column is where the last one was."""
    return tensor.flatten(1)[:, 0] == 100 + SIZE - 1


def test_together_every_part_is_flipped_alike(pictures):
    inputs, target = changed(pictures, flip=0.5)
    for part in (inputs[..., :3], inputs[..., 3:]):
        assert torch.equal(flipped(part), flipped(target))
    assert 160 < flipped(target).sum() < 240


def test_apart_the_inputs_are_independent_and_the_target_stays(pictures):
    """With probability 1/2 each, the four combinations are a quarter of the 400 each, the standard deviation is 9."""
    inputs, target = changed(pictures, flip=0.5, flip_apart=True)
    assert torch.equal(target, pictures[1])
    background, picture = flipped(inputs[..., :3]), flipped(inputs[..., 3:])
    for one in (background, ~background):
        for other in (picture, ~picture):
            assert 70 < (one & other).sum() < 130


@pytest.mark.parametrize("how", [{"flip": 1.0}, {"flip": 1.0, "flip_apart": True}])
def test_a_certain_flip(pictures, how):
    inputs, target = changed(pictures, **how)
    assert torch.equal(inputs, pictures[0].flip(2))
    assert torch.equal(target, pictures[1] if how.get("flip_apart") else pictures[1].flip(2))


def test_one_square_of_a_quarter_of_the_side_is_erased(pictures):
    inputs, target = changed(pictures, flip=0.0, erase=1.0)
    assert torch.equal(target, pictures[1])
    for part in (inputs[..., :3], inputs[..., 3:]):
        black = (part == 0).all(dim=3)
        assert torch.equal(black, (part == 0).any(dim=3)), "all three colours or none"
        rows, columns = black.any(dim=2), black.any(dim=1)
        assert (rows.sum(dim=1) == 4).all() and (columns.sum(dim=1) == 4).all() and (black.sum(dim=(1, 2)) == 16).all()
        assert rows.any(dim=0).all() and columns.any(dim=0).all(), "every place occurs"
        assert torch.equal(part[~black], pictures[0][..., :3][~black]), "the rest is untouched"


def test_each_input_is_erased_on_its_own(pictures):
    inputs, _ = changed(pictures, flip=0.0, erase=0.5)
    background, picture = ((part == 0).flatten(1).any(dim=1) for part in inputs.split(3, dim=3))
    for one in (background, ~background):
        for other in (picture, ~picture):
            assert 70 < (one & other).sum() < 130


def test_a_single_input_and_an_unchanged_original(pictures):
    before = pictures[0].clone()
    inputs, _ = changed((pictures[0][..., :3], pictures[1]), flip=0.5, flip_apart=True, erase=1.0)
    assert inputs.shape == (COUNT, SIZE, SIZE, 3)
    assert torch.equal(pictures[0], before)


def test_the_switches_do_not_move_the_others_random_numbers(pictures):
    """What is drawn for the flips does not depend on erasing, so that a trial without it is the trial it was."""
    _, plain = changed(pictures, flip=0.5)
    _, erased = changed(pictures, flip=0.5, erase=0.5)
    assert torch.equal(plain, erased)


def test_a_split_in_order_is_changed_alike_every_time(sample):
    batches = Batches(sample, "test", "mask", 4, torch.device("cpu"))
    how = Augmentation(flip=0.5, flip_apart=True, erase=0.5)
    plain, first, second = (
        torch.cat([batch.inputs for batch in batches.in_order(one)]) for one in (None, how, how)
    )  # fmt: skip
    assert torch.equal(first, second) and not torch.equal(first, plain)
    targets = [torch.cat([batch.target for batch in batches.in_order(one)]) for one in (None, how)]
    assert torch.equal(*targets)
