"""Which losses train in a round, and from which seeds: the folder ``decisions/<round>/`` that `train` depends on."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from loss_study.config import Config
from loss_study.runtime.files import whole_folder, write_json
from loss_study.trial import DECISIONS, decided_seeds, decision_file, heads_and_losses


def write(config: Config, number: int, training: Mapping[str, Collection[str]]) -> None:
    """Write a file for every head and loss: the seeds of round `number`, none for a loss that trains no more.

    Args:
        config: of the study; where it has fewer rounds, nothing trains.
        number: of the round.
        training: by head, the losses that train in the round.
    """
    seeds = config.rounds[number - 1] if number <= len(config.rounds) else []
    with whole_folder(DECISIONS / str(number)) as folder:
        for head, loss in heads_and_losses(config):
            path = folder / decision_file(number, head, loss).relative_to(DECISIONS / str(number))
            path.parent.mkdir(exist_ok=True)
            write_json(path, {"seeds": seeds if loss in training.get(head, ()) else []})


def contenders(config: Config, number: int) -> dict[str, list[str]]:
    """Return the losses that train in round `number`, by head: none that trained no more in the round before."""
    # Only now: the first round, which has none to compare, is decided without the packages of statistics.
    from loss_study.statistics import results  # noqa: PLC0415
    from loss_study.statistics.ranking import after_rounds  # noqa: PLC0415

    found = results.read(config, through=number - 1)
    training: dict[str, list[str]] = {}
    for head in config.loss.heads:
        *_, last = after_rounds(head, found, config, last=number - 1)
        kept = set(last.contenders)
        training[head] = [loss for loss in config.losses if loss in kept and decided_seeds(number - 1, head, loss)]
    return training
