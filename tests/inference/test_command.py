"""``loss-study predict`` as it is typed, with a model whose predictions are known."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loss_study import cli
from loss_study.inference.predict import COLUMNS
from support.channel_model import METRES, write_model
from support.data_at_hand import save


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with a model in model/ and 40 x 20 photos, red on the left and of green 51 (0.2)."""
    monkeypatch.chdir(tmp_path)
    write_model(Path("model"), depth=METRES)
    photo = np.zeros((20, 40, 3), np.uint8)
    photo[:, :10, 0], photo[..., 1] = 255, 51
    for name in ("photos/a.png", "photos/deep/b.png"):
        save(Path(name), photo)
    exif = Image.Exif()
    exif[0x0112] = 6
    save(Path("photos/turned.png"), photo, exif=exif)
    return tmp_path


def predict(*words):
    """Run the command; return its exit code."""
    arguments = cli.parse(["predict", *words])
    try:
        arguments.main(arguments)
    except SystemExit as end:
        return end.code
    return 0


def ending(monkeypatch, capsys, *words):
    """Run the whole command as its console script does; return its exit code and what it wrote to stderr."""
    monkeypatch.setattr("sys.argv", ["loss-study", "predict", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code, capsys.readouterr().err


def rows():
    with Path("predictions/predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_image_of_a_folder_gets_results_of_its_size(here, capsys):
    assert predict("model", "photos") == 0
    for name, size in (("a", (40, 20)), ("deep/b", (40, 20)), ("turned", (20, 40))):
        mask, depth = (Image.open(f"predictions/{name}.{head}.png") for head in ("mask", "depth"))
        assert mask.size == depth.size == size
        # 0.2 is 9 x 0.2 / 0.8 = 2.25 m.
        assert np.abs(np.asarray(depth).astype(int) - 2250).max() <= 1
        assert Path(f"predictions/{name}.overlay.jpg").is_file()
    assert not Path("predictions/predictions.csv").exists()
    assert "predict  3 of 3 images in " in capsys.readouterr().out


def test_masks_lie_on_their_images_as_these_are_seen(here):
    predict("model", "photos")
    upright = np.asarray(Image.open("predictions/a.mask.png"))
    assert (upright[:, :9] == 255).all() and (upright[:, 11:] == 0).all()
    # The camera was turned clockwise: what is stored on the left is seen on top.
    turned = np.asarray(Image.open("predictions/turned.mask.png"))
    assert (turned[:9] == 255).all() and (turned[11:] == 0).all()


def test_the_table_has_a_row_for_each_head_with_units(here):
    assert predict("model", "photos/a.png", "--csv", "--no-overlays", "--format", "npy") == 0
    mask, depth = rows()
    assert tuple(mask) == COLUMNS
    assert (mask["file"], mask["head"], mask["class"]) == ("photos/a.png", "mask", "foreground")
    assert float(mask["share"]) == pytest.approx(0.25, abs=0.02) and mask["depth_median"] == mask["unit"] == ""
    assert (depth["head"], depth["unit"]) == ("depth", "m") and float(depth["depth_median"]) == pytest.approx(2.25)
    assert float(mask["seconds"]) > 0 and depth["output"] == "predictions/a.depth.npy"
    assert sorted(path.name for path in Path("predictions").iterdir()) == [
        "a.depth.npy",
        "a.mask.npy",
        "predictions.csv",
    ]


def test_several_classes_have_a_row_each(here):
    names = ["pet", "background", "border"]
    write_model(Path("classes"), mask={"classes": 3, "class_names": names, "threshold": None}, depth=None)
    assert predict("classes", "photos/a.png", "--csv") == 0
    found = {row["class"]: float(row["share"]) for row in rows()}
    assert found["pet"] == pytest.approx(0.25, abs=0.03) and found["background"] == pytest.approx(0.75, abs=0.03)
    assert found["border"] == 0


def test_no_cell_of_the_table_is_a_formula_or_unwritable(here):
    names = ["=cmd|' /C calc'!A0", "b\x1b[31m\n"]
    write_model(Path("classes"), mask={"classes": 2, "class_names": names, "threshold": None}, depth=None)
    for name in ("=1+1.png", os.fsdecode(b"caf\xe9.png")):
        shutil.copy("photos/a.png", name)
        assert predict("classes", name, "--csv") == 0
        cells = [cell for row in rows() for cell in row.values()]
        assert {row["class"] for row in rows()} == {"'=cmd|' /C calc'!A0", r"b\x1b[31m\n"}
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
        assert rows()[0]["file"] == {"=1+1.png": "'=1+1.png"}.get(name, r"caf\xe9.png")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.png", r"caf\xe9.png"),
        (b"two\nlines.png", r"two\nlines.png"),
        (b"red\x1b[31m.png", r"red\x1b[31m.png"),
        (b"tab\t'\".png", r"""tab\t'".png"""),
    ],
)
def test_a_bad_image_of_any_name_is_skipped_in_one_line(here, capsys, name, shown):
    Path("photos", os.fsdecode(name)).write_bytes(b"")
    assert predict("model", "photos") == 3
    said = capsys.readouterr()
    line = f"skipped: photos/{shown}: not a readable"
    assert line in said.out and line.removeprefix("skipped: ") in said.err
    assert (said.out + said.err).replace("\n", "").isprintable()


def test_a_bad_image_is_named_and_skipped_and_the_exit_code_says_so(here, capsys):
    whole = Path("photos/a.png").read_bytes()
    Path("photos/cut.png").write_bytes(whole[: len(whole) // 2])
    Path("photos/empty.jpg").write_bytes(b"")
    assert predict("model", "photos", "--csv") == 3
    said = capsys.readouterr()
    for name in ("cut.png", "empty.jpg"):
        lines = [line for line in said.out.splitlines() if f"photos/{name}" in line]
        assert len(lines) == 1 and lines[0].startswith(f"predict  skipped: photos/{name}: not a readable image")
    assert "predict  3 of 5 images in " in said.out
    assert said.err.startswith("predict  2 skipped, first: photos/cut.png: ")
    assert {row["file"] for row in rows()} == {"photos/a.png", "photos/deep/b.png", "photos/turned.png"}


def test_only_bad_images(here, capsys):
    Path("bad.png").write_bytes(b"no image")
    assert predict("model", "bad.png", "--csv") == 3
    assert "0 of 1 images" in capsys.readouterr().out and rows() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "photos"], "error: nowhere/model.json: no model there"),
        (["model", "nowhere"], "error: nowhere: no such file, and no image matches it as a pattern"),
        (["model", "photos", "--background", "photos"], "error: --background: this model takes the image alone"),
        (["with_background", "photos"], "error: --background: this model needs the image of each background"),
        (["model", "photos", "--output", "model/model.json"], "error: model/model.json: cannot be written to"),
    ],
)
def test_what_cannot_be_done_is_one_line(here, monkeypatch, capsys, words, said):
    write_model(Path("with_background"), background=True)
    code, line = ending(monkeypatch, capsys, *words)
    assert code == 1 and line.startswith(said) and line.count("\n") == 1


