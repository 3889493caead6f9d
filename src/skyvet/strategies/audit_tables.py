"""The ranking of suspicious labels as a table, with a reason a person can read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from skyvet.core.errors import InvalidInputError
from skyvet.core.files import atomic_path
from skyvet.io.tables import identifier_array
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.audit import Suspects

__all__ = ["check_suspects_path", "suspect_table", "write_suspects"]

_NAMES = ("bogus", "real")
_WRITERS = {".csv": pyarrow.csv.write_csv, ".parquet": pyarrow.parquet.write_table}


def suspect_table(
    arrays: TripletArrays, probabilities: NDArray[np.float64], suspects: Suspects
) -> pa.Table:
    """Return one row a label, the most suspicious first.

    Parameters
    ----------
    arrays : TripletArrays
        The labelled rows.
    probabilities : ndarray, shape (n_repeats, n)
        Held-out probability of REAL of each row, as they were ranked by.
    suspects : Suspects
        Their ranking.

    Returns
    -------
    Table
        rank (from 1), candidate_id, object_id, given_label, suggested_label, suspicion,
        probability_real (mean of the repeats), probability_spread (largest minus smallest),
        is_likely_wrong, reason. There is no column ``label``: this is no label file.
    """
    repeats = probabilities[:, suspects.i_row]
    mean = repeats.mean(axis=0)
    return pa.table(
        {
            "rank": pa.array(np.arange(1, len(suspects) + 1), pa.int64()),
            "candidate_id": identifier_array(arrays.candidate_ids[suspects.i_row].tolist()),
            "object_id": identifier_array(arrays.object_ids[suspects.i_row].tolist()),
            "given_label": [_NAMES[label] for label in suspects.given],
            "suggested_label": [_NAMES[label] for label in suspects.suggested],
            "suspicion": pa.array(suspects.suspicion, pa.float64()),
            "probability_real": pa.array(mean, pa.float64()),
            "probability_spread": pa.array(np.ptp(repeats, axis=0), pa.float64()),
            "is_likely_wrong": pa.array(suspects.is_likely_wrong),
            "reason": _reasons(repeats, suspects),
        }
    )


def check_suspects_path(path: Path) -> None:
    """Refuse a name that `write_suspects` cannot write.

    Raises
    ------
    InvalidInputError
        If it ends neither in .csv nor in .parquet.
    """
    if path.suffix.lower() not in _WRITERS:
        raise InvalidInputError(f"the ranking must end in .csv or .parquet, got {path}")


def write_suspects(table: pa.Table, path: Path) -> None:
    """Write the ranking as CSV or Parquet, whole or not at all.

    Raises
    ------
    InvalidInputError
        If the name ends neither in .csv nor in .parquet.
    """
    check_suspects_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as draft:
        _WRITERS[path.suffix.lower()](table, draft)


def _reasons(repeats: NDArray[np.float64], suspects: Suspects) -> list[str]:
    """Say of each label what the networks that had not seen it think."""
    n_repeats = len(repeats)
    is_real = suspects.given == 1
    own = np.where(is_real, repeats, 1 - repeats)
    n_against = (own < 0.5).sum(axis=0)
    of_own = own.mean(axis=0)
    reasons = []
    for i_place, label in enumerate(suspects.given):
        threshold = suspects.thresholds[label]
        reasons.append(
            f"labelled {_NAMES[label]}, to which networks that had not seen it give "
            f"{of_own[i_place]:.3f} (usual for this class: {threshold:.2f}); "
            f"{n_against[i_place]} of {n_repeats} cross-validations say {_NAMES[1 - label]}"
        )
    return reasons
