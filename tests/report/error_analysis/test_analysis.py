"""Both sections of the error analysis, from a fabricated study to the page."""

import json
import re
from pathlib import Path

import pytest

from loss_study.report.error_analysis import hard_images
from loss_study.report.error_analysis.analysis import analyse
from loss_study.report.error_analysis.evidence import gather
from loss_study.runtime.errors import StudyError
from support.fabricated_study import COLLAPSED, PANEL, REPOSITORY, Study, collapse, fabricate
from support.taken_apart import take_apart


@pytest.fixture
def analysed(folder):
    fabricate(folder, repository=REPOSITORY)
    take_apart(folder)


def text(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_page_has_both_sections(analysed):
    page = Study.read().page()
    assert (
        page.index('id="images"') < page.index('id="errors"') < page.index('id="gradients"') < page.index('id="losses"')
    )
    # Gradients by construction: the first loss has 10 % before and 5 % after, the seventh 70 % and 35 %.
    assert (
        "Of the gradient, 10 % (bce) to 70 % (ssim) is on the foreground (14 % of the pixels) before training, "
        "and 5 % (bce) to 35 % (ssim) after it."
    ) in text(page)
    assert (
        "mask-ssim-1 collapsed: at the end the gradient is 0.0078 times as large as that of bce would be, "
        "35 % of it on the foreground."
    ) in page


#: What is only true of losses: each is on the page of a study with several seeds, and not on that of one seed.
OF_LOSSES = (
    "Use dice for the time being.",
    "No significant rank correlation with the results of the losses",
    "mean over the seeds that did not fail",
    "The same test images for all losses, best loss first.",
    "on which the losses differ most",
    "; mean over seeds",
    "that a network reaches which is trained with a loss",
)
OF_NETWORKS = (
    "Of these 7 trained networks the one trained with ssim scores best on these test images",
    "No significant rank correlation with the results of the trained networks",
    "On this page the name of a loss stands for the one network that was trained with it.",
)


@pytest.mark.parametrize(("seeds", "said", "unsaid"), [([0, 1], OF_LOSSES, OF_NETWORKS), ([0], OF_NETWORKS, OF_LOSSES)])
def test_with_one_seed_the_page_speaks_of_trained_networks(folder, seeds, said, unsaid):
    fabricate(folder, repository=REPOSITORY, seeds=seeds)
    take_apart(folder)
    page = text(Study.read().page())
    assert [sentence for sentence in said if sentence not in page] == []
    assert [sentence for sentence in unsaid if sentence in page] == []


def test_trials_that_failed_alike_have_one_sentence(analysed):
    collapse("depth", "dice", "no better than a constant depth")
    page = text(Study.read().page())
    assert (
        "depth-dice-0 and depth-dice-1 collapsed: at the end the gradient is 0.062 times as large as that of bce "
        "would be, 20 % of it on the depth edges."
    ) in page


def test_failed_trials_enter_no_error(analysed):
    ssim = next(one for one in gather(Study.read().ranking("mask")) if one.loss == COLLAPSED[1])
    assert (len(ssim.evaluated), len(ssim.sound), len(ssim.failed)) == (2, 1, 1)


def test_hard_images_show_the_kept_predictions(analysed):
    ranking, sample = Study.read().ranking("mask"), Study.read().sample
    shown = hard_images.hard_images(ranking, gather(ranking), sample)
    assert {image.panel.id for image in shown} == {f"bg2-{number}" for number in PANEL}
    assert all(image.panel.alt.count("dice") == 1 for image in shown)


def test_without_analyses_the_page_has_neither_section(folder):
    fabricate(folder, repository=REPOSITORY)
    page = Study.read().page()
    assert 'id="gradients"' not in page and "#gradients" not in page


def test_an_analysis_of_one_trial_is_enough(analysed):
    for path in Path("eval").rglob("error_analysis.json"):
        if path.parent != Path("eval/1/mask/dice/0"):
            path.unlink()
    read = Study.read()
    assert analyse(read.ranking("depth"), read.config, read.sample) is None
    of_mask = analyse(read.ranking("mask"), read.config, read.sample)
    assert of_mask.gradients.losses == ("dice",)
    assert "Of the gradient, 40 % is on the foreground" in of_mask.gradient_sentences[0]
    assert of_mask.hard_images == []
    assert 'id="gradients"' in Study.read().page()


def test_a_damaged_analysis_is_named(analysed):
    Path("eval/1/mask/dice/0/error_analysis.json").write_text("{")
    with pytest.raises(StudyError, match=re.escape("eval/1/mask/dice/0/error_analysis.json: damaged")):
        Study.read().page()


def test_names_of_images_are_escaped(folder):
    fabricate(folder, repository=REPOSITORY, background="<script>alert(1)</script>")
    take_apart(folder)
    page = Study.read().page()
    assert "Hardest on average" in page and "<script>alert" not in page


def test_undefined_gradients_are_shown_as_absent(analysed):
    path = Path("eval/1/mask/ssim/1/error_analysis.json")
    analysis = json.loads(path.read_text())
    for moment in ("start", "end"):
        analysis["gradients"][moment] |= {"relative_norm": None, "share": {"foreground": None, "outline": None}}
    path.write_text(json.dumps(analysis))
    assert "mask-ssim-1 collapsed: at the end" not in Study.read().page()
