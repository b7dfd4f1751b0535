"""``loss-study inspect``: what it proposes for a folder, typed as printed, reads masks and depth maps right."""

import re
import shlex
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loss_study import cli, datasets
from loss_study.config.composition import composed
from loss_study.runtime.errors import StudyError
from support.data_at_hand import ROOT, everything, save

SIZE, IMAGES = 16, 12


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A working directory with a configuration of its own."""
    shutil.copytree(ROOT / "conf", tmp_path / "project/conf")
    monkeypatch.chdir(tmp_path / "project")


def inspect(capsys, *words):
    """Run the command and return what it prints."""
    arguments = cli.parse(["inspect", *map(str, words)])
    arguments.main(arguments)
    return capsys.readouterr().out


def typed(output):
    """Do what the output ends with, and return the configuration that it selects."""
    _, _, step = output.partition("to study this data:\n\n")
    if step.startswith("# conf/dataset/mine.yaml"):
        Path("conf/dataset/mine.yaml").write_text(step.partition("\n\n")[0], encoding="utf-8")
    command = step.strip().splitlines()[-1]
    if command.startswith("make study"):
        return composed(shlex.split(re.fullmatch(r'make study CHOICES="(.*)"', command)[1]))
    return composed([word for word in shlex.split(command)[3:] if word != "-S"])


def examples(output):
    """Return all images as the study reads them that the output proposes, by the number in their names."""
    config = typed(output)
    dataset = datasets.open_dataset(config.dataset.name, Path(config.dataset.path), config.dataset.options)
    return {int(re.findall(r"\d+", item.id)[-1]): dataset.example(item, SIZE) for item in everything(dataset)}


def image(number):
    return np.random.default_rng(number).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)


def shape(number):
    """A rectangle, 1 inside and 0 outside, different for each number."""
    inside = np.zeros((SIZE, SIZE), np.uint8)
    inside[2 : 6 + number % 7, 3 : 9 + number % 5] = 1
    return inside


def write(folder, mask_of, image_at="images/{}.png", mask_at="masks/{}.png"):
    for number in range(IMAGES):
        save(folder / image_at.format(number), image(number))
        save(folder / mask_at.format(number), mask_of(number))


def palette(number):
    """Classes 7 and 15, and a void border of 255, as in Pascal VOC."""
    inside = shape(number) * (7 if number % 2 else 15)
    inside[0] = 255
    made = Image.fromarray(inside, "P")
    made.putpalette(np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tolist())
    return made


def instances(number):
    """Three objects beside each other."""
    return shape(number) * (1 + np.arange(SIZE, dtype=np.uint8) // 6)


MASKS = {
    "black and white": (lambda number: shape(number) * 255, "images/{}.png", "masks/{}.png"),
    "beside the images": (lambda number: shape(number) * 255, "all/{}.png", "all/{}_mask.png"),
    "with a suffix in folders of the user": (lambda number: shape(number) * 255, "a b/x{}.jpg", "a b/gt/x{}_seg.png"),
    "0 and 1": (shape, "images/{}.png", "labels/{}.png"),
    "instances": (instances, "images/{}.png", "masks/{}.png"),
}


@pytest.mark.parametrize("kind", MASKS)
def test_masks_are_read_as_they_are(kind, tmp_path, capsys):
    mask_of, *names = MASKS[kind]
    write(tmp_path / "my data", mask_of, *names)
    found = examples(inspect(capsys, tmp_path / "my data"))
    assert set(found) == set(range(IMAGES))
    for number, one in found.items():
        assert np.array_equal(one.mask, shape(number) * 255) and one.mask_valid is None


def test_a_palette_with_a_void_border(tmp_path, capsys):
    for number in range(IMAGES):
        save(tmp_path / f"voc/JPEGImages/{number}.jpg", image(number))
        path = tmp_path / f"voc/SegmentationClass/{number}.png"
        path.parent.mkdir(exist_ok=True)
        palette(number).save(path)
    output = inspect(capsys, tmp_path / "voc")
    assert "indices of a palette" in output
    for number, one in examples(output).items():
        assert np.array_equal(one.mask_valid[1:], np.ones((SIZE - 1, SIZE))) and not one.mask_valid[0].any()
        assert np.array_equal(one.mask, shape(number) * 255)


def test_depth_in_millimetres(tmp_path, capsys):
    metres = np.linspace(0.5, 4, SIZE * SIZE).reshape(SIZE, SIZE)
    metres[3] = 0
    for number in range(IMAGES):
        save(tmp_path / f"rgbd/rgb/{number}.png", image(number))
        save(tmp_path / f"rgbd/depth/{number}.png", (1000 * metres).astype(np.uint16))
    output = inspect(capsys, tmp_path / "rgbd")
    # Of 16 rows one is missing.
    assert "6.2% of all pixels have no depth" in output
    found = examples(output)
    assert len(found) == IMAGES
    for one in found.values():
        assert np.array_equal(one.depth_valid, metres > 0)
        stored = one.depth[metres > 0] / 65535
        assert 3 * stored / (1 - stored) == pytest.approx(metres[metres > 0], abs=0.002)


def test_an_archive_is_read_like_a_folder(tmp_path, capsys):
    write(tmp_path / "data", instances)
    with zipfile.ZipFile(tmp_path / "my data.zip", "w") as archive:
        for path in sorted((tmp_path / "data").rglob("*.png")):
            archive.write(path, path.relative_to(tmp_path))
    assert typed(inspect(capsys, tmp_path / "my data.zip")).dataset.path == str(tmp_path / "my data.zip")


def test_the_contact_sheet_and_the_file_are_written(tmp_path, capsys):
    write(tmp_path / "data", instances)
    output = inspect(capsys, tmp_path / "data", "--save", "mine", "-S", "sample.size=16")
    assert 'make study CHOICES="dataset=mine sample.size=16"' in output
    dataset = composed(["dataset=mine"]).dataset
    assert dataset.path == str(tmp_path / "data") and dataset.options["labels"]["classes"] == {
        "foreground": ["1-65535"]
    }
    with Image.open("data/contact_sheet.png") as sheet:
        assert sheet.width == 2 * (3 * 134 - 6) + 28
    with pytest.raises(StudyError, match=r"mine\.yaml is there already"):
        inspect(capsys, tmp_path / "data", "--save", "mine")
    with pytest.raises(StudyError, match="small letters"):
        inspect(capsys, tmp_path / "data", "--save", "../mine")


def test_with_a_dataset_nothing_is_recognised(tmp_path, capsys):
    write(tmp_path / "data", instances, "x/{}.png", "y/{}.png")
    words = ['dataset.options.files.image="x/{name}"', 'dataset.options.files.mask="y/{name}"']
    output = inspect(capsys, tmp_path / "data", "-S", "dataset=folder", "-S", words[0], "-S", words[1], "-S",
                     "+dataset.options.labels.classes.foreground=[1,2,3]")  # fmt: skip
    assert "Recognised" not in output
    assert np.array_equal(examples(output)[5].mask, shape(5) * 255)


def test_inverted_masks_are_suspected_and_the_remedy_of_the_docs_helps(tmp_path, capsys):
    write(tmp_path / "data", lambda number: 255 * (1 - shape(number)))
    assert "they are inverted, see docs/data.md" in inspect(capsys, tmp_path / "data")
    (remedy,) = re.findall(r"inspect /path/to/data -S '(\+dataset[^']*)'", (ROOT / "docs/data.md").read_text())
    output = inspect(capsys, tmp_path / "data", "-S", remedy)
    assert "they are inverted" not in output
    assert np.array_equal(examples(output)[3].mask, 255 * shape(3))


def test_copies_in_test_and_training_are_warned_of(tmp_path, capsys):
    for number in range(20):
        for name in (number, f"{number}_copy"):
            save(tmp_path / f"data/images/{name}.png", image(number))
            save(tmp_path / f"data/masks/{name}.png", shape(number) * 255)
    output = inspect(capsys, tmp_path / "data")
    found, pair = re.search(r"warning: (\d+) of \d+ test images looked at are .* \((.*?)[;)]", output).groups()
    assert int(found) >= 2
    first, second = pair.split(" and ")
    assert first != second and first.removesuffix("_copy") == second.removesuffix("_copy")


def test_the_suggestion_to_keep_frames_together_is_followed(tmp_path, capsys):
    scene = np.array(Image.fromarray(image(1)).resize((400, 64), Image.Resampling.BICUBIC))
    for number in range(60):
        save(tmp_path / f"data/images/{number}.png", scene[:, 5 * number : 5 * number + 64])
        save(tmp_path / f"data/masks/{number}.png", np.kron(shape(number) * 255, np.ones((4, 4), np.uint8)))
    output = inspect(capsys, tmp_path / "data")
    assert "choices were added because: The images look like consecutive frames" in output
    assert typed(output).dataset.options["files"]["frames"] == 3 and "clips" in output


def test_what_is_not_recognised_is_shown_and_refused(tmp_path, capsys):
    for number in range(3):
        save(tmp_path / f"data/odd/{number}.png", image(number))
    arguments = cli.parse(["inspect", str(tmp_path / "data")])
    with pytest.raises(StudyError, match=re.escape(f"{tmp_path / 'data'}: ")) as refused:
        arguments.main(arguments)
    assert "\n" not in str(refused.value)
    output = capsys.readouterr().out
    assert "odd" in output and "0.png" in output and "8-bit RGB PNG" in output and "none that is known" in output
