"""A list of the candidates that are to be labelled, in the order wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from skyvet.core.arrays import IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.services.labelling.shown import ShownObjects

__all__ = ["read_candidate_list"]

_ID_COLUMNS = ("candidate_id", "source_id")


def read_candidate_list(path: Path, candidates: ShownObjects) -> IntArray:
    """Read which candidates of a dataset are to be labelled, the first one first.

    Parameters
    ----------
    path : Path
        Parquet or CSV with a column ``candidate_id`` or ``source_id``, and ``survey`` where
        identifiers of several surveys are equal. The ``ask.parquet`` of ``skyvet rounds`` and what
        ``skyvet labels choose`` writes are such files.
    candidates : ShownObjects
        The dataset.

    Returns
    -------
    ndarray, shape (k,), intp
        Rows of the dataset, each once.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, lists nothing, or names what the dataset does not hold.
    """
    table = _read(path)
    ids = [str(value) for value in table["candidate_id"].to_pylist()]
    surveys = table["survey"].to_pylist() if "survey" in table.column_names else [None] * len(ids)
    rows_of: dict[tuple[str | None, str], list[int]] = {}
    for row, identifier in enumerate(candidates.candidate_ids):
        for survey in (None, candidates.surveys[row]):
            rows_of.setdefault((survey, str(identifier)), []).append(row)
    wanted = list(zip(surveys, ids, strict=True))
    unknown = [identifier for survey, identifier in wanted if (survey, identifier) not in rows_of]
    if not wanted:
        raise InvalidInputError(f"{path} lists no candidate")
    if unknown:
        raise InvalidInputError(
            f"{path} names {len(unknown)} candidates that {candidates.name} does not hold, "
            f"such as {unknown[0]}"
        )
    rows = dict.fromkeys(row for key in wanted for row in rows_of[key])
    return np.fromiter(rows, dtype=np.intp, count=len(rows))


def _read(path: Path) -> pa.Table:
    try:
        if path.suffix.lower() == ".csv":
            as_text = pacsv.ConvertOptions(column_types=dict.fromkeys(_ID_COLUMNS, pa.string()))
            table = pacsv.read_csv(path, convert_options=as_text)
        else:
            table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InvalidInputError(f"{path} cannot be read as a list: {error}") from error
    found = [name for name in _ID_COLUMNS if name in table.column_names]
    if not found:
        raise InvalidInputError(
            f"{path} has no column {' or '.join(_ID_COLUMNS)}; it cannot say what to label"
        )
    return table.rename_columns({found[0]: _ID_COLUMNS[0]})
