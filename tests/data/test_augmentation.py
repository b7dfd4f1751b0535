"""Flips, crops, rotations and colours; erased squares and flips apart, as the original study made them."""

import subprocess
import sys

import pytest
import torch

from loss_study.config import Augmentation, Colour
from loss_study.data.augmentation import augment, draw_flips_together, flip
from loss_study.data.batches import Batches

COUNT, SIZE = 400, 16
EVERYTHING = {
    "flip": 0.5,
    "crop": 0.3,
    "rotation": 30.0,
    "colour": Colour(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1),
}


@pytest.fixture
def pictures():
    """Inputs (N, H, W, 6) and target (N, H, W) whose value is the column; none is black."""
    columns = torch.arange(100, 100 + SIZE, dtype=torch.uint8).expand(COUNT, SIZE, SIZE)
    return columns[..., None].expand(-1, -1, -1, 6).contiguous(), columns.contiguous()


def one_head(inputs, target, how, generator, valid=None):
    """Return what `augment` makes of the inputs and of the target and valid pixels of one head."""
    inputs, [(target, valid)] = augment(inputs, [(target, valid)], how, generator)
    return inputs, target, valid


def augmented(inputs, target, how, generator, valid=None):
    """Flip what goes together, then change the rest, as `Batches` does."""
    flipped = draw_flips_together(len(inputs), how, generator)
    inputs, target = flip(inputs, flipped), flip(target, flipped)
    return one_head(inputs, target, how, generator, None if valid is None else flip(valid, flipped))


def changed(pictures, seed=0, **how):
    return augmented(*pictures, Augmentation(**how), torch.Generator().manual_seed(seed))[:2]


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
    batches = Batches(sample, "test", ["mask"], 4, torch.device("cpu"))
    how = Augmentation(flip=0.5, flip_apart=True, erase=0.5)
    plain, first, second = (
        torch.cat([batch.inputs for batch in batches.in_order(one)]) for one in (None, how, how)
    )  # fmt: skip
    assert torch.equal(first, second) and not torch.equal(first, plain)
    targets = [torch.cat([batch.targets["mask"].values for batch in batches.in_order(one)]) for one in (None, how)]
    assert torch.equal(*targets)


@pytest.fixture
def labelled():
    """Six random scenes of three labels in blocks of 8 px: inputs (6, 64, 64, 6) that show the label as a grey value,
    the labels themselves, and a valid mask that leaves out label 2."""
    coarse = torch.randint(0, 3, (6, 8, 8), generator=torch.Generator().manual_seed(5), dtype=torch.uint8)
    labels = coarse.repeat_interleave(8, dim=1).repeat_interleave(8, dim=2)
    return (labels * 100)[..., None].expand(-1, -1, -1, 6).contiguous(), labels, labels != 2


def moved(labelled, seed=0, **how):
    inputs, labels, valid = labelled
    generator = torch.Generator().manual_seed(seed)
    return augmented(inputs, labels, Augmentation(**how), generator, valid)


@pytest.mark.parametrize("how", [{"crop": 0.3}, {"rotation": 40.0}, {"crop": 0.5, "rotation": 180.0}])
def test_picture_target_and_valid_mask_move_together(labelled, how):
    """The grey value still tells the label, but for the pixels that interpolation mixed beside an edge."""
    inputs, labels, valid = moved(labelled, flip=0.5, **how)
    assert inputs.shape == labelled[0].shape and inputs.dtype == torch.uint8
    assert not torch.equal(labels, labelled[1])
    assert set(labels.unique().tolist()) <= {0, 1, 2}, "no two labels are mixed"
    assert valid.dtype == torch.bool and torch.equal(valid, labels != 2)
    shown = (inputs.float() / 100).round().to(torch.uint8)

    def agreement(rows=0, columns=0):
        return (shown[..., 0].roll((rows, columns), (1, 2)) == labels).float().mean()

    assert torch.equal(shown[..., 0], shown[..., 3]) and agreement() > 0.85
    beside = [agreement(1, 0), agreement(-1, 0), agreement(0, 1), agreement(0, -1)]
    assert agreement() > max(beside) + 0.02 and max(beside) - min(beside) < 0.02, "not even half a pixel apart"


