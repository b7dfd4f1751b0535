"""What each loss of the study is: its summary, its options and its notes."""

from __future__ import annotations

from loss_study import losses
from loss_study.config import Config


def finding(config: Config) -> str:
    """Return how many losses are compared, and how many of the project's are not."""
    compared, others = len(config.losses), [name for name in losses.names() if name not in config.losses]
    left_out = f"; {len(others)} others of the project are not in this study" if others else ""
    return f"{compared} {'loss' if compared == 1 else 'losses'}{left_out}."


def losses_of(config: Config) -> dict[str, losses.Loss]:
    """Return the losses of the study by name, for their summaries and notes."""
    with_a_file = {name: losses.with_a_file(name) for name in config.loss.names}
    others = [*config.loss.combinations, *config.loss.imported]
    return with_a_file | {name: losses.load(name, config.options_of(name)) for name in others}
