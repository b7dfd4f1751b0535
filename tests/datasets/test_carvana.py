"""Carvana, made up small: GIF masks, views of a car in one split, and a download with the user's own token."""

import numpy as np
import pytest

from loss_study import datasets
from loss_study.download import kaggle
from loss_study.runtime.errors import StudyError
from loss_study.sampling.splitting import draw_splits
from support.data_at_hand import composed, everything, fetch_and_open, pack_archive, save, write_noise
from support.file_server import serving

CARS = [f"{number:012x}" for number in (0xA1, 0xB2, 0xC3, 0xD4, 0xE5)]
VIEWS = range(1, 17)


@pytest.fixture
def folder(tmp_path):
    """Five cars of sixteen views; the rows of the mask tell the view, the colour of the image the car."""
    root = tmp_path / "carvana"
    for number, car in enumerate(CARS):
        for view in VIEWS:
            save(root / f"train/{car}_{view:02d}.jpg", np.full((16, 24, 3), 40 * number, np.uint8), quality=95)
            save(root / f"train_masks/{car}_{view:02d}_mask.gif", mask_of(view))
    (root / "train_masks.csv").write_text("img,rle_mask\n")
    return root


def mask_of(view):
    mask = np.zeros((16, 24), np.uint8)
    mask[:view] = 255
    return mask


def open_carvana(folder, **options):
    return datasets.open_dataset("carvana", folder, options)


def test_every_view_comes_with_its_mask(folder):
    source = open_carvana(folder)
    items = everything(source)
    assert len(items) == 80 and list(source.objects) == CARS
    for item in items:
        car, view = item.id.split("_")
        example = source.example(item, 16)
        assert (item.object, item.background) == (car, None)
        assert np.array_equal(example.mask, mask_of(int(view))[:, :16])
        assert abs(int(example.image.mean()) - 40 * CARS.index(car)) <= 2
    assert "80 views of 5 cars (Carvana); each car counts as one object." in source.notes


def test_no_car_is_in_two_splits(folder):
    splits, _ = draw_splits(open_carvana(folder), 60, 0.2, 0.2, 3)
    cars = [{item.object for item in items} for items in splits.values()]
    assert sum(map(len, cars)) == len(set.union(*cars)) == 5
    assert all(splits.values())


def test_stray_and_incomplete_files_are_left_out_and_counted(folder):
    (folder / "train_masks" / f"{CARS[0]}_01_mask.gif").unlink()
    (folder / "train" / "._x_01.jpg").write_bytes(b"\0")
    save(folder / "test" / "feed_01.jpg", np.zeros((4, 4, 3), np.uint8))
    source = open_carvana(folder)
    assert len(everything(source)) == 79
    notes = " ".join(source.notes)
    assert f"1 images have no mask (first: train/{CARS[0]}_01.jpg)" in notes
    assert "1 files among the images are hidden or of another type" in notes


def test_the_other_quality_is_an_option(folder):
    with pytest.raises(StudyError, match=r"no image matches train_hq/\{object\}_\{view\}"):
        open_carvana(folder, images="train_hq")
    (folder / "train").rename(folder / "train_hq")
    assert len(everything(open_carvana(folder, images="train_hq"))) == 80


@pytest.fixture
def kaggle_server(folder, tmp_path, monkeypatch):
    """A server that counts as Kaggle, and a configuration whose links lead to it; there is no token."""
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "kaggle"))
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    dataset = composed(tmp_path, monkeypatch, "dataset=carvana").dataset
    assert all(kaggle.is_kaggle(url) for url in dataset.urls) and dataset.sha256 == []
    write_noise(folder / "train_masks/noise.bin")
    with serving(monkeypatch) as server:
        monkeypatch.setattr(kaggle, "ORIGIN", server.url("/"))
        for name in ("train", "train_masks"):
            server.files[f"/{name}.zip"] = pack_archive(tmp_path / f"{name}.zip", folder / name)
        urls = [server.url(f"/{name}.zip") for name in ("train", "train_masks")]
        yield server, dataset.model_copy(update={"urls": urls})


def test_the_archives_are_downloaded_with_the_users_token(kaggle_server, tmp_path, monkeypatch):
    server, dataset = kaggle_server
    monkeypatch.setenv("KAGGLE_API_TOKEN", "made-up")
    server.token = "Bearer made-up"
    server.mishaps = [None, "drop"]
    source = fetch_and_open(dataset, tmp_path)
    assert server.resumed("/train_masks.zip")
    assert len(everything(source)) == 80


def test_the_token_stays_with_kaggle(kaggle_server, tmp_path, monkeypatch):
    server, dataset = kaggle_server
    monkeypatch.setenv("KAGGLE_API_TOKEN", "made-up")
    elsewhere = f"http://localhost:{server.server_port}"
    server.redirects = {"/a": f"{elsewhere}/train.zip", "/b": f"{elsewhere}/train_masks.zip"}
    urls = [server.url("/a"), server.url("/b")]
    assert len(everything(fetch_and_open(dataset.model_copy(update={"urls": urls}), tmp_path))) == 80
    assert server.tokens == ["Bearer made-up", None] * 2


def test_without_a_token_the_error_says_how_to_get_one(kaggle_server, tmp_path):
    server, dataset = kaggle_server
    with pytest.raises(StudyError, match=r"https://www\.kaggle\.com/settings .*KAGGLE_API_TOKEN.*dataset\.path"):
        fetch_and_open(dataset, tmp_path)
    assert not server.requests


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused_leads_to_the_rules(kaggle_server, tmp_path, monkeypatch, status):
    server, dataset = kaggle_server
    monkeypatch.setenv("KAGGLE_API_TOKEN", "made-up")
    server.mishaps = [status]
    with pytest.raises(StudyError, match=rf"HTTP {status}.* accept the rules"):
        fetch_and_open(dataset, tmp_path)
    assert len(server.requests) == 1
