"""How many images a runtime computes at once: more and more, as long as that is faster."""

from __future__ import annotations

#: A larger batch has to be so much faster than the best one before.
GAIN = 1.05
#: Calls at each size, of which the fastest counts; the first one at a size also allocates memory.
TRIES = 2
#: Doublings in a row that gain nothing, after which the best size stays. Two: other work may have slowed one of them.
PATIENCE = 2
MOST = 64
#: Numbers in all batches that are computed at the same time: the network's own maps take about a hundred times as many.
MOST_NUMBERS = 2**24


class BatchSize:
    """The `size` of the next batch. It doubles on the work itself, so that trying costs nothing.

    Args:
        numbers: in the array of one image, times the batches that are computed at the same time.
        fixed: this size; 0: chosen.
    """

    def __init__(self, numbers: int, fixed: int = 0) -> None:
        self.size = fixed or 1
        self._settled = fixed > 0
        self._most = max(1, min(MOST, MOST_NUMBERS // numbers))
        self._best, self._best_speed = self.size, 0.0
        self._speeds: list[float] = []

    def took(self, images: int, seconds: float) -> None:
        """Take note that a batch of so many images took so long."""
        if self._settled or images != self.size:
            return
        self._speeds.append(images / max(seconds, 1e-9))
        if len(self._speeds) < TRIES:
            return
        speed = max(self._speeds)
        self._speeds = []
        if speed >= GAIN * self._best_speed:
            self._best, self._best_speed = self.size, speed
        self._settled = self.size >= self._best * 2**PATIENCE or 2 * self.size > self._most
        self.size = self._best if self._settled else 2 * self.size
