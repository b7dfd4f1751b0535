"""A training of seconds, and what it left."""

import csv
import json

import torch

from loss_study.training import run
from loss_study.trial import Trial

TRIAL = Trial("mask", "bce", 0)


class KilledError(Exception):
    """Stands for the end of the process."""


def trained(sample, study, trial=TRIAL):
    """Train `trial` and return what it leaves, see `left_by`."""
    run.train_trials([trial], study, sample)
    return left_by(trial)


def left_by(trial):
    """Return what a trained trial leaves: the description, the numbers of its history, and the weights."""
    with (trial.run_dir / "history.csv").open() as file:
        history = [(row["epoch"], row["train_loss"], row["validation"]) for row in csv.DictReader(file)]
    weights = torch.load(trial.run_dir / "model.pt", weights_only=True)["state"]
    return json.loads((trial.run_dir / "trial.json").read_text()), history, weights


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def learning_rates(trial=TRIAL):
    """Return the learning rate of every epoch."""
    with (trial.run_dir / "history.csv").open() as file:
        return [float(row["learning_rate"]) for row in csv.DictReader(file)]
