"""A dataset folder and a label file to arrays for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.io.dataset import Dataset
from skyvet.io.label_files import MatchedLabels, match_labels
from skyvet.io.label_sources import read_label_source
from skyvet.io.tables import FEATURE_PREFIX
from skyvet.preprocessing.normalization import StampConfig, prepare_stamps
from skyvet.preprocessing.triplets import TripletArrays

__all__ = ["LabelledRows", "feature_matrix", "load_labelled_rows"]

_ROWS_AT_A_TIME = 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledRows:
    """Labelled rows of a dataset.

    Parameters
    ----------
    arrays : TripletArrays
        Model-ready rows.
    matched : MatchedLabels
        Counts: labelled, unknown, unlabelled, absent.
    surveys : tuple of str
        Surveys of the labelled rows.
    stored_px : int
        Side of the dataset's stamps [pixels].
    """

    arrays: TripletArrays
    matched: MatchedLabels
    surveys: tuple[str, ...]
    stored_px: int


def load_labelled_rows(
    data: Path,
    labels: str | Path | pa.Table,
    *,
    stamps: StampConfig,
    metadata_names: Sequence[str] = (),
    needs_both_classes: bool = True,
) -> LabelledRows:
    """Join a dataset with labels and prepare the stamps.

    Parameters
    ----------
    data : Path
        Dataset folder.
    labels : str, Path or Table
        Label file or label store, or its rows; see `skyvet.io.label_sources`.
    stamps : StampConfig
        Preparation of the stamps.
    metadata_names : sequence of str
        Features for the metadata branch.
    needs_both_classes : bool, default True
        Refuse labels of one class.

    Returns
    -------
    LabelledRows

    Raises
    ------
    DatasetError, LabelError, LabelStoreError, InvalidInputError
        If either cannot be used, or a feature does not exist.
    """
    dataset = Dataset.open(data)
    label_table = labels if isinstance(labels, pa.Table) else _read_labels(labels, dataset)
    matched = match_labels(
        label_table,
        dataset.table["candidate_id"].to_numpy(zero_copy_only=False),
        needs_both_classes=needs_both_classes,
    )
    rows = matched.i_candidate
    table = dataset.table.take(pa.array(rows))
    weights = np.ones(len(rows), dtype=np.float32)
    if "weight" in label_table.column_names:
        weights = label_table["weight"].to_numpy(zero_copy_only=False)[matched.i_label]
    arrays = TripletArrays(
        stamps=_prepare(dataset, rows, stamps),
        labels=matched.labels,
        candidate_ids=table["candidate_id"].to_numpy(zero_copy_only=False),
        object_ids=table["object_id"].to_numpy(zero_copy_only=False),
        weights=weights.astype(np.float32),
        targets=matched.labels.astype(np.float32),
        metadata=feature_matrix(table, metadata_names) if metadata_names else None,
        metadata_names=tuple(metadata_names),
    )
    return LabelledRows(
        arrays=arrays,
        matched=matched,
        surveys=tuple(sorted(set(table["survey"].to_pylist()))),
        stored_px=dataset.stamp_px,
    )


def _read_labels(labels: str | Path, dataset: Dataset) -> pa.Table:
    """Read labels; of a label store, those of the dataset's survey where it has one."""
    surveys = set(dataset.table["survey"].to_pylist())
    return read_label_source(labels, survey=surveys.pop() if len(surveys) == 1 else None)


def _prepare(dataset: Dataset, rows: IntArray, stamps: StampConfig) -> FloatArray:
    """Prepare stamps in pieces, so that memory holds one half-precision copy of them."""
    shape = (len(rows), stamps.n_planes, stamps.size_px, stamps.size_px)
    prepared = np.empty(shape, dtype=np.float16)
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        part = slice(start, start + _ROWS_AT_A_TIME)
        prepared[part] = prepare_stamps(dataset.stamps(rows[part]), stamps)
    return prepared


def feature_matrix(table: pa.Table, names: Sequence[str]) -> FloatArray:
    """Return feature columns as a matrix, NaN = missing.

    Raises
    ------
    InvalidInputError
        If the table has no such feature; the message lists those it has.
    """
    known = [
        name.removeprefix(FEATURE_PREFIX)
        for name in table.column_names
        if name.startswith(FEATURE_PREFIX)
    ]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise InvalidInputError(
            f"the dataset has no feature {', '.join(unknown)}; it has {', '.join(known) or 'none'}"
        )
    columns = [table[FEATURE_PREFIX + name].to_numpy(zero_copy_only=False) for name in names]
    return np.stack(columns, axis=1).astype(np.float32)
