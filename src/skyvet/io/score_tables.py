"""Score tables: one row a candidate, and in the file's metadata how they were made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import InvalidInputError

__all__ = ["ScoreTable", "read_scores", "score_metadata"]

_KEY = b"skyvet"
_NEEDED = ("candidate_id", "score")
_NUMBERS = ("score", "snr", "survey_score", "flags", "magnitude", "edge_distance_px")

_IDENTIFIER_TESTS = (
    pa.types.is_integer,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_null,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreTable:
    """A score table that was read.

    Parameters
    ----------
    rows : Table
        One row a candidate.
    threshold : float or None
        Score from which on the run called REAL; None where the file does not say.
    settings : mapping
        What else the run wrote down: bundle, prior, error level.
    """

    rows: pa.Table
    threshold: float | None
    settings: Mapping[str, Any]


def score_metadata(settings: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Return schema metadata that `read_scores` finds again."""
    return {_KEY: json.dumps(dict(settings), sort_keys=True).encode()}


def read_scores(path: Path) -> ScoreTable:
    """Read a score table (Parquet).

    Raises
    ------
    InvalidInputError
        If the file is missing, is no Parquet file, lacks ``candidate_id`` or ``score``, or names
        a candidate of a survey more than once.
    """
    try:
        rows = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InvalidInputError(f"{path} cannot be read as a score table: {error}") from error
    missing = [name for name in _NEEDED if name not in rows.column_names]
    if missing:
        raise InvalidInputError(
            f"{path} is no score table: it has no column {', '.join(missing)}; "
            "make one with: skyvet score"
        )
    for name in _NUMBERS:
        if name in rows.column_names and not _is_number(rows.schema.field(name).type):
            raise InvalidInputError(f"column {name!r} of {path} must hold numbers")
    _check_identifiers(rows, path)
    settings = _settings(rows, path)
    return ScoreTable(rows=rows, threshold=settings.get("threshold"), settings=settings)


def _check_identifiers(rows: pa.Table, path: Path) -> None:
    """Refuse tables that count a candidate twice."""
    kind = rows.schema.field("candidate_id").type
    if not any(test(kind) for test in _IDENTIFIER_TESTS):
        raise InvalidInputError(f"candidate_id in {path} must be whole numbers or text")
    keys = [name for name in ("candidate_id", "survey") if name in rows.column_names]
    counts = rows.select(keys).group_by(keys).aggregate([([], "count_all")])
    n_repeated = rows.num_rows - counts.num_rows
    if n_repeated:
        often = counts.sort_by([("count_all", "descending")])
        raise InvalidInputError(
            f"{n_repeated} of the {rows.num_rows} rows of {path} name a candidate that another row "
            f"names too, such as {often['candidate_id'][0].as_py()!r}; keep one row a candidate"
        )


def _is_number(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_null)
    return any(bool(test(kind)) for test in tests)


def _settings(rows: pa.Table, path: Path) -> dict[str, Any]:
    """Return what the run wrote into the file's metadata."""
    try:
        settings = json.loads((rows.schema.metadata or {}).get(_KEY, b"{}"))
        threshold = settings.get("threshold")
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"threshold {threshold}")
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"the metadata of {path} cannot be understood: {error}") from error
    return dict(settings)
