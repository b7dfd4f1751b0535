"""The page says which learning rate each loss was trained with, and how it was found."""

import json

import pytest
import yaml

from loss_study.config import load_config
from loss_study.report.sections.learning_rates import searches
from support.fabricated_study import REPOSITORY, Study, fabricate

GRID = [0.001, 0.01, 0.1]
#: head, loss: validation at each rate of the grid ("" where it diverged), and the choice
SEARCHED = {
    ("mask", "dice"): ([0.4, 0.7, 0.6], 0.01, ""),
    ("mask", "l1"): ([0.2, 0.5, 0.6], 0.1, "upper"),
    ("depth", "dice"): ([0.3, 0.35, ""], 0.001, "lower"),
    ("depth", "l1"): ([0.2, 0.1, 0.15], 0.01, ""),
}


@pytest.fixture(autouse=True)
def two_losses(folder):
    fabricate(folder, repository=REPOSITORY, losses=["dice", "l1"], seeds=[0])


def search(folder):
    values = yaml.safe_load((folder / "params.yaml").read_text())
    values["recipe"]["search"] |= {"lr": GRID}
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    for (head, loss), (seen, lr, edge) in SEARCHED.items():
        place = folder / "tuning" / head / loss
        place.mkdir(parents=True)
        best = {"mask": max, "depth": min}[head](float(value) for value in seen if value != "")
        choice = {"lr": lr, "validation": best, "edge": edge, "weights": {}, "weight_edges": {}}
        (place / "choice.json").write_text(json.dumps(choice))
        lines = [f"{g},{v},2,{'diverged' if v == '' else 'finished'},9.5" for g, v in zip(GRID, seen, strict=True)]
        (place / "search.csv").write_text("\n".join(["lr,validation,kept_epoch,status,seconds", *lines]) + "\n")


def open_weights(folder):
    """Make dice of the mask a combination whose weight of bce was searched."""
    place = folder / "tuning" / "mask" / "dice"
    choice = {"lr": 0.01, "validation": 0.7, "edge": "", "weights": {"bce": 2.0}, "weight_edges": {"bce": "upper"}}
    (place / "choice.json").write_text(json.dumps(choice))
    header = "lr,weight_bce,validation,kept_epoch,status,seconds"
    lines = ["0.001,0.5,0.4,2,finished,9", "0.01,2.0,0.7,2,finished,9", "0.1,1.0,0.6,2,finished,9"]
    (place / "search.csv").write_text("\n".join([header, *lines]) + "\n")


def test_a_fixed_rate_says_what_that_means(folder):
    assert searches(load_config()) == []
    html = " ".join(Study.read().page().split())
    assert "Every loss was trained with the same learning rate, 0.01 (adamw)." in html


def test_a_search_is_shown_with_its_choices(folder):
    search(folder)
    mask, depth = searches(load_config())
    assert [(one.loss, one.lr, one.edges) for one in mask.found] == [
        ("dice", 0.01, ()),
        ("l1", 0.1, ("learning rate above, 0.1 was used",)),
    ]
    assert depth.found[0].values == {0.001: 0.3, 0.01: 0.35, 0.1: None}
    assert depth.found[0].seconds == 28.5
    html = Study.read().page().split('id="learning-rates"')[1].split("</details>")[0]
    assert html.count("numeric best") == 4 and html.count("diverged") == 1
    assert '<td class="numeric best">0.700</td>' in html and '<td class="numeric best">0.3000</td>' in html


def test_the_rule_of_the_search_is_told_with_its_numbers(folder):
    search(folder)
    html = " ".join(Study.read().page().split())
    assert "a rate 70 % of the way from the middle one to the peak" in html
    # 0.03 ln(5)^2 = 0.078
    assert "a rate five times too high or too low costs 8 % of the largest of these values" in html


def test_a_choice_on_the_edge_of_the_grid_is_reported(folder):
    search(folder)
    html = " ".join(Study.read().page().split())
    assert "The search points beyond its grid: l1 (learning rate above, 0.1 was used)." in html
    assert "dice (learning rate below, 0.001 was used)." in html


def test_searched_weights_are_shown_with_their_edges(folder):
    search(folder)
    open_weights(folder)
    mask, depth = searches(load_config())
    assert mask.found[0].weights == {0.001: "bce 0.5", 0.01: "bce 2", 0.1: "bce 1"}
    assert mask.found[0].edges == ("weight of bce above, 2 was used",)
    assert mask.found[1].edges == ("learning rate above, 0.1 was used",)
    assert mask.with_weights and not depth.with_weights
    html = Study.read().page().split('id="learning-rates"')[1].split("</details>")[0]
    assert '<td class="numeric best">0.700<br><small>bce 2</small></td>' in html
    said = "dice (weight of bce above, 2 was used), l1 (learning rate above, 0.1 was used)."
    assert said in " ".join(html.split())
    assert "A combination with open weights has the same budget" in html


def test_a_loss_whose_best_value_is_0_has_that_one_in_bold(folder):
    search(folder)
    place = folder / "tuning" / "mask" / "dice"
    choice = json.loads((place / "choice.json").read_text())
    (place / "choice.json").write_text(json.dumps(choice | {"validation": 0.0}))
    text = (place / "search.csv").read_text().replace("0.001,0.4,2,finished", "0.001,,2,diverged")
    (place / "search.csv").write_text(text.replace(",0.7,", ",0.0,").replace(",0.6,", ",0.0,"))
    mask, _ = searches(load_config())
    assert mask.found[0].values == {0.001: None, 0.01: 0.0, 0.1: 0.0} and mask.found[0].best == 0.01


def test_a_rate_that_no_parabola_found_is_said_to_be_that_of_the_best_value(folder):
    search(folder)
    html = " ".join(Study.read().page().split())
    assert "Where one of the three did not finish, or fewer were tried, they use the rate of the best value." in html
    assert "uses the rate and the weights of the best one" not in html
    open_weights(folder)
    assert "uses the rate and the weights of the best one" in " ".join(Study.read().page().split())
