"""What losses reward where half of the masks are mirrored: derived by hand, and here by minimising the losses."""

import importlib
from pathlib import Path

import pytest
import torch

from loss_study import losses
from loss_study.config import Augmentation
from loss_study.data.packed import PackedSample
from support.samples import write_sample

CASES = Path(__file__).parents[2] / "case_studies"
FOREGROUND = 0.08


@pytest.fixture
def modules(monkeypatch):
    """Import a module of the case study, in the folder that its commands are typed in."""
    monkeypatch.syspath_prepend(CASES / "original")
    monkeypatch.chdir(CASES)
    return importlib.import_module


def masks():
    """An object of 4 x 6 pixels that overlaps with its mirror image in 4 x 2, and the mirror image; 16 x 16."""
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:8, 3:9] = 1
    return mask, mask.flip(3)


def expected_loss(name, logits):
    options = {"pos_weight": (1 - FOREGROUND) / FOREGROUND} if name == "weighted_bce" else {}
    options |= {"smooth": 0.0} if name == "dice" else {}
    loss = losses.load(name, options)
    return sum(loss(logits, target).mean() for target in masks()) / 2


def minimised(name):
    logits = torch.zeros(1, 1, 16, 16, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.2)
    for _ in range(300):
        optimizer.zero_grad()
        expected_loss(name, logits).backward()
        optimizer.step()
    return torch.sigmoid(logits.detach())


@pytest.mark.parametrize("name", ["bce", "dice", "weighted_bce", "huber", "l1"])
def test_the_least_expected_loss_is_where_it_was_derived(modules, name):
    wanted = modules("expected").expected(FOREGROUND)[name]
    regions = modules("measure").answers(minimised(name), masks()[0])
    for region in ("object", "mirror"):
        assert wanted.low - 0.03 <= regions[f"answer_{region}"] <= wanted.high + 0.03
    assert regions["answer_both"] > 0.95 and regions["answer_neither"] < 0.05


@pytest.mark.parametrize(("name", "low", "high"), [("l1", 0.0, 1.0), ("huber", 0.1, 0.9)])
def test_every_answer_of_a_flat_range_costs_the_same_and_doubt_takes_the_least(modules, name, low, high):
    wanted = modules("expected").expected(FOREGROUND)[name]
    assert (wanted.low, wanted.high) == (low, high)
    loss = losses.load(name, {})
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)

    def cost(answer, chance):
        logit = torch.logit(torch.full((1, 1, 1, 1), answer, dtype=torch.float64), eps=1e-9).float()
        return float(chance * loss(logit, one) + (1 - chance) * loss(logit, zero))

    span = [low, (low + high) / 2, high]
    costs = [cost(answer, 0.5) for answer in span]
    assert max(costs) - min(costs) < 1e-6
    doubtful = [cost(answer, 0.45) for answer in span]
    assert doubtful[0] == min(doubtful) < doubtful[1] < doubtful[2]


def test_regions_are_the_object_its_mirror_image_both_and_neither(modules):
    mask, _ = masks()
    painted = torch.zeros(1, 1, 16, 16)
    painted[..., 4:8, 3:7], painted[..., 4:8, 7:9], painted[..., 4:8, 9:13] = 0.25, 0.75, 0.5
    found = modules("measure").answers(painted, mask)
    assert {name: found[f"answer_{name}"] for name in ("object", "mirror", "both", "neither")} == {
        "object": 0.25,
        "mirror": 0.5,
        "both": 0.75,
        "neither": 0.0,
    }


class Bright(torch.nn.Module):
    """Answers where an image is bright: where the disc is seen."""

    def forward(self, inputs):
        return {"mask": 100 * (inputs[:, 3:4] - 0.7)}


class ByHeart(torch.nn.Module):
    """Answers the masks of these images as they are, however they are seen, and nothing for others."""

    def __init__(self, mask):
        super().__init__()
        self.mask = mask

    def forward(self, inputs):
        mask = self.mask if len(inputs) == len(self.mask) else torch.zeros_like(inputs[:, :1])
        return {"mask": 20 * mask - 10}


