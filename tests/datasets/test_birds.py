"""Caltech birds, made up small in the original layout, from its two archives."""

import numpy as np
import pytest

from loss_study import datasets
from loss_study.runtime.errors import StudyError
from loss_study.sampling.splitting import draw_splits
from support.data_at_hand import composed, everything, fetch_and_open, pack_archive, save, write_noise
from support.file_server import serving

SPECIES = ("001.Black_footed_Albatross", "014.Indigo_Bunting")
NAMES = [f"{species[4:]}_{number:04d}_{796111 + number}" for species in SPECIES for number in range(1, 9)]
#: Five annotators: each column of the segmentation was marked by one more of them.
ANNOTATORS = np.tile(np.array([0, 51, 102, 153, 204, 255], np.uint8).repeat(2), (12, 1))


def relative(name):
    return f"{next(species for species in SPECIES if name.startswith(species[4:]))}/{name}"


@pytest.fixture
def folder(tmp_path):
    """Sixteen images, whose colour tells their number; every third is for the test."""
    root = tmp_path / "CUB_200_2011"
    for number, name in enumerate(NAMES):
        save(root / f"images/{relative(name)}.jpg", np.full((12, 12, 3), 10 * number, np.uint8), quality=95)
        save(tmp_path / f"segmentations/{relative(name)}.png", ANNOTATORS)
    write(root / "images.txt", [f"{number} {relative(name)}.jpg" for number, name in enumerate(NAMES, 1)])
    write(root / "train_test_split.txt", [f"{number} {int(number % 3 != 0)}" for number in range(1, 17)])
    write(root / "classes.txt", [f"{number} {species}" for number, species in enumerate(SPECIES, 1)])
    return tmp_path


def write(path, lines):
    path.write_text("\n".join(lines) + "\n")


def open_birds(folder, **options):
    return datasets.open_dataset("birds", folder, options)


@pytest.mark.parametrize(
    ("agreement", "columns"), [(0.2, 10), (0.21, 8), (0.4, 8), (0.5, 6), (0.6, 6), (0.8, 4), (0.9, 2), (1, 2)]
)
def test_enough_annotators_make_a_bird(folder, agreement, columns):
    source = open_birds(folder, agreement=agreement)
    mask = source.example(everything(source)[0], 12).mask
    expected = np.zeros((12, 12), np.uint8)
    expected[:, 12 - columns :] = 255
    assert np.array_equal(mask, expected)
    assert f"{agreement:.0%} of the annotators" in source.notes[-1]


def test_every_image_comes_with_its_segmentation(folder):
    save(folder / f"segmentations/{relative(NAMES[5])}.png", np.full((12, 12), 255, np.uint8))
    save(folder / f"CUB_200_2011/images/{relative(NAMES[6])}.jpg", np.full((12, 12), 200, np.uint8))
    source = open_birds(folder)
    items = {item.object: item for item in everything(source)}
    assert sorted(items) == sorted(NAMES)
    assert all(item.id == relative(name) for name, item in items.items())
    for name in NAMES:
        example = source.example(items[name], 12)
        shade = 200 if name == NAMES[6] else 10 * NAMES.index(name)
        assert abs(int(example.image.mean()) - shade) <= 2
        assert (example.mask.min() == 255) == (name == NAMES[5])


def test_the_test_split_is_the_official_one(folder):
    splits, _ = draw_splits(open_birds(folder), 15, 0.2, 0.3, 1)
    assert {item.object for item in splits["test"]} <= set(NAMES[2::3])
    assert not {item.object for item in splits["train"] + splits["validation"]} & set(NAMES[2::3])
    splits, _ = draw_splits(open_birds(folder, split="random"), 15, 0.2, 0.3, 1)
    assert {item.object for item in splits["test"]} - set(NAMES[2::3])


def test_entries_without_files_are_counted(folder):
    (folder / f"segmentations/{relative(NAMES[0])}.png").unlink()
    (folder / f"CUB_200_2011/images/{relative(NAMES[1])}.jpg").unlink()
    with (folder / "CUB_200_2011/train_test_split.txt").open("a") as file:
        file.write("17 1\n")
    source = open_birds(folder)
    notes = " ".join(source.notes)
    assert len(source.objects) == 14
    assert "1 images have no mask" in notes and "1 masks have no image" in notes
    assert "3 names are in a list, but there is no image with a mask (first: 17)." in notes


def test_what_is_missing_is_one_line(folder):
    (folder / "CUB_200_2011/train_test_split.txt").unlink()
    with pytest.raises(StudyError, match=r"no list train_test_split\.txt in it"):
        open_birds(folder)
    with pytest.raises(StudyError, match=r"no mask matches segmentations/\{species\}/\{object\}"):
        open_birds(folder / "CUB_200_2011", split="random")


def test_a_broken_list_is_named(folder):
    write(folder / "CUB_200_2011/images.txt", ["1 x/a.jpg", "2"])
    with pytest.raises(StudyError, match=r"images\.txt: the line '2' should have 2 words"):
        open_birds(folder)


def test_both_archives_are_downloaded_and_read(folder, tmp_path, monkeypatch):
    dataset = composed(tmp_path, monkeypatch, "dataset=birds").dataset
    assert len(dataset.sha256) == 2
    assert all(url.startswith("https://data.caltech.edu/records/") for url in dataset.urls)
    write_noise(folder / "segmentations/noise.bin")
    with serving(monkeypatch) as server:
        for name in ("CUB_200_2011", "segmentations"):
            server.files[f"/{name}.tgz"] = pack_archive(tmp_path / f"{name}.tgz", folder / name)
        server.mishaps = [None, "drop"]
        urls = [server.url(f"/{name}.tgz") for name in ("CUB_200_2011", "segmentations")]
        source = fetch_and_open(dataset.model_copy(update={"urls": urls, "sha256": []}), tmp_path)
        assert server.resumed("/segmentations.tgz")
    assert len(everything(source)) == 16 and len(source.test_objects) == 5
