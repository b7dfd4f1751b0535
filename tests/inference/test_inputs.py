"""Which images a prediction reads, and with which background."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loss_study.inference import inputs
from loss_study.inference.contract import Input
from loss_study.inference.inputs import Task, find, load
from loss_study.runtime.errors import StudyError
from support.data_at_hand import save

ALONE, WITH_BACKGROUND = Input(3, 16, 16), Input(6, 16, 16)
OUTPUT = Path("predictions")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two photos and a note, one photo more in a subfolder, and a background for two of them."""
    monkeypatch.chdir(tmp_path)
    for name in ("photos/b.jpg", "photos/a.png", "photos/deep/c.png", "backgrounds/a.jpg", "backgrounds/deep/c.jpg"):
        save(Path(name), np.full((8, 8, 3), 200, np.uint8))
    Path("photos/note.txt").write_text("not an image")
    return Path("photos")


def names(tasks):
    return [(str(task.image), str(task.name)) for task in tasks]


def test_a_folder_stands_for_all_images_below_it(photos):
    found = find(["photos"], None, ALONE, OUTPUT)
    assert names(found) == [("photos/a.png", "a"), ("photos/b.jpg", "b"), ("photos/deep/c.png", "deep/c")]


def test_files_and_patterns_each_image_once(photos):
    found = find(["photos/b.jpg", "photos/*.jpg", "photos/**/*.png"], None, ALONE, OUTPUT)
    assert names(found) == [("photos/b.jpg", "b"), ("photos/a.png", "a"), ("photos/deep/c.png", "c")]


def test_results_of_an_earlier_prediction_are_not_predicted_on(photos):
    save(Path("photos/predictions/a.mask.png"), np.zeros((8, 8), np.uint8))
    assert len(find(["photos"], None, ALONE, Path("photos/predictions"))) == 3


def test_images_of_one_name_get_results_of_different_names(photos):
    save(Path("photos/a.jpg"), np.zeros((8, 8, 3), np.uint8))
    found = names(find(["photos/a.png", "photos/a.jpg", "photos/b.jpg"], None, ALONE, OUTPUT))
    assert [name for _, name in found] == ["a.png", "a.jpg", "b"]
    save(Path("more/a.png"), np.zeros((8, 8, 3), np.uint8))
    found = names(find(["photos/a.png", "more/a.png"], None, ALONE, OUTPUT))
    assert [name for _, name in found] == ["photos/a.png", "more/a.png"]


@pytest.mark.parametrize("pattern", ["photos/*.tif", "nowhere", "empty"])
def test_a_pattern_without_an_image_is_named(photos, pattern):
    Path("empty").mkdir()
    with pytest.raises(StudyError, match=f"^{pattern.replace('*', '.')[:5]}"):
        find([pattern], None, ALONE, OUTPUT)


def test_one_background_for_all_and_a_folder_by_name(photos):
    one = find(["photos"], Path("backgrounds/a.jpg"), WITH_BACKGROUND, OUTPUT)
    assert {task.background for task in one} == {Path("backgrounds/a.jpg")}
    by_name = find(["photos"], Path("backgrounds"), WITH_BACKGROUND, OUTPUT)
    assert [str(task.background) for task in by_name] == ["backgrounds/a.jpg", "None", "backgrounds/deep/c.jpg"]
    assert by_name[1].problem == "photos/b.jpg: no background of this name in backgrounds"
    with pytest.raises(StudyError, match="no background of this name"):
        load(by_name[1], WITH_BACKGROUND)


def test_images_of_a_pattern_have_their_backgrounds_in_the_same_subfolders(photos):
    (task,) = find(["photos/**/c.png"], Path("backgrounds"), WITH_BACKGROUND, OUTPUT)
    assert task.background == Path("backgrounds/deep/c.jpg")
    # Where two have the name, neither is guessed.
    save(Path("backgrounds/other/c.jpg"), np.zeros((4, 4, 3), np.uint8))
    (task,) = find(["photos/**/c.png"], Path("backgrounds"), WITH_BACKGROUND, OUTPUT)
    assert task.background is None and "no background of this name" in task.problem


@pytest.mark.parametrize(
    ("background", "needed", "words"),
    [
        (None, WITH_BACKGROUND, "--background: this model needs the image of each background"),
        (Path("backgrounds"), ALONE, "--background: this model takes the image alone"),
        (Path("nowhere"), WITH_BACKGROUND, "--background: nowhere: no such file or folder"),
    ],
)
def test_a_background_that_does_not_fit_the_model(photos, background, needed, words):
    with pytest.raises(StudyError, match=words):
        find(["photos"], background, needed, OUTPUT)


def test_an_array_has_the_background_first_and_is_turned_by_exif(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was turned: the left column is the upper row.
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:, :16] = 255
    save(tmp_path / "image.png", stored, exif=exif)
    save(tmp_path / "background.png", np.full((4, 4, 3), 51, np.uint8))
    task = Task(tmp_path / "image.png", tmp_path / "background.png", Path("image"))
    found = load(task, WITH_BACKGROUND)
    assert (found.width, found.height) == (16, 32)
    assert found.array.shape == (6, 16, 16) and found.array.dtype == np.float32
    np.testing.assert_allclose(found.array[:3], 0.2)
    assert found.array[3:, :7].min() == 1 and found.array[3:, 9:].max() == 0


def test_one_background_for_all_is_read_once(tmp_path, monkeypatch):
    read = []
    original = inputs.read_rgb
    monkeypatch.setattr(inputs, "read_rgb", lambda path, *rest: read.append(path.name) or original(path, *rest))
    for name in ("a", "b", "background"):
        save(tmp_path / f"{name}.png", np.zeros((8, 8, 3), np.uint8))
    for name in ("a", "b"):
        load(Task(tmp_path / f"{name}.png", tmp_path / "background.png", Path(name)), WITH_BACKGROUND)
    assert sorted(read) == ["a.png", "b.png", "background.png"]


def test_an_image_of_more_than_8_bits_needs_the_range_that_the_model_knows(tmp_path):
    save(tmp_path / "deep.png", np.full((16, 16), 2000, np.uint16))
    task = Task(tmp_path / "deep.png", None, Path("deep"))
    with pytest.raises(StudyError, match="whose range is not known"):
        load(task, ALONE)
    found = load(task, Input(3, 16, 16, (0.0, 4000.0)))
    np.testing.assert_allclose(found.array, 128 / 255)