def test_a_mirror_tells_networks_that_answer_what_they_see_from_those_that_know_the_image(modules, tmp_path):
    sample = PackedSample.open(write_sample(tmp_path / "sample"))
    tests = modules("measure").Tests(sample, "mask", Augmentation(flip=0.5, flip_apart=True, erase=0.5))
    answers = {
        name: tests.measure_in_mirrors(model, "float32", losses.PROBABILITY)
        for name, model in (("bright", Bright()), ("by heart", ByHeart(tests.plain.target)))
    }
    seen = {
        name: [round(found[f"answer_{region}{how}"], 2) for how in ("", "_mirrored") for region in ("object", "mirror")]
        for name, found in answers.items()
    }
    assert seen == {"bright": [1.0, 0.0, 1.0, 0.0], "by heart": [1.0, 0.0, 0.0, 1.0]}


def rows(loss, epochs, *answers, mirrored=0.5, images=800, objects=None):
    """Rows of networks with these `answers`; in the object `objects` of each, by how it is seen, else the same."""
    names = ("object", "mirror", "both", "neither")
    found = []
    for number, one in enumerate(answers):
        row = {"loss": loss, "images": str(images), "epochs": str(epochs), "mirrored": str(mirrored)}
        row |= {f"answer_{name}": str(value) for name, value in zip(names, one, strict=True)}
        for seen in ("_mirrored", "_trained", "_trained_mirrored"):
            row[f"answer_object{seen}"] = str((objects or {}).get(seen, [one[0]] * len(answers))[number])
        found.append(row)
    return found


def said(modules, *results):
    expected = modules("expected")
    return modules("mirrored").on_answers(expected.answers([row for result in results for row in result]), FOREGROUND)


def test_agreement_and_longer_training_are_said_only_where_they_are_seen(modules):
    short, right = (0.1, 0.1, 0.3, 0.0), (0.45, 0.44, 0.95, 0.02)
    assert said(modules, rows("bce", 4, short, short), rows("bce", 16, right, right)) == [
        "`bce`: after 16 epochs as expected everywhere. Longer training brings the two together."
    ]
    assert said(modules, rows("bce", 4, right)) == ["`bce`: after 4 epochs as expected everywhere."]
    nearer, not_nearer = "brings them nearer to it.", "does not bring them steadily nearer to it."
    for longer, words in [
        (short, not_nearer),
        ((0.5, 0.3, 0.7, 0.0), nearer),
        # By 0.09 in all.
        ((0.1, 0.1, 0.39, 0.0), not_nearer),
        # Only where the mistake changes nothing.
        ((0.1, 0.1, 0.9, 0.0), not_nearer),
        # Better in the object, and worse elsewhere.
        ((0.5, 0.1, 0.3, 0.3), not_nearer),
    ]:
        (sentence,) = said(modules, rows("bce", 4, short), rows("bce", 16, longer, longer))
        assert sentence.endswith(f" Longer training {words}")
    # Nearer than at first, and not nearer than in between.
    between, last = (0.5, 0.45, 0.7, 0.0), (0.5, 0.3, 0.7, 0.0)
    every = (rows("bce", 4, short), rows("bce", 16, between, between), rows("bce", 64, last, last))
    assert said(modules, *every)[0].endswith(f" Longer training {not_nearer}")
    # One seed is not enough.
    assert "Longer" not in said(modules, rows("bce", 4, short), rows("bce", 16, right))[0]


def test_a_region_that_is_wrong_is_no_agreement(modules):
    (sentence,) = said(modules, rows("dice", 4, (0.95, 0.95, 1.0, 0.4)))
    assert sentence == "`dice`: after 4 epochs not as expected in neither (0.40)."


