"""Models by import path: their output, their options, and that a trained one is loaded again."""

import pytest
import torch

from loss_study import models
from loss_study.evaluation.trained_models import load_model
from loss_study.runtime.errors import StudyError
from loss_study.training.checkpoint import save_atomically
from support.their_things import Net

OPTIONS = {"_target_": "support.their_things.Net", "width": 5}


def build(head="mask", **options):
    return models.build("imported", 3, [head], classes=2, **OPTIONS | options)


def test_a_tensor_is_the_logits_of_the_head():
    model, images = build(), torch.rand(2, 3, 16, 16)
    assert torch.equal(model(images)["mask"], model.network(images)) and isinstance(model.network, Net)
    assert build("depth")(images)["depth"].shape == (2, 1, 16, 16)


def test_a_mapping_has_them_as_out_or_by_head():
    images = torch.rand(2, 3, 16, 16)
    model = build(_target_="support.their_things.OutNet")
    assert torch.equal(model(images)["mask"], model.network(images)["out"])


def test_one_tensor_is_not_enough_for_two_heads():
    model = models.build("imported", 3, ["mask", "depth"], **OPTIONS)
    with pytest.raises(
        StudyError, match=r"their_things.Net returns a Tensor for the mask, not logits of shape \(1, 1, 8, 8\)"
    ):
        model(torch.rand(1, 3, 8, 8))


def test_loaded_back(tmp_path):
    model, images = build(), torch.rand(2, 3, 16, 16)
    build_of = {"name": "imported", "in_channels": 3, "heads": ["mask"], "classes": 2, "options": OPTIONS}
    save_atomically({"state": model.state_dict(), "build": build_of}, tmp_path / "model.pt")
    assert torch.equal(load_model(tmp_path / "model.pt")(images)["mask"], model(images)["mask"])


def test_it_has_no_parts_to_freeze():
    with pytest.raises(StudyError, match="has no parts to freeze"):
        models.parts(build())
