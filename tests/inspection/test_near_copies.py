"""Images that look nearly the same are found, and different ones are not."""

import io

import numpy as np
import pytest
from PIL import Image

from loss_study.inspection import near_copies
from support.data_at_hand import SHARED, needs


def photograph(seed, size=64):
    """Some smooth blobs of light, different for each seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8))
    return np.array(coarse.resize((size, size), Image.Resampling.BICUBIC))


def jpeg(rgb):
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=40)
    return np.array(Image.open(file))


CHANGES = {
    "the same": lambda rgb: rgb,
    "compressed": jpeg,
    "brighter": lambda rgb: np.clip(rgb * 1.2, 0, 255).astype(np.uint8),
    "smaller": lambda rgb: np.array(Image.fromarray(rgb).resize((32, 32), Image.Resampling.BILINEAR)),
    "moved": lambda rgb: np.roll(rgb, 1, axis=1),
    "mirrored": lambda rgb: rgb[:, ::-1],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_others(change):
    images = [photograph(seed) for seed in range(20)]
    assert near_copies.find([CHANGES[change](images[7])], images) == [(0, 7)]


def test_different_images_are_not_alike():
    first, second = [photograph(seed) for seed in range(40)], [photograph(seed) for seed in range(40, 80)]
    assert near_copies.find(first, second) == []


def test_one_object_at_different_places_before_a_plain_wall_is_not_a_copy():
    images = []
    for row, column in ((4, 4), (20, 30), (40, 12)):
        image = np.full((64, 64, 3), 255, dtype=np.uint8)
        image[row : row + 20, column : column + 20] = 30
        images.append(image)
    assert near_copies.find(images[:1], images[1:]) == []


def test_plain_images_are_like_nothing():
    plain = np.full((32, 32, 3), 90, dtype=np.uint8)
    assert near_copies.find([plain], [plain, photograph(1)]) == []
    assert near_copies.find([], [plain]) == near_copies.find([plain], []) == []


@needs("pets")
def test_photographs_of_pets_are_told_apart_from_copies_that_have_moved():
    frames, moved = [], []
    for path in sorted((SHARED / "pets/images").glob("*.jpg"))[:150]:
        with Image.open(path) as image:
            image.draft("RGB", (128, 128))
            width, height = image.size
            for place, images in ((0.05, frames), (0.07, moved)):
                box = (place * width, 0.05 * height, (place + 0.9) * width, 0.95 * height)
                images.append(np.array(image.convert("RGB").resize((64, 64), Image.Resampling.BILINEAR, box)))
    others = near_copies.likeness(frames, frames)[~np.eye(len(frames), dtype=bool)]
    same = np.diag(near_copies.likeness(frames, moved))
    print(f"likeness of others at most {others.max():.2f}, of copies that moved by 2 % at least {same.min():.2f}")
    assert others.max() < near_copies.ALIKE - 0.1
    assert np.median(same) > near_copies.ALIKE + 0.05