@pytest.mark.parametrize(
    ("loss", "answers", "words"),
    [
        ("bce", (0.45, 0.1, 0.9, 0.0), "BCE answers 0.45 in the object"),
        ("bce", (0.1, 0.1, 0.3, 0.0), None),
        ("dice", (0.95, 0.97, 1.0, 0.0), "Dice draws both, the object (0.95) and its mirror image (0.97)"),
        ("dice", (0.95, 0.3, 1.0, 0.0), None),
        ("l1", (0.02, 0.01, 0.0, 0.0), "L1 answers black (0.02 in the object)"),
        ("l1", (0.4, 0.01, 0.0, 0.0), None),
        ("huber", (0.5, 0.5, 1.0, 0.0), None),
    ],
)
def test_a_reason_is_given_only_if_the_networks_of_as_many_epochs_answer_so(modules, loss, answers, words):
    expected = modules("expected")
    shorter, longer = rows(loss, 4, (0.7, 0.7, 0.2, 0.2)), rows(loss, 64, (0.7, 0.7, 0.2, 0.2))
    found = expected.answers([*shorter, *rows(loss, 16, answers), *longer])
    reason = modules("reasons").because(found, loss, FOREGROUND, 800, 16)
    assert words in reason.told if words else reason is None
    for images, epochs in ((800, 4), (12800, 16)):
        assert modules("reasons").because(found, loss, FOREGROUND, images, epochs) is None
    assert modules("reasons").because([], loss, FOREGROUND, 800, 16) is None


def test_a_reason_in_general_is_given_only_where_all_datasets_have_it(modules):
    reasons = modules("reasons")
    black, drawn = (
        reasons.Reason("L1 answers black", "L1 answers 0.02"),
        reasons.Reason("L1 draws it", "L1 answers 0.9"),
    )
    mistake = "With inputs flipped apart, half of the masks belong to the mirror image"
    assert reasons.on_reasons([]) == reasons.on_reasons([None, None]) == []
    assert reasons.on_reasons([black, black]) == [f"{mistake}: L1 answers black."]
    assert reasons.on_reasons([black, drawn]) == reasons.on_reasons([black, None]) == [f"{mistake}."]


def test_black_agrees_with_l1_only_where_black_is_allowed(modules):
    (black,) = said(modules, rows("l1", 4, (0.0, 0.0, 0.0, 0.0)))
    assert black == "`l1`: after 4 epochs not as expected in both (0.00)."
    (right,) = said(modules, rows("l1", 4, (0.0, 0.0, 0.95, 0.0)))
    assert right.endswith("as expected everywhere.")


def doubt(modules, flipped, plain):
    expected = modules("expected")
    both = [*rows("bce", 16, *flipped), *rows("bce", 16, *plain, mirrored=0.0)]
    return modules("mirrored").on_bce(expected.answers(both))


PLAIN = (0.7, 0.1, 0.75, 0.05)


def test_networks_as_unsure_are_expected_to_halve_their_answer(modules):
    """(0.7 + 0.1) / 2 is 0.4, in the object and in its mirror image."""
    blind = doubt(modules, [(0.35, 0.1, 0.4, 0.05)] * 2, [PLAIN] * 2)
    assert blind == [
        "`bce` after 16 epochs, against networks that are as unsure: without the mistake they answer 0.70 in the "
        "object and 0.10 in its mirror image, so half of the sum, 0.40, is expected in both. With the mistake they "
        "answer 0.35 in the object, as expected; 0.10 in its mirror image, not as expected. "
        "They do not find the mirror image: where it lies on the object they answer 0.40, hardly more than in the "
        "object alone, and not the 0.75 of networks without the mistake."
        "\n  - They have not learned images by heart: in those of the training they answer the object with 0.35, in a "
        "mirror with 0.35."
    ]


SURE = (0.8, 0.0, 0.85, 0.05)
WITH_MISTAKE = (0.42, 0.25, 0.6, 0.02)
#: (0.8 + 0.1) / 2 is 0.45, (0.0 + 0.5) / 2 is 0.25.
TURNED = (0.1, 0.5, 0.6, 0.02)


def harder(modules, given, turned, epochs=16):
    """Return what is said of networks with the mistake, `given`, beside those of mirror images alone."""
    found = [*rows("bce", 16, *[given] * 2), *rows("bce", 16, *[SURE] * 2, mirrored=0.0)]
    found += rows("bce", epochs, *turned, mirrored=1.0)
    (told,) = modules("mirrored").on_bce(modules("expected").answers(found))
    return told.partition("\n  - Networks that learn ")[2]


