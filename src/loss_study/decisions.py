"""Which losses train in a round, and from which seeds: the folder ``decisions/<round>/`` that `train` depends on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from loss_study.config import Config
from loss_study.heads import JOINT
from loss_study.runtime.files import whole_folder, write_json
from loss_study.trial import DECISIONS, candidate_seeds, decided_seeds, decision_file, heads_and_losses


def write(config: Config, number: int, training: Mapping[str, Collection[str]]) -> None:
    """Write a file for every head and loss: its seeds in round `number`, none for a loss that does not train.

    They are those of the round, and those of earlier rounds in which the loss did not train. A joint training has one
    file for both heads, and trains as long as one of them asks for it.

    Args:
        config: of the study; where it has fewer rounds, nothing trains.
        number: of the round.
        training: by head, the losses and joint trainings that train in the round.
    """
    seeds = config.rounds[number - 1] if number <= len(config.rounds) else []
    with whole_folder(DECISIONS / str(number)) as folder:
        for head, loss in heads_and_losses(config):
            trains = loss in training.get(head, ())
            _write(folder, number, head, loss, {"seeds": _seeds(config, number, head, loss) if trains else []})
        for name in config.joint.names:
            heads = [head for head in config.loss.heads if name in training.get(head, ())]
            _write(folder, number, JOINT, name, {"seeds": seeds if heads else [], "heads": heads})


def _seeds(config: Config, number: int, head: str, loss: str) -> list[int]:
    """Return the seeds of round `number`, and before them those of earlier rounds in which the loss did not train.

    In the first round every loss trains. A round that the study does not have has no seeds.
    """
    if number == 1 or number > len(config.rounds):
        return config.rounds[0] if number == 1 else []
    trained = {seed for earlier in range(2, number) for seed in decided_seeds(earlier, head, loss)}
    return [seed for of_round in config.rounds[1:number] for seed in of_round if seed not in trained]


def _write(folder: Path, number: int, head: str, loss: str, decision: Mapping[str, Any]) -> None:
    path = folder / decision_file(number, head, loss).relative_to(DECISIONS / str(number))
    path.parent.mkdir(exist_ok=True)
    write_json(path, decision)


def contenders(config: Config, number: int) -> dict[str, list[str]]:
    """Return what trains in round `number`, losses and joint trainings, by head.

    A loss that did not train in the round before may come back. A joint training may not: its networks are those of
    both heads, and the other one may have gone on with it.
    """
    # Only now: the first round, which has none to compare, is decided without the packages of statistics.
    from loss_study.statistics import results  # noqa: PLC0415
    from loss_study.statistics.ranking import after_rounds  # noqa: PLC0415

    found = results.read(config, through=number - 1)
    training: dict[str, list[str]] = {}
    for head in config.loss.heads:
        *_, last = after_rounds(head, found, config, last=number - 1)
        kept = set(last.contenders)
        training[head] = [
            one
            for one in config.candidates
            if one in kept and (one in config.losses or candidate_seeds(config, number - 1, head, one))
        ]
    return training
