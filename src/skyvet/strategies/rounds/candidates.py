"""The candidates of a run: a pool to learn from and, apart from it by object, a test set."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from skyvet.core.arrays import BoolArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.io.dataset import Dataset
from skyvet.io.label_files import match_labels, read_labels
from skyvet.preprocessing.normalization import StampConfig
from skyvet.preprocessing.pools import CandidatePool
from skyvet.strategies.rounds.stamps import prepared_pool
from skyvet.training.splits import check_no_leakage

__all__ = ["RoundsCandidates", "TestSet", "open_candidates"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TestSet:
    """Labelled candidates that judge and are never learnt from.

    Parameters
    ----------
    rows : CandidatePool
        The candidates.
    labels : ndarray, shape (n,), int8
        1 = REAL, 0 = BOGUS.
    """

    __test__ = False  # no test of pytest

    rows: CandidatePool
    labels: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundsCandidates:
    """What a run draws on.

    Parameters
    ----------
    pool : CandidatePool
        May be asked for and learnt from.
    surveys : tuple of str
        Survey of each row of the pool.
    test : TestSet or None
        Judges each round.
    n_held_back : int
        Candidates outside the pool because their object is in the test set, or because they
        repeat a candidate; the test set's own are not counted.
    stored_px : int
        Side of the dataset's stamps [pixels].
    is_askable : ndarray, shape (n,), bool
        Whether the expert can be asked; the others may be learnt from as they are.
    """

    pool: CandidatePool
    surveys: tuple[str, ...]
    test: TestSet | None
    n_held_back: int
    stored_px: int
    is_askable: BoolArray


def open_candidates(
    data: Path,
    run_folder: Path,
    *,
    stamps: StampConfig,
    test_labels: Path | None = None,
    metadata_names: Sequence[str] = (),
    askable_ids: Collection[str] | None = None,
    progress: Progress | None = None,
) -> RoundsCandidates:
    """Open a dataset for a run; no object stands in pool and test set.

    Parameters
    ----------
    data : Path
        Dataset folder.
    run_folder : Path
        Prepared stamps are kept there.
    stamps : StampConfig
        Preparation.
    test_labels : Path, optional
        Label file of the test set; UNKNOWN rows judge nothing, but leave the pool, too.
    metadata_names : sequence of str
        Features for the metadata branch.
    askable_ids : collection of str, optional
        Candidates that the expert can be asked for; default all.
    progress : Progress, optional
        Told of the preparation.

    Returns
    -------
    RoundsCandidates

    Raises
    ------
    DatasetError, LabelError
        If either cannot be used.
    InvalidInputError
        If nothing is left in the pool.
    """
    dataset = Dataset.open(data)
    ids = dataset.table["candidate_id"].to_numpy(zero_copy_only=False)
    objects = dataset.table["object_id"].to_numpy(zero_copy_only=False)
    first = np.sort(np.unique(ids, return_index=True)[1])
    named, judged, labels = _test_rows(test_labels, ids)
    is_free = ~np.isin(objects[first], np.unique(objects[named]))
    in_pool = first[is_free]
    if len(in_pool) == 0:
        raise InvalidInputError(
            f"no candidate of {data} is left to learn from: the objects of all {len(ids)} are in "
            "the test set; give a smaller test file"
        )
    check_no_leakage(objects[in_pool], objects[named])
    test = None
    if test_labels is not None:
        judges = prepared_pool(
            dataset, judged, run_folder / "test", stamps=stamps, metadata_names=metadata_names
        )
        test = TestSet(rows=judges, labels=labels)
    pool = prepared_pool(
        dataset,
        in_pool,
        run_folder / "pool",
        stamps=stamps,
        metadata_names=metadata_names,
        progress=progress,
    )
    return RoundsCandidates(
        pool=pool,
        surveys=tuple(dataset.table["survey"].take(pa.array(in_pool)).to_pylist()),
        test=test,
        n_held_back=len(ids) - len(in_pool) - len(named),
        stored_px=dataset.stamp_px,
        is_askable=_askable(pool, askable_ids),
    )


def _askable(pool: CandidatePool, ids: Collection[str] | None) -> BoolArray:
    if ids is None:
        return np.ones(len(pool), dtype=np.bool_)
    found = np.array([str(identifier) in ids for identifier in pool.candidate_ids.tolist()])
    if not found.any():
        raise InvalidInputError(
            "the expert knows none of the candidates of the pool; check that truth and dataset "
            "come from the same survey and night"
        )
    return found


def _test_rows(path: Path | None, ids: np.ndarray) -> tuple[IntArray, IntArray, IntArray]:
    """Return rows that the test file names, those of them that judge, and their labels."""
    if path is None:
        nothing = np.zeros(0, dtype=np.intp)
        return nothing, nothing, nothing
    table = read_labels(path)
    matched = match_labels(table, ids)
    named = {str(identifier) for identifier in table["candidate_id"].to_pylist()}
    rows = np.flatnonzero([str(identifier) in named for identifier in ids.tolist()])
    return rows, matched.i_candidate, matched.labels