def test_a_mirror_image_that_is_harder_to_find_explains_a_lower_answer_there(modules):
    assert harder(modules, WITH_MISTAKE, [TURNED] * 2) == (
        "from the masks of mirror images alone answer 0.10 in the object and 0.50 in its mirror image. The mean of "
        "theirs and of the answers without the mistake is 0.45 in the object, as with the mistake; 0.25 in its mirror "
        "image, as with the mistake. So the mirror image is harder to find than the object, which explains the lower "
        "answer there."
    )
    # Of one seed, or of other trainings, nothing is said.
    assert harder(modules, WITH_MISTAKE, [TURNED]) == harder(modules, WITH_MISTAKE, []) == ""
    assert harder(modules, WITH_MISTAKE, [TURNED] * 2, epochs=64) == ""


@pytest.mark.parametrize(
    ("given", "turned", "is_refuted"),
    [
        # (0.0 + 0.66) / 2 is 0.33: nearer to 0.4 than to 0.25.
        pytest.param(WITH_MISTAKE, (0.1, 0.66, 0.8, 0.02), False, id="less than half is explained"),
        pytest.param(WITH_MISTAKE, (0.1, 0.75, 0.8, 0.02), True, id="the mirror image is as easy"),
        pytest.param((0.42, 0.38, 0.6, 0.02), TURNED, False, id="the answer is not lower"),
        pytest.param((0.42, 0.6, 0.6, 0.02), (0.1, 0.95, 0.95, 0.02), False, id="it is higher"),
        pytest.param((0.42, 0.05, 0.6, 0.02), TURNED, True, id="lower than explained"),
        pytest.param((0.6, 0.25, 0.6, 0.02), TURNED, False, id="another answer in the object"),
    ],
)
def test_nothing_is_explained_unless_the_answers_are_as_their_mean(modules, given, turned, is_refuted):
    told = harder(modules, given, [turned] * 2)
    assert "The mean of theirs" in told and "which explains" not in told
    assert ("does not explain" in told) == is_refuted


def test_networks_of_mirror_images_alone_stand_in_no_other_comparison(modules):
    expected = modules("expected")
    turned = rows("bce", 64, TURNED, TURNED, mirrored=1.0)
    found = [*rows("bce", 16, PLAIN, PLAIN), *rows("bce", 16, PLAIN, PLAIN, mirrored=0.0)]
    every = expected.answers(turned + found)
    assert expected.with_and_without(every, "bce") == expected.with_and_without(expected.answers(found), "bce")
    assert modules("mirrored").on_answers(expected.answers(turned), FOREGROUND) == []


def test_masks_of_mirror_images_are_those_seen_in_a_mirror(modules, tmp_path):
    sample = PackedSample.open(write_sample(tmp_path / "sample"))
    turned = modules("answers").mirrored(sample)
    assert (turned.masks[:, :, 0] == sample.masks[:, :, -1]).all() and (turned.masks != sample.masks).any()
    assert turned.images is sample.images and turned.folder == sample.folder


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param((0.4, 0.35, 0.7, 0.05), id="the mirror image is answered as expected"),
        pytest.param((0.4, 0.1, 0.7, 0.05), id="both are told from the object alone"),
        pytest.param((0.7, 0.1, 0.75, 0.05), id="the mistake changes nothing"),
        pytest.param((0.4, 0.6, 0.4, 0.05), id="too much in the mirror image"),
    ],
)
def test_that_the_mirror_image_is_not_found_is_said_only_where_it_is_seen(modules, answers):
    (told,) = doubt(modules, [answers] * 2, [PLAIN] * 2)
    assert "is expected in both" in told and "do not find" not in told


def by_heart(modules, answers, **objects):
    """Return what is said of learning by heart, of networks with these answers in the object, shown in several ways."""
    expected = modules("expected")
    networks = [(answer, 0.1, 0.7, 0.0) for answer in answers]
    with_mistake = rows("bce", 16, *networks, objects={f"_{name}": values for name, values in objects.items()})
    found = expected.answers(with_mistake + rows("bce", 16, PLAIN, PLAIN, mirrored=0.0))
    (told,) = modules("mirrored").on_bce(found)
    return told.partition("\n  - They have ")[2]


