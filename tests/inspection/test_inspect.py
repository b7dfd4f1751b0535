"""What an inspection says of a dataset, compared with what the dataset is made of."""

import io
import json
import re
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import yaml
from PIL import Image

from loss_study.config import DatasetConfig
from loss_study.data.depth_scale import DepthScale, to_stored
from loss_study.datasets import open_dataset
from loss_study.datasets.base import Example
from loss_study.inspection import refusal
from loss_study.inspection.findings import Findings
from loss_study.inspection.inspect import inspect
from loss_study.runtime.errors import StudyError
from support.data_at_hand import ROOT, save
from support.grid import Grid, composites, dataset, packed, sample_config
from support.small_datasets import CLASSES, RgbdWithInvalidPixels, ThreeClasses

BOTH = dataset("mask", "depth")


def table(findings, title):
    """The rows of a table by their first cell."""
    (found,) = [one for one in findings.tables if one.title == title]
    return {row[0]: list(row[1:]) for row in found.rows}


def test_a_dataset_that_makes_its_images():
    found, sheet = inspect(Grid(), BOTH, sample_config())
    # Four of 16 rows are foreground; depth is 51 of 255 everywhere.
    assert table(found, "What is read") == {
        "share of foreground": ["25.0%"] * 5,
        "depth, share of its range": ["20.0%"] * 5,
    }
    mask, depth = found.summary.split(". ")
    assert mask == "Mask: 25.0% of an image is foreground (median)"
    assert depth == "Depth: 90 % of the pixels are at 20% to 20% of the depth range."
    mask, depth = found.warnings
    assert mask.startswith("the masks mark more of the images' border (36%) than of their middle (0%)")
    assert depth == "all depth is the same; check the depth maps"
    assert "Made up." in found.notes
    with Image.open(io.BytesIO(sheet)) as image:
        assert image.width == 2 * (5 * 134 - 6) + 28


def test_the_splits_are_those_of_the_study(tmp_path):
    rows = table(inspect(Grid(), BOTH, sample_config())[0], "The sample that the study draws")
    sample = packed(tmp_path, Grid())
    for split, counts in rows.items():
        of_split = [row for row in sample.index if row["split"] == split]
        of_kinds = [len({row[kind] for row in of_split}) for kind in ("object", "background")]
        assert counts == [str(count) for count in (len(of_split), *of_kinds)]
    unknown = Grid(knows_objects=False)
    assert table(inspect(unknown, BOTH, sample_config())[0], "The sample that the study draws")["test"][1] == "unknown"


def test_the_same_arguments_give_the_same_result():
    assert inspect(Grid(), BOTH, sample_config()) == inspect(Grid(), BOTH, sample_config())


def test_too_few_objects_are_told_and_the_images_are_shown_all_the_same():
    found, sheet = inspect(Grid(object_count=2), BOTH, sample_config())
    assert any("the study will stop here" in one and "2 objects" in one for one in found.warnings)
    assert sheet is not None and list(table(found, "The sample that the study draws")) == ["all"]


@dataclass(frozen=True)
class Unreadable(Grid):
    """A grid whose images of object 3 cannot be read, or none."""

    which: str = "c003"

    def example(self, item, size):
        if self.which in item.id:
            raise StudyError(f"{item.id}.jpg: not a readable image")
        return super().example(item, size)


def test_images_that_cannot_be_read_are_named():
    config = sample_config(images=200)
    found, sheet = inspect(Unreadable(object_count=4, background_count=12), BOTH, config)
    assert any(".jpg: not a readable image" in warning for warning in found.warnings) and sheet is not None
    found, sheet = inspect(Unreadable(which="c"), BOTH, config)
    assert found.warnings[-1] == "9 more images cannot be read" and sheet is None


def test_several_classes_are_named():
    config = DatasetConfig(name="folder", path="x", heads=["mask"], classes=3, class_names=CLASSES)
    found, _ = inspect(ThreeClasses(), config, sample_config(images=60))
    assert list(table(found, "What is read")) == [f"share of {name}" for name in CLASSES]
    assert found.summary.startswith("Mask: ") and found.summary.endswith(" border.")
    lacking = DatasetConfig(name="folder", path="x", heads=["mask"], classes=4, class_names=[*CLASSES, "none"])
    assert "no pixel of 12 images is none" in inspect(ThreeClasses(), lacking, sample_config(images=60))[0].warnings


