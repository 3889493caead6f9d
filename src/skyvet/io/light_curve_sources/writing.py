"""Batches of light curves to one Parquet file: one row a source, its epochs in lists.

The columns are those of `skyvet.io.light_curve_tables`, with ``source_id`` in the survey's own
type, ``dec_deg``, and whatever a batch carries; `open_light_curves` reads it without being told.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import DatasetError
from skyvet.core.files import atomic_path
from skyvet.io.tables import identifier_array
from skyvet.records.light_curve_batch import LightCurveBatch

__all__ = ["light_curves_table", "write_light_curve_batches"]


def light_curves_table(batch: LightCurveBatch) -> pa.Table:
    """Return a batch as columns.

    Examples
    --------
    >>> batch = LightCurveBatch(
    ...     source_ids=np.array([7]), offsets=np.array([0, 2]), mjd_tai=np.array([1.0, 2.0]),
    ...     flux_njy=np.ones(2), flux_err_njy=np.ones(2), band=np.zeros(2), bands=("r",))
    >>> light_curves_table(batch)["band"].to_pylist()
    [['r', 'r']]
    """
    offsets = pa.array(batch.offsets, pa.int64())
    bands = pa.DictionaryArray.from_arrays(pa.array(batch.band), pa.array(batch.bands, pa.string()))
    epochs = {
        "mjd_tai": pa.array(batch.mjd_tai),
        "flux_njy": pa.array(batch.flux_njy, from_pandas=True),
        "flux_err_njy": pa.array(batch.flux_err_njy, from_pandas=True),
        "band": bands.dictionary_decode(),
        "is_upper_limit": pa.array(batch.is_upper_limit),
    }
    columns = {
        "source_id": identifier_array(batch.source_ids.tolist()),
        "survey": pa.array([batch.survey] * len(batch), pa.string()),
        "ra_deg": pa.array(batch.ra_deg, from_pandas=True),
        "dec_deg": pa.array(batch.dec_deg, from_pandas=True),
        "is_difference": pa.array(np.full(len(batch), batch.is_difference)),
        "n_epochs": pa.array(batch.n_epochs),
        **{name: pa.LargeListArray.from_arrays(offsets, flat) for name, flat in epochs.items()},
    }
    for name, values in batch.columns.items():
        if name not in columns:
            columns[name] = pa.array(values.tolist() if values.dtype.kind in "OU" else values)
    return pa.table(columns)


def write_light_curve_batches(path: Path, batches: Iterable[LightCurveBatch]) -> int:
    """Write batches one after the other, a row group each; the file is whole or absent.

    Parameters
    ----------
    path : Path
        Parquet file; an old one is replaced only on success.
    batches : iterable of LightCurveBatch
        Of the same columns; taken one by one, so that memory holds one.

    Returns
    -------
    int
        Number of sources.

    Raises
    ------
    DatasetError
        If there is no batch, the batches differ in their columns, or the file cannot be written.
    """
    given = iter(batches)
    first = next(given, None)
    if first is None:
        raise DatasetError(f"there are no light curves to write to {path}")
    table = light_curves_table(first)
    n_sources = 0
    with (
        atomic_path(path) as draft,
        pq.ParquetWriter(draft, table.schema, compression="zstd") as writer,
    ):
        while True:
            try:
                writer.write_table(table.cast(writer.schema))
            except (ValueError, pa.ArrowException) as error:
                raise DatasetError(f"batches for {path} differ: {error}") from error
            n_sources += int(table.num_rows)
            following = next(given, None)
            if following is None:
                return n_sources
            table = light_curves_table(following)
