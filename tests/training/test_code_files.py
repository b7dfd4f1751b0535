"""All code that decides a training's numbers is in the key of its checkpoint."""

import pytest

from loss_study import losses, models
from loss_study.training import optimizers, schedules
from loss_study.training.checkpoint import PACKAGE, code_files, key
from loss_study.training.joint import weightings
from loss_study.training.transfer import feature_cache
from support.imports import everything, names

#: Chosen by name, so that no import leads to them.
CHOICES = [
    *(f"losses/{name}.py" for name in losses.names()),
    *(f"models/{name}.py" for name in models.names()),
    *(f"training/optimizers/{name}.py" for name in optimizers.names()),
    *(f"training/schedules/{name}.py" for name in schedules.names()),
    *(f"training/joint/weightings/{name}.py" for name in weightings.names()),
]


@pytest.mark.parametrize("file", ["training/run.py", "training/search.py", *CHOICES])
def test_nothing_that_is_imported_on_the_way_to_a_number_is_missing(file):
    found = everything(PACKAGE / file)
    assert names(found) - names(code_files()) == set()


def test_the_walk_follows_imports_to_the_end():
    found = names(everything(PACKAGE / "training/run.py"))
    assert {"training/loop.py", "data/batches.py", "data/augmentation.py", "losses/__init__.py"} <= found
    assert {"data/transforms.py", "training/transfer/feature_cache.py"} <= found


def test_training_imports_nothing_that_comes_after_it():
    after = ("cluster", "evaluation", "report", "statistics", "tracking")
    found = names(file for name in ("training/run.py", "training/search.py") for file in everything(PACKAGE / name))
    assert not [name for name in found if name.startswith(after)]


def test_the_key_of_cached_features_has_the_code_of_every_encoder():
    found = names(everything(PACKAGE / "training/transfer/feature_cache.py"))
    covered = names(code_files(feature_cache.CODE))
    assert {name for name in found if name.startswith(("data/", "models/"))} <= covered
    assert {f"models/{name}.py" for name in models.names()} <= covered


def test_the_key_changes_with_every_part_and_every_byte(tmp_path):
    file = tmp_path / "loop.py"
    file.write_text("a = 1\n")
    first = key({"lr": 0.1}, [file])
    assert first == key({"lr": 0.1}, [file]) != key({"lr": 0.2}, [file])
    file.write_text("a = 2\n")
    assert key({"lr": 0.1}, [file]) != first
