"""What docs/extending.md says about losses, models and datasets of one's own, done as it says."""

import json

import numpy as np
import pytest

from support.clone import Clone
from support.data_at_hand import save
from support.readme import FILES


def with_files(folder):
    """Return a clone with the files of the page."""
    clone = Clone(folder / "clone")
    clone.identify()
    for name, text in FILES.items():
        (clone.folder / name).write_text(text)
    return clone


def changed_stages(clone):
    output = clone.run("dvc", "status", "--json")
    return set(json.loads(output[output.index("{") :]))


@pytest.mark.pipeline
@pytest.mark.long
def test_one_file_and_one_configuration_each(tmp_path):
    assert len(FILES) == 10
    clone = with_files(tmp_path)
    leaves = tmp_path / "leaves"
    rng = np.random.default_rng(0)
    for plant in "abcdef":
        for number in range(4):
            picture = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
            save(leaves / f"scans/{plant}/{number}.jpg", picture)
            save(leaves / f"outlines/{plant}/{number}.png", 255 * (picture[..., 1] > 127).astype(np.uint8))
    choices = ["dataset=leaves", f"dataset.path={leaves}", "model=pixelwise", "loss=squared", "scale=smoke"]
    overrides = [word for choice in [*choices, "sample.images=24"] for word in ("-S", choice)]
    clone.run("dvc", "exp", "run", *overrides)
    trial = json.loads((clone.folder / "runs/1/mask/squared/0/trial.json").read_text())
    # Three channels to 32, 32 to 32, 32 to one logit, each with its biases.
    assert trial["status"] == "finished" and trial["parameters"] == 3 * 32 + 32 + 32 * 32 + 32 + 32 + 1
    assert [row["loss"] for row in clone.rows("compare.csv")] == ["squared"]
    assert "24 scans of leaves." in (clone.folder / "reports/index.html").read_text()


@pytest.mark.pipeline
@pytest.mark.long
def test_by_import_path(tmp_path):
    clone = with_files(tmp_path)
    choices = ["loss=mine", "model=mine", "dataset=own", "scale=smoke", "sample.images=48", "recipe.epochs=1"]
    clone.run("dvc", "exp", "run", *[word for choice in choices for word in ("-S", choice)])
    trial = json.loads((clone.folder / "runs/1/mask/smp_dice/0/trial.json").read_text())
    found = [trial["loss_options"][key] for key in ("_prediction_", "_ground_truth_", "_values_")]
    assert found == ["logits", "shares", "images"] and trial["parameters"] == 3 * 4 * 9 + 4 + 4 + 1
    assert sorted(row["loss"] for row in clone.rows("compare.csv")) == ["mine", "smp_dice"]
    page = (clone.folder / "reports/index.html").read_text()
    assert "my_package.MyDataset: 60 images." in page and "my_package.MyLoss(power=1.5): Squared error" in page
    assert changed_stages(clone) == set()
    (clone.folder / "my_package.py").write_text(FILES["my_package.py"] + "# edited\n")
    changed = changed_stages(clone)
    assert {"sample", "train_imported@mask-mine", "train_imported@mask-smp_dice"} <= changed
    assert "check" not in changed
