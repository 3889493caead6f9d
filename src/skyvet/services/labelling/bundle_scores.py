"""A bundle's scores and the stamps' statistics of a dataset, computed once and kept on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import DatasetError
from skyvet.core.files import atomic_path
from skyvet.core.progress import Progress, SilentProgress
from skyvet.inference.batch import score_alerts
from skyvet.inference.configs import ScoreConfig
from skyvet.io.dataset import Dataset
from skyvet.io.score_tables import read_scores
from skyvet.models.bundle import Bundle
from skyvet.preprocessing.stamp_statistics import STAMP_STATISTIC_NAMES, stamp_statistics

__all__ = ["BundleScores", "score_dataset", "statistics_of_dataset"]

_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BundleScores:
    """What a bundle says of every candidate of a dataset, in its order.

    Parameters
    ----------
    bundle : str
        Its label.
    score : ndarray, shape (n,), float64
        Probability of REAL.
    logits : ndarray, shape (n,), float64
        Logit before calibration.
    """

    bundle: str
    score: FloatArray
    logits: FloatArray


def score_dataset(
    dataset: Dataset, bundle: Bundle, *, cache: Path, progress: Progress | None = None
) -> BundleScores:
    """Score a dataset exactly as ``skyvet score`` does; an interrupted run continues.

    Parameters
    ----------
    dataset : Dataset
        What is scored.
    bundle : Bundle
        With what.
    cache : Path
        Folder where the score table is kept; a later call reads it.
    progress : Progress, optional
        Told of every candidate.

    Returns
    -------
    BundleScores

    Raises
    ------
    BundleError
        If the bundle does not run on this dataset.
    DatasetError
        If the cache cannot be written, or holds something else.
    """
    made_of = f"{dataset.manifest.content_sha256[:12]}-{bundle.sha256[:12]}"
    path = cache / f"scores-{made_of}.parquet"
    if not path.is_file():
        score_alerts([dataset.path], path, bundle=bundle, config=ScoreConfig(), progress=progress)
    rows = read_scores(path).rows
    if rows["candidate_id"].to_pylist() != dataset.table["candidate_id"].to_pylist():
        raise DatasetError(f"{path} does not hold the scores of {dataset.path}; remove it")
    return BundleScores(
        bundle=bundle.label,
        score=rows["score"].to_numpy().astype(np.float64),
        logits=rows["logit"].to_numpy().astype(np.float64),
    )


def statistics_of_dataset(
    dataset: Dataset, *, cache: Path, progress: Progress | None = None
) -> FloatArray:
    """Return `stamp_statistics` of every candidate, from the cache where they are there.

    Parameters
    ----------
    dataset : Dataset
        What is measured.
    cache : Path
        Folder where the numbers are kept.
    progress : Progress, optional
        Told of every candidate.

    Returns
    -------
    ndarray, shape (n, 39), float32

    Raises
    ------
    DatasetError
        If the cache cannot be written.
    """
    shape = (len(dataset), len(STAMP_STATISTIC_NAMES))
    path = cache / f"statistics-{dataset.manifest.content_sha256[:12]}-{shape[1]}.npy"
    if path.is_file():
        kept: FloatArray = np.load(path)
        if kept.shape == shape:
            return kept
    progress = progress or SilentProgress()
    progress.start("measuring stamps", len(dataset))
    values = np.empty(shape, dtype=np.float32)
    for start in range(0, len(dataset), _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(dataset)))
        values[rows] = stamp_statistics(dataset.stamps(rows))
        progress.advance(len(rows))
    progress.finish()
    with atomic_path(path) as draft, draft.open("wb") as sink:
        np.save(sink, values)
    return values
