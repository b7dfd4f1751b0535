"""The learning rate as it stands."""


def factor(step: int, steps: int) -> float:
    """Return 1."""
    return 1.0
