"""What a few-label learner is given and what it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from skyvet.core.progress import Progress
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.strategies.queries.interface import Opinion

__all__ = ["FewLabelClassifier", "FewLabelLearner"]


class FewLabelClassifier(Protocol):
    """What a learner has learnt."""

    def judge(self, rows: CandidatePool) -> Opinion:
        """Return what the classifier thinks of each row, independent of the other rows."""


class FewLabelLearner(Protocol):
    """Learns from the labels bought so far and from the whole pool."""

    def fit(
        self,
        pool: CandidatePool,
        bought: BoughtLabels,
        *,
        seed: int,
        work_dir: Path | None = None,
        progress: Progress | None = None,
    ) -> FewLabelClassifier:
        """Learn.

        Parameters
        ----------
        pool : CandidatePool
            All candidates that may be learnt from; their labels are those of `bought` alone.
        bought : BoughtLabels
            Labels so far; may be empty where the learner can start without any.
        seed : int
            Of all randomness: same input and seed, same classifier.
        work_dir : Path, optional
            Checkpoints are kept there, and a stopped fit goes on from them.
        progress : Progress, optional
            Told of the stages.

        Raises
        ------
        InvalidInputError
            If labels are too few for this learner, or of one class.
        """