def test_a_full_disk_ends_it(here, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "predictions/a.mask.png")

    monkeypatch.setattr("loss_study.inference.predict.write", full)
    code, line = ending(monkeypatch, capsys, "model", "photos")
    assert code == 1 and line.startswith("error: predictions/a.mask.png: the disk is full")


@pytest.mark.parametrize("size", ["0", "-1", "many"])
def test_a_batch_size_is_a_number_from_1_on(here, capsys, size):
    with pytest.raises(SystemExit) as end:
        cli.parse(["predict", "model", "photos", "--batch-size", size])
    assert end.value.code == 2 and "--batch-size" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["auto", "1", "2", "7"])
def test_results_do_not_depend_on_the_batch_size(here, size):
    rng = np.random.default_rng(0)
    for number in range(5):
        save(Path(f"many/{number}.png"), rng.integers(0, 256, (9 + number, 7, 3), dtype=np.uint8))
    assert predict("model", "many", "--format", "npy", "--batch-size", size, "--no-overlays") == 0
    for number in range(5):
        image = Image.open(f"many/{number}.png").resize((16, 16), Image.Resampling.BILINEAR)
        red = Image.fromarray(np.asarray(image)[..., 0].astype(np.float32) / 255)
        expected = np.asarray(red.resize((7, 9 + number), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(np.load(f"predictions/{number}.mask.npy"), expected, atol=1e-5)


def test_help_tells_formats_and_exit_codes(capsys):
    with pytest.raises(SystemExit):
        cli.parse(["predict", "--help"])
    text = capsys.readouterr().out
    for words in ("millimetres", "Exit code: 0", "3 if some were skipped", "--background backgrounds/"):
        assert words in text
