"""Oxford-IIIT Pets, made up small with the stray files of the original, from archives, and real where it exists."""

import numpy as np
import pytest

from loss_study import datasets
from loss_study.losses.shared.base import Loss
from loss_study.runtime.errors import StudyError
from loss_study.sampling.splitting import draw_splits
from support.data_at_hand import SHARED, composed, everything, fetch_and_open, needs, pack_archive, save, write_noise
from support.file_server import serving

NAMES = [f"{breed}_{number}" for breed in ("Bengal", "beagle") for number in range(1, 9)]
PET, BACKGROUND, BORDER = 1, 2, 3
#: Columns of the trimap, 8 px: four of pet, two of border, two of background.
TRIMAP = np.tile(np.array([1, 1, 1, 1, 3, 3, 2, 2], np.uint8), (8, 1))


@pytest.fixture
def folder(tmp_path):
    """Sixteen images, whose colour tells their number, with trimaps and lists; eight for the test."""
    root = tmp_path / "pets"
    for number, name in enumerate(NAMES):
        save(root / f"images/{name}.jpg", np.full((8, 8, 3), 10 * number, np.uint8), quality=95)
        save(root / f"annotations/trimaps/{name}.png", TRIMAP)
    write_list(root, "trainval", NAMES[0::2])
    write_list(root, "test", NAMES[1::2])
    return root


def write_list(root, name, names):
    lines = ["#Image CLASS-ID SPECIES BREED ID", *(f"{one} 1 1 1" for one in names)]
    (root / f"annotations/{name}.txt").write_text("\n".join(lines) + "\n")


def open_pets(folder, **options):
    return datasets.open_dataset("pets", folder, options)


def mask_of(folder, **options):
    source = open_pets(folder, **options)
    example = source.example(everything(source)[0], 8)
    return example.mask, example.mask_valid


def test_every_image_comes_with_its_trimap(folder):
    source = open_pets(folder)
    items = everything(source)
    assert [item.id for item in items] == sorted(NAMES)
    assert all(item.object == item.id and item.background is None for item in items)
    assert not source.has_background_images
    for item in items:
        example = source.example(item, 8)
        assert abs(int(example.image.mean()) - 10 * NAMES.index(item.id)) <= 2
        assert example.depth is None


def test_the_border_is_pet_or_background_or_left_out(folder):
    assert np.array_equal(mask_of(folder)[0], np.where(TRIMAP == BACKGROUND, 0, 255))
    assert np.array_equal(mask_of(folder, border="background")[0], np.where(TRIMAP == PET, 255, 0))
    mask, valid = mask_of(folder, border="ignore")
    assert np.array_equal(valid, TRIMAP != BORDER)
    assert np.array_equal(mask[valid], np.where(TRIMAP == PET, 255, 0)[valid])
    assert mask_of(folder)[1] is None


def test_a_trimap_is_three_classes_and_no_mixture(folder):
    mask, valid = mask_of(folder, labels="trimap")
    assert valid is None
    assert np.array_equal(mask, np.select([TRIMAP == PET, TRIMAP == BACKGROUND], [0, 1], 2))
    source = open_pets(folder, labels="trimap")
    assert np.unique(source.example(everything(source)[0], 32).mask).tolist() == [0, 1, 2]


def test_the_options_say_classes_and_heads_with_invalid_pixels():
    assert datasets.class_names("pets", {"labels": "trimap"}) == ("pet", "background", "border")
    assert datasets.class_names("pets", {}) == ()
    assert datasets.heads_with_invalid_pixels("pets", {"border": "ignore"}) == ("mask",)
    for options in ({}, {"border": "ignore", "labels": "trimap"}):
        assert datasets.heads_with_invalid_pixels("pets", options) == ()


def test_the_test_split_is_the_official_one(folder):
    splits, notes = draw_splits(open_pets(folder), 16, 0.2, 0.4, 0)
    assert {item.id for item in splits["test"]} <= set(NAMES[1::2])
    assert {item.id for item in splits["train"] + splits["validation"]} <= set(NAMES[0::2])
    # Eight listed for training are dealt 5 to 3; of the 7, 3 and 6 requested, every split can have five sevenths.
    assert "The splits share no objects: 5 are for training, 2 for validation, 4 for the test." in notes
    assert {split: len(items) for split, items in splits.items()} == {"train": 5, "validation": 2, "test": 4}
    drawn_anew, _ = draw_splits(open_pets(folder, split="random"), 16, 0.2, 0.4, 0)
    assert {item.id for item in drawn_anew["test"]} & set(NAMES[0::2])


def test_stray_and_incomplete_files_are_left_out_and_counted(folder):
    trimaps = folder / "annotations/trimaps"
    save(folder / "images/Bengal_1.jpg", np.full((8, 8), 200, np.uint8), format="GIF")
    save(folder / "images/Bengal_2.jpg", np.full((8, 8, 4), 100, np.uint8), format="PNG")
    (folder / "images/Bengal_1.mat").write_bytes(b"MATLAB 5.0")
    (folder / "images/._Bengal_1.jpg").write_bytes(b"\0\5\x16\7")
    (trimaps / "._Bengal_1.png").write_bytes(b"\0\5\x16\7")
    (trimaps / "beagle_8.png").unlink()
    write_list(folder, "test", [*NAMES[1::2], "pug_1", "pug_2", NAMES[0]])
    write_list(folder, "trainval", NAMES[0:-2:2])
    source = open_pets(folder)
    notes = " ".join(source.notes)
    assert "1 images have no mask (first: images/beagle_8.jpg)" in notes
    assert "3 files among the images are hidden or of another type and were left out." in notes
    assert "3 names are in a list, but there is no image with a mask (first: beagle_8)." in notes
    assert "1 names are in both lists and count as test (first: Bengal_1)." in notes
    assert "1 names are in no list and were left out (first: beagle_7)." in notes
    assert len(source.objects) == 14 and set(source.test_objects) == {*NAMES[1:-2:2], NAMES[0]}
    values = {item.id: source.example(item, 8).image.mean() for item in everything(source)}
    assert (values["Bengal_1"], values["Bengal_2"]) == (200, 100)


