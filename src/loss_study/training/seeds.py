"""The stage `train`: the learning rate of a head and a loss, then its trials from all seeds of a round."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.training import choice, search
from loss_study.training.run import Listen, Silent, train_trials
from loss_study.trial import Trial


def train_seeds(
    head: str,
    loss: str,
    config: Config,
    sample: PackedSample,
    *,
    seeds: Sequence[int] | None = None,
    number: int = 1,
    listen: Listen = Silent,
) -> None:
    """Train the trials of `head` and `loss` with the learning rate that the first round chooses; see `train_trials`.

    Args:
        head: "mask" or "depth"; "joint" for a joint training.
        loss: its name, or that of the joint training.
        config: of the study.
        sample: the packed sample.
        seeds: None: those of the first round of `config`.
        number: of the round that they belong to. In the first one the learning rate is chosen, see `search.choose`.
        listen: called for each trial.

    Raises:
        StudyError: no learning rate of the search works, the first round has not run, or as `train_trials`.
    """
    chosen = [Trial(head, loss, seed, number) for seed in (config.rounds[0] if seeds is None else seeds)]
    with ExitStack() as until_all_are_written:
        found = (
            search.choose(until_all_are_written, head, loss, sample, config) if number == 1 else choice.read(chosen[0])
        )
        train_trials(chosen, choice.applied(config, loss, found), sample, listen=listen)
