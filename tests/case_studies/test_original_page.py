"""docs/original-recipe.md from made-up results: what stands on it, and what must not."""

import importlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loss_study.runtime.files import write_csv

CASES = Path(__file__).parents[2] / "case_studies"


@pytest.fixture
def page(monkeypatch, tmp_path):
    """Return a function that writes the page from rows of the trainings for which `keep` is true, and returns it."""
    monkeypatch.syspath_prepend(CASES / "original")
    here = tmp_path / "case_studies" / "original"
    (here / "results").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    for name in ("params.yaml", "page.md.j2"):
        shutil.copy(CASES / "original" / name, here)
    (here.parent / "conf").symlink_to(CASES.parent / "conf")
    monkeypatch.chdir(here.parent)
    plan, train, answers, module = (importlib.import_module(name) for name in ("plan", "train", "answers", "page"))
    chosen = plan.load()

    def written(keep, *, mirrored=(), datasets=("scenes",)):
        rows = [row(train, chosen, training) for training in chosen.trainings() if keep(training)]
        for name in datasets:
            dataset = replace(chosen, dataset=name)
            write_csv(train.results(dataset), rows, train.columns(dataset))
            write_csv(answers.results(dataset), list(mirrored), answers.COLUMNS)
        module.main()
        return (tmp_path / "docs/original-recipe.md").read_text()

    return written


def row(train, chosen, training):
    """Return a network that inputs flipped apart collapse at 0.5, or harm if it learns depth by Dice; nothing else."""
    rng = np.random.default_rng([training.seed, len(training.recipe), sum(map(len, training.recipe))])
    wobble = rng.normal(0, 0.01)
    flipped = "flip_apart" in training.recipe
    values = {
        "iou": 0.0 if flipped else 0.6 + wobble,
        "iou_best": (0.3 if flipped else 0.6) + wobble,
        "rmse": (0.3 if flipped and training.experiment.name == "depth-dice" else 0.1) + wobble,
    }
    values |= {f"{name}_augmented": value for name, value in values.items()}
    found = {"status": "finished", "seconds": 6.0, "epoch": 4, "collapse": "all background" if flipped else ""}
    empty = dict.fromkeys(train.OUTCOME, "")
    return train.identity(chosen, training) | empty | found | values


ANSWERS = {
    "bce": {"object": 0.48, "mirror": 0.1, "both": 0.9, "neither": 0.02},
    "dice": {"object": 0.95, "mirror": 0.97, "both": 0.99, "neither": 0.02},
}
MIRRORED = [
    {
        "loss": loss,
        "mirrored": 0.5,
        "images": 800,
        "epochs": 4,
        "seed": seed,
        "status": "finished",
        "seconds": 6.0,
        "foreground": 0.08,
    }
    | {
        f"answer_{name}{seen}": value
        for name, value in given.items()
        for seen in ("", "_mirrored", "_trained", "_trained_mirrored")
    }
    for loss, given in ANSWERS.items()
    for seed in (0, 1)
]