def test_what_cannot_be_used_is_one_line(folder, tmp_path):
    write_list(folder, "test", ["pug_1"])
    with pytest.raises(StudyError, match=r"no image of the test list exists; .*split=random"):
        open_pets(folder)
    (folder / "annotations/test.txt").unlink()
    with pytest.raises(StudyError, match=r"no list test\.txt in it; .*split=random"):
        open_pets(folder)
    assert len(everything(open_pets(folder, split="random"))) == 16
    save(folder / "annotations/trimaps/Bengal_1.png", TRIMAP + 3)
    with pytest.raises(StudyError, match=r"Bengal_1\.png: holds the label 4"):
        mask_of(folder, split="random")
    for file in (folder / "annotations/trimaps").iterdir():
        file.rename(file.with_name(f"mask_{file.name}"))
    with pytest.raises(StudyError, match=r"no image is complete: .*16 images have no mask"):
        open_pets(folder)
    with pytest.raises(StudyError, match=r"no image matches images/\{object\}; correct dataset\.path"):
        open_pets(folder / "annotations")
    with pytest.raises(StudyError, match=r"dataset\.path: .* is not a folder"):
        open_pets(tmp_path / "nowhere")


def test_the_configuration_composes(tmp_path, monkeypatch):
    dataset = composed(tmp_path, monkeypatch, "dataset=pets").dataset
    assert (dataset.name, dataset.heads, dataset.classes) == ("pets", ["mask"], 1)
    assert len(dataset.urls) == len(dataset.sha256) == 2
    assert all(url.startswith("https://www.robots.ox.ac.uk/~vgg/data/pets/data/") for url in dataset.urls)
    with pytest.raises(StudyError, match=r"dataset.classes: .* pets has 3, not 1; .*\[pet,background,border\]"):
        composed(tmp_path, monkeypatch, "dataset=pets", "dataset.options.labels=trimap")
    with pytest.raises(StudyError, match=r"'pets' has no depth; choose loss.heads=\[mask\]"):
        composed(tmp_path, monkeypatch, "dataset=pets", "loss.heads=[depth]")


def test_a_loss_that_cannot_leave_the_border_out_is_refused(tmp_path, monkeypatch):
    ignore = ["dataset=pets", "dataset.options.border=ignore", "loss=dice"]
    composed(tmp_path, monkeypatch, *ignore)
    monkeypatch.setattr(Loss, "takes_valid", False)
    composed(tmp_path, monkeypatch, "dataset=pets", "loss=dice")
    with pytest.raises(StudyError, match="dice cannot leave out the invalid pixels of the mask"):
        composed(tmp_path, monkeypatch, *ignore)


def test_the_archives_are_downloaded_and_read(folder, tmp_path, monkeypatch):
    dataset = composed(tmp_path, monkeypatch, "dataset=pets").dataset
    write_noise(folder / "annotations/README")
    with serving(monkeypatch) as server:
        for name in ("images", "annotations"):
            server.files[f"/{name}.tar.gz"] = pack_archive(tmp_path / f"{name}.tar.gz", folder / name)
        urls = [server.url(f"/{name}.tar.gz") for name in ("images", "annotations")]
        server.mishaps = [None, "drop"]
        source = fetch_and_open(dataset.model_copy(update={"urls": urls, "sha256": []}), tmp_path)
        assert server.resumed("/annotations.tar.gz")
    assert [item.id for item in everything(source)] == sorted(NAMES)
    assert source.test_objects == tuple(sorted(NAMES[1::2]))


def test_a_local_folder_goes_before_the_links(folder, tmp_path, monkeypatch):
    from loss_study.download.prepare import prepare

    dataset = composed(tmp_path, monkeypatch, "dataset=pets", f"dataset.path={folder}").dataset
    assert dataset.urls
    prepare(dataset, tmp_path / "source", tmp_path / "downloads")
    assert str(folder) in (tmp_path / "source/source.json").read_text()
    assert not (tmp_path / "downloads").exists()


@needs("pets")
def test_real_pets():
    whole, trimap, inner = (
        open_pets(SHARED / "pets", **options) for options in ({}, {"labels": "trimap"}, {"border": "ignore"})
    )
    items = everything(whole)
    assert len(items) == 150
    assert (len(whole.objects), len(whole.test_objects)) == (150, 60)
    for item in items[::30]:
        classes, soft, sure = (source.example(item, 64) for source in (trimap, whole, inner))
        assert np.array_equal(sure.mask_valid, classes.mask != 2)
        assert np.array_equal(sure.mask == 255, classes.mask == 0)
        assert abs((soft.mask / 255).mean() - (classes.mask != 1).mean()) < 0.02
        # The trimaps' border is a few pixels wide, the pet of a fair size.
        assert 0.02 < (classes.mask == 2).mean() < 0.3 and 0.05 < (classes.mask == 0).mean() < 0.9
