"""Joined results as HATS catalogues: partitioned by place on the sky."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.core.optional import require

__all__ = ["write_hats_catalogue"]

_ROWS_PER_PIXEL = 100_000


def write_hats_catalogue(
    table: Path, out: Path, *, rows_per_pixel: int = _ROWS_PER_PIXEL
) -> tuple[int, int]:
    """Write a table with positions as a HATS catalogue, whole or not at all.

    The table is held in memory; for more than that, give the part files to ``hats-import``.

    Parameters
    ----------
    table : Path
        Parquet file with the columns ``ra_deg`` and ``dec_deg``.
    out : Path
        Folder of the catalogue; an older one is replaced on success.
    rows_per_pixel : int, default 100000
        Sources of one partition of the catalogue, at most.

    Returns
    -------
    n_placed, n_without : int
        Sources in the catalogue, and those that have no position.

    Raises
    ------
    InvalidInputError
        If no source has a position.
    DatasetError
        If it cannot be written.
    MissingDependencyError
        If LSDB is not installed.
    """
    lsdb = require("lsdb", extra="cluster")
    rows = pq.read_table(table)
    if not {"ra_deg", "dec_deg"} <= set(rows.column_names):
        raise InvalidInputError(f"{table} has no columns ra_deg and dec_deg for a HATS catalogue")
    is_placed = pc.and_kleene(pc.is_finite(rows["ra_deg"]), pc.is_finite(rows["dec_deg"]))
    placed = rows.filter(pc.fill_null(is_placed, fill_value=False))
    if not placed.num_rows:
        raise InvalidInputError(f"no source of {table} has a position; a HATS catalogue needs one")
    wrapped = np.mod(placed["ra_deg"].to_numpy(), 360.0)
    placed = placed.set_column(
        placed.column_names.index("ra_deg"), "ra_deg", pa.array(wrapped)
    ).replace_schema_metadata(None)
    draft = out.with_name(f".{out.name}.draft")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        catalogue = lsdb.from_dataframe(
            placed.to_pandas(types_mapper=_arrow_types()),
            ra_column="ra_deg",
            dec_column="dec_deg",
            catalog_name=out.parent.name or out.name,
            partition_rows=rows_per_pixel,
            margin_threshold=None,
        )
        catalogue.write_catalog(draft, as_collection=False, progress_bar=False)
        shutil.rmtree(out, ignore_errors=True)
        draft.rename(out)
    except OSError as error:
        raise DatasetError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return placed.num_rows, rows.num_rows - placed.num_rows


def _arrow_types() -> type:
    pandas = require("pandas", extra="cluster")
    arrow_types: type = pandas.ArrowDtype
    return arrow_types
