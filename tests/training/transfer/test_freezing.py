"""Frozen parts of a model, and fine-tuning in two phases."""

import pytest
import torch

from loss_study import config, models
from loss_study.runtime.errors import StudyError
from loss_study.training import run
from loss_study.training.transfer import freezing, phases
from support.small_training import TRIAL, KilledError, learning_rates, same, trained


def start(study, sample):
    """Return the weights that the trial starts from."""
    torch.manual_seed(TRIAL.seed)
    return models.build(study.model.name, sample.in_channels, ["mask"], **study.model.options)


def names_of(model, modules):
    """Return the names that the parameters and statistics of `modules` have in the model's state."""
    tensors = {id(tensor) for tensor in modules.state_dict(keep_vars=True).values()}
    return {name for name, tensor in model.state_dict(keep_vars=True).items() if id(tensor) in tensors}


@pytest.mark.parametrize("frozen", [["encoder"], ["decoder"], ["head"], ["encoder", "decoder"]])
def test_frozen_parts_keep_weights_and_statistics(frozen, sample, recipe):
    """Every tensor of a frozen part is what it was at the start, running means and variances included."""
    study = recipe(freeze=frozen, keep="last")
    model = start(study, sample)
    description, history, weights = trained(sample, study)
    assert float(history[-1][1]) < float(history[0][1]), "the rest learns"
    before = model.state_dict()
    for part in config.PARTS:
        kept = [torch.equal(before[name], weights[name]) for name in names_of(model, models.parts(model)[part])]
        assert all(kept) if part in frozen else not any(kept)
    assert any("running_var" in name for name in names_of(model, models.parts(model)["encoder"]))
    counts = {part: models.total_count(modules) for part, modules in models.parts(model).items()}
    assert description["parameters"] == sum(counts.values())
    assert description["trainable_parameters"] == sum(counts[part] for part in counts if part not in frozen)


def test_freezing_is_taken_back():
    """A second phase begins from a model in which everything can be trained again."""
    model = models.build("resunet", 3, ["mask"], width=2)
    everything = models.parameter_count(model)
    freezing.freeze(model, ["encoder"])
    assert models.parameter_count(model) < everything == models.total_count(model)
    assert freezing.freeze(model, []) == [] and models.parameter_count(model) == everything


