"""Which losses train in a round, and from which seeds: the folder ``decisions/<round>/`` that `train` depends on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from loss_study.config import Config
from loss_study.heads import JOINT
from loss_study.runtime.files import whole_folder, write_json
from loss_study.trial import DECISIONS, candidate_seeds, decision_file, heads_and_losses


def write(config: Config, number: int, training: Mapping[str, Collection[str]]) -> None:
    """Write a file for every head and loss: the seeds of round `number`, none for a loss that trains no more.

    A joint training has one file for both heads, and trains as long as one of them asks for it.

    Args:
        config: of the study; where it has fewer rounds, nothing trains.
        number: of the round.
        training: by head, the losses and joint trainings that train in the round.
    """
    seeds = config.rounds[number - 1] if number <= len(config.rounds) else []
    with whole_folder(DECISIONS / str(number)) as folder:
        for head, loss in heads_and_losses(config):
            _write(folder, number, head, loss, {"seeds": seeds if loss in training.get(head, ()) else []})
        for name in config.joint.names:
            heads = [head for head in config.loss.heads if name in training.get(head, ())]
            _write(folder, number, JOINT, name, {"seeds": seeds if heads else [], "heads": heads})


def _write(folder: Path, number: int, head: str, loss: str, decision: Mapping[str, Any]) -> None:
    path = folder / decision_file(number, head, loss).relative_to(DECISIONS / str(number))
    path.parent.mkdir(exist_ok=True)
    write_json(path, decision)


def contenders(config: Config, number: int) -> dict[str, list[str]]:
    """Return what trains in round `number`, losses and joint trainings, by head: only what did in the round before."""
    # Only now: the first round, which has none to compare, is decided without the packages of statistics.
    from loss_study.statistics import results  # noqa: PLC0415
    from loss_study.statistics.ranking import after_rounds  # noqa: PLC0415

    found = results.read(config, through=number - 1)
    training: dict[str, list[str]] = {}
    for head in config.loss.heads:
        *_, last = after_rounds(head, found, config, last=number - 1)
        kept = set(last.contenders)
        trained = [one for one in config.candidates if candidate_seeds(config, number - 1, head, one)]
        training[head] = [one for one in trained if one in kept]
    return training
