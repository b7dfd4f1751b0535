"""``scale=auto``: what fit-scale has chosen, composed as that scale."""

import pytest

from loss_study.config import composition, fitted
from loss_study.runtime.errors import StudyError


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(fitted, "FITTED", tmp_path / "data/fitted_scale.yaml")
    return tmp_path / "data/fitted_scale.yaml"


@pytest.mark.parametrize("more", [[], ["seeds=[0,3]"], ["model=unet_resnet34"]])
def test_before_a_choice_one_line_names_the_command(more, file):
    with pytest.raises(StudyError) as caught:
        composition.composed(["scale=auto", "loss=bce", *more])
    assert str(caught.value) == (
        "conf/: scale=auto: nothing has been chosen for this machine; run 'loss-study fit-scale --minutes 60'"
    )


def test_auto_is_the_chosen_scale_with_the_chosen_seeds(file):
    fitted.write("large", [0, 1, 2], "why\nit is")
    assert file.read_text().startswith("# why\n# it is\n")
    assert composition.composed(["scale=auto", "loss=dice"]) == composition.composed(
        ["scale=large", "loss=dice", "seeds=[0,1,2]"]
    )


def test_a_model_without_a_width_takes_it_too_and_single_values_win(file):
    fitted.write("larger", [0, 1], "")
    words = ["model=unet_resnet34", "sample.images=77", "loss=bce"]
    found = composition.composed(["scale=auto", *words, "seeds=[5]"])
    assert found == composition.composed(["scale=larger", *words, "seeds=[5]"])
    assert found.scale == "larger" and found.sample.images == 77


@pytest.mark.parametrize("text", ["", "- 1", "scale: [", "\xff"])
def test_a_damaged_file_is_none(text, file):
    file.parent.mkdir()
    file.write_text(text, encoding="latin-1")
    with pytest.raises(StudyError, match="fit-scale"):
        fitted.value("scale")
    assert (fitted.scale_of("auto"), fitted.scale_of("laptop")) == ("quick", "laptop")