def test_a_rotation_leaves_no_empty_corner():
    inputs = torch.full((50, 32, 32, 6), 200, dtype=torch.uint8)
    target = torch.full((50, 32, 32), 255, dtype=torch.uint8)
    turned, truth, _ = one_head(inputs, target, Augmentation(flip=0.0, rotation=180.0), torch.Generator())
    assert turned.min() >= 199 and torch.equal(truth, target)


def test_a_rotation_turns_by_the_angle_it_drew(monkeypatch):
    """By 90 degrees counter-clockwise nothing is enlarged, so it is torch.rot90."""
    from loss_study.data import transforms

    monkeypatch.setattr(transforms.Rotation, "make_params", lambda self, _: {"angle": -90.0, "scale": 1.0})
    inputs = torch.randint(0, 256, (2, 8, 8, 3), dtype=torch.uint8)
    turned, target, _ = one_head(inputs, inputs[..., 0], Augmentation(flip=0.0, rotation=90.0), torch.Generator())
    assert torch.equal(turned, inputs.rot90(1, (1, 2))) and torch.equal(target, inputs[..., 0].rot90(1, (1, 2)))


def test_a_crop_shows_a_part_enlarged():
    """Of a ramp from 0 to 255, a crop of a quarter of the area shows about half the range."""
    ramp = torch.linspace(0, 255, 64).to(torch.uint8).expand(40, 64, 64)
    generator = torch.Generator().manual_seed(0)
    crops, target, _ = one_head(
        ramp[..., None].expand(-1, -1, -1, 3), ramp, Augmentation(flip=0.0, crop=0.25), generator
    )
    ranges = target.flatten(1).amax(1).float() - target.flatten(1).amin(1).float()
    assert 255 / 2 * 0.8 < ranges.min() < 180 and ranges.max() <= 255
    assert (crops[..., 0].float() - target.float()).abs().max() <= 5


def test_colours_change_inputs_alike_and_no_target(labelled):
    inputs, labels, valid = moved(labelled, flip=0.0, colour=Colour(brightness=0.5, contrast=0.5))
    assert torch.equal(labels, labelled[1]) and torch.equal(valid, labelled[2])
    background, picture = inputs.split(3, dim=3)
    assert torch.equal(background, picture)
    assert not torch.equal(inputs, labelled[0])
    one = torch.full((20, 8, 8, 3), 100, dtype=torch.uint8)
    bright, _, _ = one_head(one, one[..., 0], Augmentation(flip=0.0, colour=Colour(brightness=0.5)), torch.Generator())
    levels = bright.flatten(1)
    assert (levels.amax(1) == levels.amin(1)).all() and len(levels[:, 0].unique()) > 10, "each picture in its own way"
    assert levels.min() >= 50 and levels.max() <= 150


def test_everything_at_once_depends_on_the_generator_alone(labelled):
    before = torch.get_rng_state()
    first, second, third = (moved(labelled, seed, **EVERYTHING) for seed in (0, 0, 1))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert not torch.equal(first[0], third[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_an_epoch_is_the_same_after_a_resume(sample):
    how = Augmentation(**EVERYTHING)
    batches = Batches(sample, "train", ["mask"], 4, torch.device("cpu"))

    def epoch(number):
        return torch.cat([batch.inputs for batch in batches.shuffled(3, number, how)])

    fourth = epoch(4)
    assert not torch.equal(epoch(3), fourth) and torch.equal(epoch(4), fourth)


def test_a_batch_without_crops_rotation_and_colour_does_not_import_torchvision():
    program = """if True:
        import sys, torch
        from loss_study.data.augmentation import augment
        from loss_study.config import Augmentation
        inputs = torch.zeros(2, 8, 8, 3, dtype=torch.uint8)
        augment(inputs, [(inputs[..., 0], None)], Augmentation(flip=0.5, erase=0.5), torch.Generator())
        assert "torchvision" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", program], check=True)
