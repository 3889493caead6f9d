"""Truth tables of injected sources: Parquet, one row a synthetic candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import DatasetError
from skyvet.core.files import atomic_path
from skyvet.io.tables import identifier_array

__all__ = ["read_injection_truth", "write_injection_truth"]

_IDENTIFIERS = ("candidate_id", "object_id", "host_candidate_id", "host_object_id")
_NEEDED = ("candidate_id", "host_object_id", "snr")


def write_injection_truth(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what was injected, one mapping a row, all with equal keys.

    Identifiers keep their type; numbers are float64 or int64.

    Raises
    ------
    DatasetError
        If the file cannot be written.
    """
    names = list(rows[0]) if rows else list(_NEEDED)
    columns = {
        name: identifier_array([row[name] for row in rows])
        if name in _IDENTIFIERS
        else pa.array([row[name] for row in rows])
        for name in names
    }
    with atomic_path(path) as draft:
        pq.write_table(pa.table(columns), draft, compression="zstd")


def read_injection_truth(path: Path) -> pa.Table:
    """Read a truth table.

    Raises
    ------
    DatasetError
        If the file is missing, damaged or no truth table.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f"{path} is no table of injections: {error}") from error
    missing = [name for name in _NEEDED if name not in table.column_names]
    if missing:
        raise DatasetError(f"{path} is no table of injections: it lacks {', '.join(missing)}")
    return table