def test_the_page_agrees_with_the_results(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(CASES / "original")
    monkeypatch.chdir(CASES)
    module = importlib.import_module("page")
    committed, figures = module.PAGE.read_text(), {path.name for path in module.FIGURES.glob("*.svg")}
    monkeypatch.setattr(module, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(module, "FIGURES", tmp_path / "figures")
    module.main()
    assert (tmp_path / "page.md").read_text() == committed
    assert {path.name for path in (tmp_path / "figures").glob("*.svg")} == figures
    for name in figures:
        assert (tmp_path / "figures" / name).read_bytes() == (CASES / "original/figures" / name).read_bytes()


def test_with_all_trainings_every_question_has_its_answer(page):
    text = page(lambda training: True, mirrored=MIRRORED)
    title = "Why did cross-entropy (BCE) not work for the mask?"
    assert (
        f"- **{title}** With inputs flipped apart, half of the masks belong to the mirror image: BCE answers "
        "about 0.5, and a threshold of 0.5 decides by chance.\n"
    ) in text.split("## ")[0]
    answer = text.split(f"## {title}")[1].split("<details>")[0]
    assert answer.startswith("\n\n**On scenes.** With every mistake the network reaches 0.00 IoU at 0.5 and 0.")
    assert "- The threshold of 0.5 hides a part: each of the 4 networks with every mistake reaches more" in answer
    assert "these cost: inputs flipped apart 0." in answer
    assert "With inputs flipped apart and no other mistake, BCE answers 0.48 in the object: a threshold" in answer
    assert "networks give the same answer everywhere or diverge (all background)" in answer
    for question in (
        "Why did Dice disappoint",
        "Why was L1 on the mask all black",
        "L1 on the depth",
        "Dice on the depth",
    ):
        assert f"## {question}" in text
    depth = text.split("## L1 on the depth")[1].split("## ")[0]
    assert (
        "no mistake is shown to cost 0.0005 or more" in depth
        and "inputs flipped apart 0." not in depth.split("<details>")[0]
    )
    figure = (
        "![What each mistake costs in IoU at 0.5 on scenes](../case_studies/original/figures/scenes-mask-bce-iou.svg)"
    )
    assert figure in text
    assert Path("original/figures/scenes-mask-bce-iou.svg").read_text().count("<circle") == 7
    # The made-up answers have two losses and one length of training.
    assert "**106 are missing**" in text


def test_how_networks_answer_for_masks_explains_no_depth(page):
    """Inputs flipped apart harm Dice on either head."""
    text = page(lambda training: training.experiment.loss == "dice", mirrored=MIRRORED)
    mask, depth = (text.split(f"## {title}")[1].split("## ")[0] for title in ("Why did Dice", "Dice on the depth"))
    assert "Over all 32 recipes, on RMSE, these cost: inputs flipped apart 0.2" in depth
    assert "and no other mistake, Dice draws both" in mask and "no other mistake, " not in depth


def test_two_datasets_answer_a_question_together(page):
    """The made-up networks are the same on both."""
    text = page(lambda training: True, mirrored=MIRRORED, datasets=("scenes", "composites"))
    title = "Why did cross-entropy (BCE) not work for the mask?"
    assert f"- **{title}** These cost IoU at 0.5: inputs flipped apart (0." in text
    assert "More networks give the same answer everywhere or diverge with inputs flipped apart (" in text
    assert "shown on each dataset, with its numbers on scenes and on composites in brackets." in text
    lines = text.split(f"## {title}")[1].split("\n## ")[0].split("\n")
    for name in ("scenes", "composites"):
        assert any(line.startswith(f"**On {name}.** With every mistake") for line in lines)
        assert f"<summary>All that was found on {name}</summary>" in lines
        assert f"- on {name}, " in text and f"<summary>All answers on {name}</summary>" in text
        assert Path(f"original/figures/{name}-mask-bce-iou.svg").is_file()
        assert Path(f"original/figures/{name}-answers.svg").is_file()
    assert text.count("## Why did cross-entropy") == 1 and text.count("| loss | best answer at probability 1/2") == 1


def test_without_enough_trainings_there_is_no_answer_and_what_is_missing_is_counted(page):
    text = page(lambda training: training.experiment.name == "mask-bce" and training.seed == 0)
    assert (
        "## Why" not in text and "What do networks" not in text and "these cost" not in text and "reaches" not in text
    )
    assert "| mask-bce | 64 | 64, 92 missing |" in text and "| mask-l1 | 128 | 0, 288 missing |" in text
    assert not list(Path("original/figures").iterdir())


def test_the_ends_alone_give_no_effect_over_all_recipes(page):
    text = page(lambda training: training.experiment.name == "mask-bce" and training.recipe in training.experiment.ends)
    assert "## Why did cross-entropy" in text and "| mistake | made alone | added to all others |" in text
    assert "Over all" not in text and "![" not in text and "same answer everywhere" not in text
