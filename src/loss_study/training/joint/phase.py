"""The phase of a joint training: the batches of all heads, and the score of an epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from loss_study.data.batches import Batch, Batches
from loss_study.data.packed import PackedSample
from loss_study.metrics.headline import Headline
from loss_study.metrics.joint_score import joint_score
from loss_study.runtime.errors import StudyError
from loss_study.training import distributed
from loss_study.training.device import autocast
from loss_study.training.joint.objective import JointObjective
from loss_study.training.loop import Phase, Training, phase_of

#: Returns the predictions of a batch by head, each (N, C, H, W) in [0, 1].
Predict = Callable[[Batch], dict[str, Tensor]]


def one_phase(training: Training, sample: PackedSample) -> Phase:
    """Return the phase of a joint training that has one: all epochs, all of the model.

    Raises:
        StudyError: several devices train, and the weighting combines gradients.
    """
    objective = training.objective
    assert isinstance(objective, JointObjective)
    if distributed.size() > 1 and not objective.weighting.of_sum:
        raise StudyError("recipe.devices: this weighting combines gradients, on one device; set it to 1")
    arguments = (objective.heads, training.recipe.batch_size, training.device)
    train_batches, validation = (Batches(sample, split, *arguments) for split in ("train", "validation"))
    constants = headlines(objective, validation, constant_predictions(sample))

    def validate() -> dict[str, float]:
        values = headlines(objective, validation, _network_predictions(training, objective))
        weights = objective.weighting.weights()
        return {
            "validation": joint_score(values, constants),
            **{f"validation_{head}": value for head, value in values.items()},
            **{f"weight_{head}": weight for head, weight in weights.items()},
        }

    phase = phase_of(training, train_batches, validate)
    return replace(phase, network=_WithParameters(training.model, objective)) if objective.parameters else phase


class _WithParameters(nn.Module):
    """The model, with the parameters of the weighting, so that several devices average the gradients of both."""

    def __init__(self, model: nn.Module, objective: JointObjective) -> None:
        super().__init__()
        self.model = model
        self.weighting = nn.ParameterList(objective.parameters)

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        """Return the model's logits by head."""
        return self.model(inputs)


def headlines(objective: JointObjective, batches: Batches, predict: Predict) -> dict[str, float]:
    """Return the headline metric of each head over the split of `batches`."""
    found = {head: Headline(head) for head in objective.heads}
    for batch in batches.in_order():
        predictions = predict(batch)
        for head, (target, valid) in batch.targets.items():
            found[head].add(prediction=predictions[head], target=target, valid=valid)
    return {head: headline.value for head, headline in found.items()}


def constant_predictions(sample: PackedSample) -> Predict:
    """Return predictions that are the same for every pixel: what a network has to be better than.

    The mean depth of the training split; of several classes the most frequent one; of a mask of one class 1/2, which is
    all foreground at low thresholds and all background at high ones, so the better of the two is taken.
    """
    values = {"mask": torch.tensor([0.5]), "depth": torch.tensor([sample.statistics["depth_mean"]])}
    if sample.classes > 1:
        values["mask"] = torch.zeros(sample.classes)
        values["mask"][int(torch.tensor(sample.statistics["class_shares"]).argmax())] = 1

    def predict(batch: Batch) -> dict[str, Tensor]:
        return {
            head: values[head].to(target).view(1, -1, 1, 1).expand_as(target)
            for head, (target, _) in batch.targets.items()
        }

    return predict


def _network_predictions(training: Training, objective: JointObjective) -> Predict:
    """Return the predictions of the model in evaluation mode."""

    @torch.no_grad()
    def predict(batch: Batch) -> dict[str, Tensor]:
        training.model.eval()
        with autocast(training.device, training.precision):
            logits = training.model(batch.inputs)
        return {head: objective.losses[head].output.predict(logits[head].float()) for head in objective.heads}

    return predict
