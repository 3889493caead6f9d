"""Tables of light curves: Parquet, one row an object, its epochs in lists.

Columns: ``object_id`` (text), ``survey``, ``ra_deg``, ``is_difference``, ``n_epochs``; lists of
one length a row: ``mjd_tai`` (float64, [d, TAI]), ``flux_njy``, ``flux_err_njy`` (float64, signed
[nJy]), ``band`` (text), ``is_upper_limit``; and the truth where it is known: ``class_name``,
``period_d`` [d], ``amplitude_mag`` [mag], ``parameters`` (JSON object), null where not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import DatasetError
from skyvet.core.files import atomic_path
from skyvet.records.light_curve import LightCurve

__all__ = ["LIGHT_CURVE_SCHEMA", "LightCurveRow", "read_light_curves", "write_light_curves"]

_ROWS_PER_GROUP = 1000

LIGHT_CURVE_SCHEMA = pa.schema(
    [
        ("object_id", pa.string()),
        ("survey", pa.string()),
        ("ra_deg", pa.float64()),
        ("is_difference", pa.bool_()),
        ("n_epochs", pa.int32()),
        ("mjd_tai", pa.list_(pa.float64())),
        ("flux_njy", pa.list_(pa.float64())),
        ("flux_err_njy", pa.list_(pa.float64())),
        ("band", pa.list_(pa.string())),
        ("is_upper_limit", pa.list_(pa.bool_())),
        ("class_name", pa.string()),
        ("period_d", pa.float64()),
        ("amplitude_mag", pa.float64()),
        ("parameters", pa.string()),
    ]
)
"""Types of the columns."""

_EPOCH_COLUMNS = ("mjd_tai", "flux_njy", "flux_err_njy", "band", "is_upper_limit")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LightCurveRow:
    """One object of the table.

    Parameters
    ----------
    object_id : str
        Identifier; integers are written as text.
    light_curve : LightCurve
        Its epochs.
    survey : str
        Survey; empty where unknown.
    ra_deg : float
        Right ascension [deg]; NaN where unknown.
    class_name : str
        True class; empty where unknown.
    period_d, amplitude_mag : float
        True period [d] and amplitude [mag]; NaN where unknown or meaningless.
    parameters : mapping of str to float
        Further truth.
    """

    object_id: str
    light_curve: LightCurve
    survey: str = ""
    ra_deg: float = math.nan
    class_name: str = ""
    period_d: float = math.nan
    amplitude_mag: float = math.nan
    parameters: Mapping[str, float] = field(default_factory=dict)


def write_light_curves(path: Path, rows: Iterable[LightCurveRow]) -> int:
    """Write a table row group by row group; the file is whole or absent.

    Parameters
    ----------
    path : Path
        Parquet file; an old one is replaced only on success.
    rows : iterable of LightCurveRow
        Taken one by one: memory holds one row group of 1000 objects.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    DatasetError
        If the file cannot be written.
    """
    iterator = iter(rows)
    n_rows = 0
    with (
        atomic_path(path) as draft,
        pq.ParquetWriter(draft, LIGHT_CURVE_SCHEMA, compression="zstd") as writer,
    ):
        while group := list(islice(iterator, _ROWS_PER_GROUP)):
            documents = [_to_document(row) for row in group]
            writer.write_table(pa.Table.from_pylist(documents, schema=LIGHT_CURVE_SCHEMA))
            n_rows += len(group)
    return n_rows


def read_light_curves(path: Path) -> Iterator[LightCurveRow]:
    """Yield the objects of a table in order.

    Raises
    ------
    DatasetError
        If the file is missing, damaged or lacks a column.
    """
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f"{path} is no light-curve table: {error}") from error
    missing = set(LIGHT_CURVE_SCHEMA.names) - set(file.schema_arrow.names)
    if missing:
        raise DatasetError(f"{path} is no light-curve table: it lacks {', '.join(sorted(missing))}")
    with file:
        for batch in file.iter_batches(batch_size=_ROWS_PER_GROUP):
            columns = {name: batch.column(name) for name in LIGHT_CURVE_SCHEMA.names}
            for i_row in range(batch.num_rows):
                yield _from_columns(columns, i_row)


def _to_document(row: LightCurveRow) -> dict[str, Any]:
    curve = row.light_curve
    finite = {k: v if math.isfinite(v) else None for k, v in row.parameters.items()}
    return {
        "object_id": str(row.object_id),
        "survey": row.survey,
        "ra_deg": row.ra_deg,
        "is_difference": curve.is_difference,
        "n_epochs": len(curve),
        **{name: getattr(curve, name) for name in _EPOCH_COLUMNS},
        "class_name": row.class_name or None,
        "period_d": row.period_d,
        "amplitude_mag": row.amplitude_mag,
        "parameters": json.dumps(finite, sort_keys=True),
    }


def _from_columns(columns: Mapping[str, Any], i_row: int) -> LightCurveRow:
    def scalar(name: str) -> Any:  # noqa: ANN401 - any scalar of the row
        return columns[name][i_row].as_py()

    epochs = {
        name: columns[name][i_row].values.to_numpy(zero_copy_only=False) for name in _EPOCH_COLUMNS
    }
    epochs["band"] = epochs["band"].astype(np.str_)
    parameters = json.loads(scalar("parameters"))
    return LightCurveRow(
        object_id=scalar("object_id"),
        light_curve=LightCurve(is_difference=scalar("is_difference"), **epochs),
        survey=scalar("survey"),
        ra_deg=scalar("ra_deg"),
        class_name=scalar("class_name") or "",
        period_d=scalar("period_d"),
        amplitude_mag=scalar("amplitude_mag"),
        parameters={k: math.nan if v is None else v for k, v in parameters.items()},
    )
