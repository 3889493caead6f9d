"""What a classifier thinks of many candidates, a block of them in memory at a time."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.progress import Progress, SilentProgress
from skyvet.preprocessing.pools import CandidatePool
from skyvet.strategies.learners.interface import FewLabelClassifier
from skyvet.strategies.queries.interface import Opinion

__all__ = ["judge_rows"]

_ROWS_AT_A_TIME = 1024


def judge_rows(
    classifier: FewLabelClassifier,
    pool: CandidatePool,
    rows: IntArray,
    *,
    progress: Progress | None = None,
) -> Opinion:
    """Return what a classifier thinks of some rows of a pool.

    Parameters
    ----------
    classifier : FewLabelClassifier
        From a learner.
    pool : CandidatePool
        Its stamps may be a memory map larger than memory.
    rows : ndarray, shape (n,), int
        Which rows, at least one.
    progress : Progress, optional
        Told of the rows.

    Returns
    -------
    Opinion
        In the order of `rows`.
    """
    told = progress or SilentProgress()
    told.start("Scoring", len(rows))
    parts = []
    for start in range(0, max(len(rows), 1), _ROWS_AT_A_TIME):
        block = rows[start : start + _ROWS_AT_A_TIME]
        parts.append(classifier.judge(pool.take(block)))
        told.advance(len(block))
    told.finish()
    return Opinion(
        logits=np.concatenate([part.logits for part in parts]),
        member_logits=_joined([part.member_logits for part in parts], axis=1),
        embeddings=_joined([part.embeddings for part in parts], axis=0),
    )


def _joined(parts: list[FloatArray | None], *, axis: int) -> FloatArray | None:
    present = [part for part in parts if part is not None]
    return np.concatenate(present, axis=axis) if len(present) == len(parts) else None
