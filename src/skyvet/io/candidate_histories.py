"""Earlier epochs of candidates as a table: one row a candidate, its epochs in lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import DatasetError
from skyvet.io.tables import identifier_array
from skyvet.records.candidate import Candidate
from skyvet.records.light_curve import LightCurve

__all__ = ["CandidateHistories", "candidate_histories_table", "read_candidate_histories"]

_EPOCHS = {
    "mjd_tai": pa.float64(),
    "flux_njy": pa.float64(),
    "flux_err_njy": pa.float64(),
    "band": pa.string(),
    "is_upper_limit": pa.bool_(),
}


def candidate_histories_table(candidates: Sequence[Candidate]) -> pa.Table:
    """Return the histories of candidates, in their order.

    Parameters
    ----------
    candidates : sequence of Candidate
        With or without a history.

    Returns
    -------
    Table
        ``survey``, ``candidate_id``, ``is_difference`` (null where there is no history) and the
        lists ``mjd_tai`` [d, TAI], ``flux_njy``, ``flux_err_njy`` [nJy], ``band``,
        ``is_upper_limit``, of one length a row.

    Examples
    --------
    >>> bare = Candidate(survey="ztf", candidate_id=1, object_id="a", mjd_tai=60000.0)
    >>> candidate_histories_table([bare])["mjd_tai"].to_pylist()
    [None]
    """
    histories = [candidate.history for candidate in candidates]
    columns = {
        "survey": pa.array([candidate.survey for candidate in candidates], pa.string()),
        "candidate_id": identifier_array([candidate.candidate_id for candidate in candidates]),
        "is_difference": pa.array(
            [None if history is None else history.is_difference for history in histories],
            pa.bool_(),
        ),
    }
    for name, kind in _EPOCHS.items():
        lists = [None if epochs is None else getattr(epochs, name).tolist() for epochs in histories]
        columns[name] = pa.array(lists, pa.list_(kind))
    return pa.table(columns)


class CandidateHistories:
    """The histories of one part, by row.

    Parameters
    ----------
    table : Table
        From `candidate_histories_table`.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __len__(self) -> int:
        """Return the number of candidates."""
        return int(self._table.num_rows)

    def __getitem__(self, row: int) -> LightCurve | None:
        """Return one candidate's history; None where it had none."""
        is_difference = self._table["is_difference"][row].as_py()
        if is_difference is None:
            return None
        epochs = {
            name: np.asarray(self._table[name][row].values.to_numpy(zero_copy_only=False))
            for name in _EPOCHS
        }
        epochs["band"] = epochs["band"].astype(np.str_)
        return LightCurve(is_difference=is_difference, **epochs)


def read_candidate_histories(path: Path) -> CandidateHistories | None:
    """Read the histories of one part; None where the part keeps none.

    Raises
    ------
    DatasetError
        If the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f"{path} is damaged: {error}; ingest again") from error
    missing = {"is_difference", *_EPOCHS} - set(table.column_names)
    if missing:
        raise DatasetError(f"{path} lacks {', '.join(sorted(missing))}; ingest again")
    return CandidateHistories(table)