def test_the_last_stages_are_open_and_in_evaluation_mode():
    model = models.build("resunet", 3, ["mask"], width=2)
    frozen = freezing.freeze(model, ["encoder"], open_stages=2)
    trainable = [all(p.requires_grad for p in stage.parameters()) for stage in models.stages(model)]
    assert trainable == [False, False, False, True, True]
    freezing.set_training(model, frozen)
    for part, modules in models.parts(model).items():
        norms = [module.training for module in modules.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        assert norms == [part == "decoder"] * len(norms)
    freezing.set_training(model, freezing.freeze(model, []))
    assert all(module.training for module in model.modules())


def test_a_fine_tuned_training_has_two_phases(sample, recipe):
    """The stem stays, the last two stages move in the second phase only, at a tenth of the rate."""
    first = recipe(freeze=["encoder"], keep="last", schedule={"name": "constant", "options": {}})
    _, alone, after_one = trained(sample, first)
    study = recipe(fine_tune={"epochs": 2, "lr_factor": 0.1, "stages": 2})
    model = start(study, sample)
    description, history, weights = trained(sample, study)
    assert [row[0] for row in history] == ["1", "2", "3", "4", "5"]
    assert history[:3] == alone, "the first phase is the training without the second"
    opened = {name for stage in models.stages(model)[-2:] for name in names_of(model, stage)}
    for name in names_of(model, models.parts(model)["encoder"]):
        assert torch.equal(after_one[name], model.state_dict()[name])
        moved = name in opened and "running" not in name and "num_batches" not in name
        assert torch.equal(weights[name], after_one[name]) != moved
    assert learning_rates() == pytest.approx([0.01, 0.01, 0.01, 0.001, 0.001])
    closed = sum(models.total_count(stage) for stage in models.stages(model)[:-2])
    assert description["trainable_parameters"] == description["parameters"] - closed
    assert description["epochs"] == 5 and description["fine_tune"]["stages"] == 2


def test_each_phase_runs_through_the_schedule(sample, recipe):
    study = recipe(
        freeze=["encoder"],
        fine_tune={"epochs": 3, "lr_factor": 0.1, "stages": 1},
        schedule={"name": "step_lr", "options": {"every": 1, "gamma": 0.5}},
    )
    trained(sample, study)
    assert learning_rates() == pytest.approx([0.01, 0.005, 0.0025, 0.001, 0.0005, 0.00025])


@pytest.mark.usefixtures("saved_each_epoch")
@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("epochs_before", [1, 3, 4])
def test_resumes_in_either_phase_to_the_last_digit(epochs_before, cached, sample, recipe, monkeypatch):
    """Killed in the middle of the epoch behind the first, the third (the last of its phase) and the fourth."""
    study = recipe(freeze=["encoder"], fine_tune={"epochs": 2, "lr_factor": 0.5, "stages": 2}, cache_features=cached)
    _, expected_history, expected = trained(sample, study)
    advance, steps = run.Reporter.advance, 0

    def killed(self, images=1, detail=""):
        nonlocal steps
        steps += images > 0
        if steps == 3 * epochs_before + 2:
            raise KilledError
        advance(self, images, detail)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(run.Reporter, "advance", killed)
        run.train_trials([TRIAL], study, sample)
    _, history, weights = trained(sample, study)
    assert history == expected_history and same(weights, expected)


def test_early_stop_ends_a_phase_and_not_the_training(sample, recipe, monkeypatch):
    """Best in epoch 1, so epoch 3 is not trained; the second phase is, and counts anew."""
    study = recipe(freeze=["encoder"], fine_tune={"epochs": 3, "lr_factor": 0.5, "stages": 1}, early_stop=1)
    values = iter([0.9, 0.5, 0.4, 0.3])
    monkeypatch.setattr("loss_study.training.loop.validate", lambda *_: next(values))
    description, history, _ = trained(sample, study)
    assert [row[0] for row in history] == ["1", "2", "4"] and description["kept_epoch"] == 1


CONTRADICTIONS = [
    ({"freeze": list(config.PARTS)}, r"recipe\.freeze: all parts are frozen"),
    ({"freeze": ["encoder", "encoder"]}, r"recipe\.freeze: lists something twice"),
    ({"freeze": ["neck"]}, r"recipe\.freeze\.0: Input should be 'encoder', 'decoder' or 'head'"),
    ({"fine_tune": {"epochs": 2}}, r"recipe\.fine_tune: unfreezes a frozen encoder"),
    ({"freeze": ["head"], "fine_tune": {"epochs": 2}}, r"recipe\.fine_tune: unfreezes a frozen encoder"),
    ({"cache_features": True}, r"recipe\.cache_features: .* add encoder to recipe\.freeze"),
    *(
        ({"freeze": ["encoder"], "cache_features": True, "augmentation": {"flip": 0.5} | more}, r"only flip can be")
        for more in ({"crop": 0.5}, {"rotation": 5.0}, {"colour": {"hue": 0.1}}, {"erase": 0.5}, {"flip_apart": True})
    ),
]


@pytest.mark.parametrize(("values", "message"), CONTRADICTIONS)
def test_contradictions_end_in_one_line(values, message, recipe):
    with pytest.raises(StudyError, match=message) as caught:
        recipe(**values)
    assert "\n" not in str(caught.value)


def test_more_stages_than_there_are(sample, recipe):
    study = recipe(freeze=["encoder"], fine_tune={"epochs": 1, "stages": 9})
    with pytest.raises(StudyError, match=r"recipe\.fine_tune\.stages: the encoder has 3 stages; got 9"):
        trained(sample, study)


def test_without_freezing_a_model_needs_no_parts():
    """A model of one's own, of one piece, is trained whole."""
    model = torch.nn.Conv2d(3, 1, 1)
    assert freezing.freeze(model, []) == []
    with pytest.raises(StudyError, match=r"has no parts to freeze"):
        freezing.freeze(model, ["encoder"])


def test_the_plan_leaves_out_what_is_over(recipe):
    study = recipe(freeze=["encoder"], fine_tune={"epochs": 2, "stages": 1})
    model = models.build("resunet", 3, ["mask"], width=2)
    spans = [[(span.first, span.last) for span in phases.spans(study.recipe, model, after)] for after in (0, 2, 3, 5)]
    assert spans == [[(1, 3), (4, 5)], [(1, 3), (4, 5)], [(4, 5)], []]