def test_networks_know_an_image_if_all_answer_less_in_a_mirror(modules):
    """New images they do not know; those of the training they do."""
    new = {"mirrored": [0.55, 0.55]}
    assert by_heart(modules, [0.6, 0.5], **new, trained=[0.9, 0.8], trained_mirrored=[0.3, 0.4]) == (
        "learned images by heart: in those of the training they answer the object with 0.85, in a mirror with 0.35. "
        "The derivation is for images that a network does not know."
    )
    assert by_heart(modules, [0.6, 0.5], **new, trained=[0.9, 0.8], trained_mirrored=[0.85, 0.85]) == (
        "not learned images by heart: in those of the training they answer the object with 0.85, in a mirror with 0.85."
    )
    # One knows them, and one does not.
    assert by_heart(modules, [0.6, 0.5], **new, trained=[0.9, 0.9], trained_mirrored=[0.4, 0.9]) == ""
    # More in a mirror is no knowledge of the image.
    assert by_heart(modules, [0.6, 0.5], **new, trained=[0.4, 0.4], trained_mirrored=[0.9, 0.9]) == ""
    # They know all images by something in them.
    known = {"trained": [0.9, 0.9], "trained_mirrored": [0.4, 0.4]}
    assert by_heart(modules, [0.9, 0.9], mirrored=[0.4, 0.4], **known) == ""
    assert by_heart(modules, [0.9, 0.9], mirrored=[0.9, 0.4], **known) == ""


def test_without_networks_to_compare_with_or_of_one_seed_nothing_is_said_of_doubt(modules):
    blind = (0.35, 0.1, 0.4, 0.05)
    assert doubt(modules, [blind] * 2, []) == doubt(modules, [], [PLAIN] * 2) == []
    assert doubt(modules, [blind], [PLAIN] * 2) == doubt(modules, [blind] * 2, [PLAIN]) == []


