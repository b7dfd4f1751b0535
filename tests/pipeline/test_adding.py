"""What docs/extending.md says about adding a loss, a model and a dataset, done as it says."""

import json

import numpy as np
import pytest

from support.clone import Clone
from support.data_at_hand import save
from support.readme import FILES


@pytest.mark.pipeline
@pytest.mark.long
def test_one_file_and_one_configuration_each(tmp_path):
    assert len(FILES) == 6
    clone = Clone(tmp_path / "clone")
    clone.identify()
    for name, text in FILES.items():
        (clone.folder / name).write_text(text)
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
