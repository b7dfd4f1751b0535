"""final/dvc.yaml names the code that decides what is in model/, and the configuration that does."""

import yaml

from loss_study.config import Config
from support.clone import ROOT
from support.imports import PACKAGE, everything, names

STAGE = yaml.safe_load((ROOT / "final/dvc.yaml").read_text())["stages"]["final"]
#: Reads, checks, shows or writes, and decides nothing of a model of the study's own scale.
AROUND = {
    "__init__.py", "cli.py", "composition.py", "config.py", "heads.py", "registry.py", "rounds.py", "trial.py",
    "datasets", "download", "report", "runtime", "tracking",
}  # fmt: skip
#: Sections of params.yaml that the model does not depend on but through the study.
OF_THE_STUDY = {"notice", "scale", "race", "compare"}


def test_the_stage_depends_on_all_its_code():
    stated = {dependency.removeprefix("src/loss_study/") for dependency in STAGE["deps"]} | AROUND
    used = names(everything(PACKAGE / "final/command.py"))
    assert {"final/write.py", "inference/contract.py", "training/joint/phase.py", "evaluation/evaluate.py"} <= used
    assert {file for file in used if not any(file == one or file.startswith(f"{one}/") for one in stated)} == set()


def test_the_stage_depends_on_the_configuration():
    assert set(STAGE["params"]) == set(Config.model_fields) - OF_THE_STUDY


def test_what_it_reads_and_writes_exists_or_is_made_by_the_study():
    assert STAGE["outs"] == ["model"] and STAGE["cmd"] == "python stages/final.py"
    assert all((ROOT / one).exists() for one in STAGE["deps"] if one.startswith(("src", "stages")))