def test_the_mean_of_a_network_and_its_mirror_image_has_the_least_expected_cross_entropy(modules):
    """If p is the chance of the object, (p + its mirror image) / 2 is that of the mask of inputs flipped apart."""
    chance = torch.rand(1, 1, 4, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = (chance + chance.flip(3)) / 2
    logits = torch.zeros_like(chance, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    for _ in range(500):
        optimizer.zero_grad()
        (0.5 * entropy(logits, chance) + 0.5 * entropy(logits, chance.flip(3))).backward()
        optimizer.step()
    assert torch.allclose(torch.sigmoid(logits), wanted, atol=1e-3)


@pytest.mark.parametrize(
    ("loss", "flipped", "plain", "words"),
    [
        ("bce", (0.35, 0.1), (0.7, 0.1), "0.35 in the object instead of 0.70, which is about half of it"),
        pytest.param("bce", (0.39, 0.1), (0.8, 0.1), "0.39 in the object instead of 0.80", id="0.45 within 0.1"),
        pytest.param("bce", (0.2, 0.1), (0.7, 0.1), "", id="not the half"),
        pytest.param("bce", (0.3, 0.1), (0.45, 0.1), "", id="below the threshold without the mistake, too"),
        ("l1", (0.17, 0.05), (0.8, 0.02), "L1 answers 0.17 in the object instead of 0.80"),
        pytest.param("l1", (0.35, 0.05), (0.8, 0.02), "", id="no less than the half"),
        pytest.param("l1", (0.6, 0.05), (0.8, 0.02), "", id="above the threshold"),
        ("dice", (0.7, 0.25), (0.8, 0.02), "a part of the mirror image, too, 0.25 there instead of 0.02"),
        pytest.param("dice", (0.7, 0.1), (0.8, 0.02), "", id="hardly more of the mirror image"),
        pytest.param("huber", (0.17, 0.25), (0.8, 0.02), "", id="nothing is known of this loss"),
    ],
)
def test_beside_networks_without_the_mistake_a_reason_is_given_only_where_it_is_seen(
    modules, loss, flipped, plain, words
):
    expected = modules("expected")

    def networks(count, mirrored):
        return rows(loss, 16, *[(*(flipped if mirrored else plain), 0.6, 0.2)] * count, mirrored=mirrored)

    found = [*networks(2, 0.5), *networks(2, 0.0)]
    reason = modules("reasons").because(expected.answers(found), loss, FOREGROUND, 800, 16)
    assert words in reason.told if words else reason is None
    # Of one seed nothing is said.
    for counts in ((1, 2), (2, 1)):
        found = [*networks(counts[0], 0.5), *networks(counts[1], 0.0)]
        assert modules("reasons").because(expected.answers(found), loss, FOREGROUND, 800, 16) is None


FEW = (0.5, 0.2, 0.7, 0.0)


@pytest.mark.parametrize(
    ("many", "epochs", "words"),
    [
        pytest.param((0.5, 0.45, 0.95, 0.0), 4, "steps as expected everywhere, nearer to it in its mirror image"),
        pytest.param((0.5, 0.35, 0.95, 0.0), 16, "in its mirror image (0.35), nearer to it in its mirror image"),
        pytest.param((0.5, 0.25, 0.95, 0.0), 4, "as many steps not as expected in its mirror image (0.25)."),
        pytest.param((0.5, 0.2, 0.95, 0.0), 4, "as many steps not as expected in its mirror image (0.20)."),
        pytest.param((0.75, 0.2, 0.95, 0.0), 4, "mirror image (0.20), farther from it in the object."),
    ],
)
def test_more_images_are_said_to_help_only_where_they_do(modules, many, epochs, words):
    few = rows("bce", 64, FEW, FEW)
    (sentence,) = said(modules, few, rows("bce", epochs, many, many, images=12800))
    start, _, more = sentence.partition(" With 16 times as many images: in ")
    assert start == said(modules, few)[0] and words in more
    assert ("nearer" in more) == (many[1] - FEW[1] > 0.1)
    # Of one seed it is not said that they help.
    (alone,) = said(modules, few, rows("bce", epochs, many, images=12800))
    assert "With 16 times as many images" in alone and not {"nearer", "farther"} & set(alone.split())


def test_of_more_images_each_length_of_training_is_told(modules):
    right = (0.5, 0.45, 0.95, 0.0)
    many = [rows("bce", epochs, answer, images=12800) for epochs, answer in ((4, FEW), (16, right))]
    (sentence,) = said(modules, rows("bce", 64, FEW), *many)
    assert sentence.endswith(
        " With 16 times as many images: in as many steps not as expected in its mirror image (0.20) and both (0.70); "
        "in 4 times as many steps as expected everywhere."
    )


def test_each_number_of_images_is_compared_with_its_own_networks_without_the_mistake(modules):
    expected = modules("expected")
    sure = (0.9, 0.1, 0.95, 0.05)
    few = [*rows("bce", 64, FEW, FEW), *rows("bce", 64, PLAIN, PLAIN, mirrored=0.0)]
    many = [*rows("bce", 4, FEW, FEW, images=12800), *rows("bce", 4, sure, sure, mirrored=0.0, images=12800)]
    further = rows("bce", 16, FEW, FEW, images=12800)
    further += rows("bce", 16, PLAIN, PLAIN, mirrored=0.0, images=12800)
    found = expected.answers([*further, *many, *few])
    told = modules("mirrored").on_bce(found)
    more = "of 16 times as many images"
    whens = ["after 64 epochs", f"after 4 epochs {more}", f"after 16 epochs {more}"]
    assert [sentence.split(",")[0] for sentence in told] == [f"`bce` {when}" for when in whens]
    assert [sentence.split("sum, ")[1][:4] for sentence in told] == ["0.40", "0.50", "0.40"]


def test_the_chart_compares_more_images_in_as_many_steps(modules):
    expected = modules("expected")
    many = [*rows("bce", 4, FEW, images=12800), *rows("bce", 16, FEW, images=12800), *rows("l1", 16, FEW, images=12800)]
    found = expected.answers([*many, *rows("bce", 16, FEW), *rows("bce", 64, FEW), *rows("l1", 64, FEW)])
    chosen = {loss: expected.in_as_many_steps(found, loss) for loss in ("bce", "l1", "dice")}
    assert {loss: [(one.images, one.epochs) for one in own] for loss, own in chosen.items()} == {
        "bce": [(800, 64), (12800, 4)],
        "l1": [(800, 64)],
        "dice": [],
    }
    drawing = modules("charts").answers(found, expected.expected(FOREGROUND))
    assert drawing.count("<circle") == 2 * 3 and drawing.count("#3d7dd8") == 3