class Metres(RgbdWithInvalidPixels):
    """Half of the pixels are at 2 m, the others at 40 m, and a quarter of all is missing."""

    depth_scale = DepthScale(halfway_m=3, farthest_m=10)

    def example(self, item, size):
        metres = np.full((size, size), 40.0)
        metres[: size // 2] = 2
        valid = np.ones((size, size), bool)
        valid[:, : size // 4] = False
        depth = to_stored(self.depth_scale.encode(metres))
        return Example(np.zeros((size, size, 3), np.uint8), None, depth, depth_valid=valid)


def test_depth_in_metres_with_what_is_missing_and_what_is_too_far():
    found, _ = inspect(Metres(), dataset("depth"), sample_config(images=60))
    rows = table(found, "What is read")
    assert rows["depth in m"] == ["2", "2", "6", "10", "10"]
    assert rows["pixels at 10 m or beyond"] == ["50.0%"] * 5
    assert rows["pixels without depth ground truth"] == ["25.0%"] * 5
    assert found.summary == "Depth: 90 % of the pixels are 2 to 10 m away. 25.0% of all pixels have no depth."


def test_a_wrong_unit_of_depth_is_warned_of():
    class TooFar(Metres):
        depth_scale = DepthScale(halfway_m=3, farthest_m=1.9)

    found, _ = inspect(TooFar(), dataset("depth"), sample_config(images=60))
    assert found.warnings[0] == "all depth is the same; check the depth maps"
    assert "100% of the depth readings lie at 1.9 m or beyond" in found.warnings[1]


@pytest.fixture
def photos(tmp_path):
    return composites(tmp_path)


def test_files_are_described(photos):
    found, _ = inspect(photos, BOTH, sample_config())
    rows = table(found, "Files")
    assert rows == {
        "background": ["8", "8", "20x20", "8-bit RGB PNG"],
        "cut-out": ["8", "8", "20x20", "8-bit RGB with alpha PNG"],
    }
    assert "0 of 2 test backgrounds looked at are nearly the same as one of 5 in training." in found.summary


def test_a_background_under_another_name_is_found(tmp_path):
    composites(tmp_path)
    for number in range(8):
        (tmp_path / "bg" / f"bg_{number}_copy.png").write_bytes((tmp_path / "bg" / f"bg_{number}.png").read_bytes())
    found, _ = inspect(open_dataset("composites", tmp_path, {}), BOTH, sample_config())
    (warning,) = [one for one in found.warnings if "nearly the same" in one]
    pairs = [pair.split(" and ") for pair in re.search(r"\((.*)\)", warning)[1].split("; ")]
    assert pairs and all(one.removesuffix("_copy") == other.removesuffix("_copy") for one, other in pairs)


def test_the_stage_writes_what_the_report_shows(tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["dataset"] = {"name": "scenes", "path": "x", "heads": ["mask", "depth"]}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    (tmp_path / "data/source").mkdir(parents=True)
    (tmp_path / "data/source/source.json").write_text(json.dumps({"name": "scenes", "path": "x", "notes": []}))
    done = subprocess.run(
        [sys.executable, ROOT / "stages/inspect_data.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = Findings.read(tmp_path / "data/inspection")
    assert found.summary in done.stdout and list(table(found, "The sample that the study draws")) == [
        "train", "validation", "test",
    ]  # fmt: skip
    assert (tmp_path / "data/inspection/contact_sheet.png").stat().st_size > 10_000


def test_check_shows_what_is_in_the_folder_that_it_refuses(tmp_path, capsys):
    save(tmp_path / "odd/picture.png", np.zeros((5, 7, 3), np.uint8))
    config = DatasetConfig(name="folder", path=str(tmp_path), heads=["mask"])
    refusal.explain(StudyError(f"{tmp_path}: no image matches images/{{name}}"), config)
    shown = capsys.readouterr().out
    for words in ("odd", "picture.png", "7x5", "none that is known", f"loss-study inspect {tmp_path}"):
        assert words in shown
    refusal.explain(StudyError("loss.names: unknown loss 'dcie'"), config)
    refusal.explain(StudyError("x does not exist"), config.model_copy(update={"path": "x"}))
    assert capsys.readouterr().out == ""
