"""bfloat16 makes training faster; it must not decide which loss wins."""

import pytest

from loss_study.config import composition, load_config
from loss_study.training import run
from loss_study.trial import Trial

LOSSES = ("rmse", "weighted_bce", "dice")


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Forty epochs on the discs: enough for the three losses to part."""
    overrides = ["scale=smoke", "recipe.epochs=40", "recipe.batch_size=4"]
    composition.compose(tmp_path / "params.yaml", overrides)
    monkeypatch.chdir(tmp_path)
    return load_config()


def validation_rmse(loss, precision, sample, study):
    recipe = study.recipe.model_copy(update={"precision": precision})
    study = study.model_copy(update={"recipe": recipe})
    with run.trained(Trial("depth", loss, 0), sample, study, "", lambda _: None) as (outcome, _):
        return outcome.kept_validation


@pytest.mark.long
def test_the_ranking_is_the_same_in_both_precisions(sample, study):
    found = {
        precision: {loss: validation_rmse(loss, precision, sample, study) for loss in LOSSES}
        for precision in ("float32", "bfloat16")
    }
    rankings = {precision: sorted(LOSSES, key=values.get) for precision, values in found.items()}
    assert rankings["float32"] == rankings["bfloat16"]
    best, second, _ = sorted(found["float32"].values())
    changes = [abs(found["float32"][loss] - found["bfloat16"][loss]) for loss in LOSSES]
    assert 0 < max(changes) < (second - best) / 4
