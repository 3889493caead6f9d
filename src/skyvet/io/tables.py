"""Records to Parquet tables and back: the columns that every table of skyvet shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from skyvet.core.errors import DatasetError
from skyvet.core.photometry import flux_njy_to_magnitude
from skyvet.records.candidate import Candidate
from skyvet.records.identifiers import Identifier
from skyvet.records.rejections import Rejection

__all__ = [
    "FEATURE_PREFIX",
    "candidates_table",
    "concat_tables",
    "identifier_array",
    "rejections_table",
]

_IDENTIFIERS = ("candidate_id", "object_id", "source_id")
FEATURE_PREFIX = "feature."
"""Column names of scalar features are this and the adapter's name for it."""


def identifier_array(identifiers: Sequence[Identifier | None]) -> pa.Array:
    """Return identifiers as int64 where all are integers, else as text.

    Identifiers never pass through a float. A mixture of surveys becomes text.

    Examples
    --------
    >>> identifier_array([1095578115815010002]).type
    DataType(int64)
    >>> identifier_array([1, "a"]).to_pylist()
    ['1', 'a']
    """
    if all(isinstance(value, int) or value is None for value in identifiers):
        return pa.array(identifiers, type=pa.int64())
    return pa.array([None if v is None else str(v) for v in identifiers], type=pa.string())


def rejections_table(rejections: Sequence[Rejection]) -> pa.Table:
    """Return one row a rejection: source, survey, candidate_id, reason, detail."""
    return pa.table(
        {
            "source": pa.array([r.source for r in rejections], pa.string()),
            "survey": pa.array([r.survey for r in rejections], pa.string()),
            "candidate_id": identifier_array([r.candidate_id for r in rejections]),
            "reason": pa.array([r.reason.value for r in rejections], pa.string()),
            "detail": pa.array([r.detail for r in rejections], pa.string()),
        }
    )


def candidates_table(candidates: Sequence[Candidate], sources: Sequence[str]) -> pa.Table:
    """Return one row a candidate, without its images and history.

    Parameters
    ----------
    candidates : sequence of Candidate
        Any surveys.
    sources : sequence of str
        Where each came from.

    Returns
    -------
    Table
        Identity, time, position, brightness (flux [nJy], AB magnitude), S/N, distance to the
        detector's edge [pixels], flags, the survey's own score, and ``feature.<name>`` columns.
    """
    columns: dict[str, pa.Array] = {
        "survey": pa.array([c.survey for c in candidates], pa.string()),
        "candidate_id": identifier_array([c.candidate_id for c in candidates]),
        "object_id": identifier_array([c.object_id for c in candidates]),
    }
    for name in ("mjd_tai", "ra_deg", "dec_deg", "flux_njy", "flux_err_njy"):
        columns[name] = pa.array([getattr(c, name) for c in candidates], pa.float64())
    flux = np.array([c.flux_njy for c in candidates], dtype=np.float64)
    columns["magnitude"] = pa.array(flux_njy_to_magnitude(flux).astype(np.float32))
    for name in ("snr", "edge_distance_px", "survey_score"):
        columns[name] = pa.array([getattr(c, name) for c in candidates], pa.float32())
    columns["flags"] = pa.array([int(c.flags) for c in candidates], pa.int32())
    for name in ("band", "survey_score_version"):
        columns[name] = pa.array([getattr(c, name) for c in candidates], pa.string())
    columns["source"] = pa.array(sources, pa.string())
    for name in sorted({name for c in candidates for name in c.features}):
        values = [c.features.get(name, math.nan) for c in candidates]
        columns[FEATURE_PREFIX + name] = pa.array(values, pa.float32())
    return pa.table(columns)


def concat_tables(tables: Sequence[pa.Table]) -> pa.Table:
    """Join tables whose identifier columns may differ in type and whose features may differ.

    Parameters
    ----------
    tables : sequence of Table
        Parts of one dataset or score run.

    Returns
    -------
    Table
        Columns that a part lacks are null there; an identifier column that is text in one part
        is text in all. Empty without columns for no part.

    Raises
    ------
    DatasetError
        If one column has types that cannot be joined.
    """
    tables = [table for table in tables if table.num_columns]
    if not tables:
        return pa.table({})
    names = [name for name in _IDENTIFIERS if name in tables[0].column_names]
    for name in names:
        if any(pa.types.is_string(t.schema.field(name).type) for t in tables):
            tables = [_as_text(table, name) for table in tables]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DatasetError(f"parts do not fit together: {error}") from error


def _as_text(table: pa.Table, name: str) -> pa.Table:
    index = table.column_names.index(name)
    column: Any = table[name].cast(pa.string())
    return table.set_column(index, name, column)
