"""What a comparison found: its decision, its tables and its report."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loss_study.config import Config
from loss_study.report.publish import publish
from loss_study.runtime.errors import StudyError, nearest
from loss_study.statistics.ranking import Ranking, headlines
from loss_study.statistics.sentences import decision, on_losses

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".csv"


@dataclass(frozen=True, repr=False)
class Comparison:
    """The result of `loss_study.compare`; printed, it is the decision.

    Attributes:
        config: of the study.
        rankings: of the losses, by head and metric, see `loss_study.statistics.ranking.Ranking`.
        files: the report by path below its folder.
    """

    config: Config
    rankings: Sequence[Ranking]
    files: Mapping[str, bytes]

    def __str__(self) -> str:
        lines = []
        for ranking in headlines(self.rankings):
            lines += [f"{ranking.head}: {decision(ranking)}", *(f"  {sentence}" for sentence in on_losses(ranking))]
        return "\n".join(lines)

    __repr__ = __str__

    @property
    def choice(self) -> dict[str, str | None]:
        """The loss to use for each head; None where no trial was sound or each loss has one seed only."""
        return {ranking.head: ranking.choice for ranking in headlines(self.rankings)}

    def to_dataframe(self, table: str = "answer") -> pd.DataFrame:
        """Return a table of the report, as the CSV file of that name.

        Args:
            table: "answer", a row for every head, metric and loss; "compare", the trials; "pairs", every two losses;
                "rounds"; or "curves", the epochs.

        Raises:
            StudyError: there is no such table.
        """
        import pandas as pd  # noqa: PLC0415 -- takes a second, and only this needs it

        tables = [name.removesuffix(SUFFIX) for name in self.files if name.endswith(SUFFIX)]
        if table not in tables:
            raise StudyError(f"to_dataframe: no table {table!r}; {nearest(table, tables)}")
        return pd.read_csv(io.BytesIO(self.files[table + SUFFIX]))

    def report(self, path: str | Path) -> Path:
        """Write the report into the folder `path`, which is made where it is missing; return its page.

        Raises:
            OSError: the folder cannot be written to.
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        publish(folder, self.files)
        return folder / "index.html"
