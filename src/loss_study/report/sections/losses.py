"""What each loss of the study is: its summary, its options and its notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loss_study import losses
from loss_study.config import Config
from loss_study.statistics import joint


def finding(config: Config) -> str:
    """Return how many losses are compared, and how many of the project's are not."""
    compared, others = len(config.losses), [name for name in losses.names() if name not in config.losses]
    are = "1 other of the project is" if len(others) == 1 else f"{len(others)} others of the project are"
    left_out = f"; {are} not in this study" if others else ""
    count = len(config.joint.names)
    joint = f" and {count} joint training{'' if count == 1 else 's'}" if count else ""
    return f"{compared} {'loss' if compared == 1 else 'losses'}{joint}{left_out}."


@dataclass(frozen=True)
class JointSummary:
    """What the page says of a joint training where it says what each loss is."""

    summary: str
    notes: Mapping[str, str] = field(default_factory=dict)


def losses_of(config: Config) -> dict[str, losses.Loss | JointSummary]:
    """Return the losses of the study and its joint trainings by name, for their summaries and notes."""
    found: dict[str, losses.Loss | JointSummary] = {name: losses.with_a_file(name) for name in config.loss.names}
    others = [*config.loss.combinations, *config.loss.imported]
    found |= {name: losses.load(name, config.options_of(name)) for name in others}
    return found | {name: JointSummary(f"{joint.described(name, config)}.") for name in config.joint.names}
