"""Rows of a catalogue around positions: from a file, block by block, or from VizieR."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import ArchiveError, DatasetError, InvalidInputError
from skyvet.core.optional import require
from skyvet.io.catalogues.configs import CATALOGUES, Catalogue, CrossMatchConfig
from skyvet.io.catalogues.sky_index import SkyIndex
from skyvet.io.light_curve_sources.blocks import BLOCK_ERRORS, blocks_of, iter_block, schema_of

__all__ = ["CatalogueRows", "RegionService", "rows_near"]

_N_SHOWN = 30


class RegionService(Protocol):
    """What answers for the sky around positions; ``astroquery.vizier.Vizier`` does."""

    def query_region(self, coordinates: Any, *, radius: Any, catalog: str) -> Sequence[Any]:  # noqa: ANN401
        """Return tables of the rows within a radius of any of the coordinates."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CatalogueRows:
    """Rows of a catalogue.

    Parameters
    ----------
    ids : ndarray, shape (n,), str
        Identifiers; whole numbers are written out.
    ra_deg, dec_deg : ndarray, shape (n,), float64
        Positions [deg].
    columns : mapping of str to ndarray, shape (n,)
        By the catalogue's names; NaN or empty = missing.
    """

    ids: NDArray[np.str_]
    ra_deg: FloatArray
    dec_deg: FloatArray
    columns: Mapping[str, NDArray[Any]]

    def take(self, rows: NDArray[Any]) -> CatalogueRows:
        """Return some rows."""
        return CatalogueRows(
            ids=self.ids[rows],
            ra_deg=self.ra_deg[rows],
            dec_deg=self.dec_deg[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
        )


def rows_near(
    ra_deg: FloatArray,
    dec_deg: FloatArray,
    config: CrossMatchConfig,
    *,
    service: RegionService | None = None,
    is_wanted: Callable[[CatalogueRows], NDArray[np.bool_]] | None = None,
) -> CatalogueRows:
    """Return the rows of a catalogue within a radius of any of the positions.

    A file is gone through block by block, so that memory holds one block and what was found.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
        Positions [deg]; NaN finds nothing.
    config : CrossMatchConfig
        Catalogue, radius and file.
    service : RegionService, optional
        Asked in place of VizieR.
    is_wanted : callable, optional
        Which rows are kept at all, shape (n,) of some rows.

    Raises
    ------
    InvalidInputError
        If the file lacks identifiers or positions.
    DatasetError
        If the file cannot be read.
    ArchiveError
        If VizieR does not answer.
    """
    catalogue = CATALOGUES[config.catalogue]
    tables = (
        _of_file(config.path, catalogue)
        if config.path
        else _of_vizier(ra_deg, dec_deg, config, service=service)
    )
    places = SkyIndex(ra_deg, dec_deg)
    found = []
    for table in tables:
        rows = _rows(table, catalogue)
        near, _ = places.nearest(rows.ra_deg, rows.dec_deg, radius_arcsec=config.radius_arcsec)
        is_kept = near >= 0 if is_wanted is None else (near >= 0) & is_wanted(rows)
        found.append(rows.take(np.flatnonzero(is_kept)))
    return _once_each(found, catalogue)


def _of_file(path: str, catalogue: Catalogue) -> Iterator[Mapping[str, Any]]:
    """Yield the file's columns of interest, block by block."""
    try:
        blocks = blocks_of(path)
        if not blocks:
            return
        places = _places(schema_of(blocks[0]).names, catalogue, path)
        for block in blocks:
            for table in iter_block(block, [*places.values()]):
                yield {ours: _plain(table[theirs]) for ours, theirs in places.items()}
    except BLOCK_ERRORS as error:
        raise DatasetError(f"{path} cannot be read as a catalogue: {error}") from error


def _of_vizier(
    ra_deg: FloatArray,
    dec_deg: FloatArray,
    config: CrossMatchConfig,
    *,
    service: RegionService | None,
) -> Iterator[Mapping[str, Any]]:
    """Yield answers of VizieR, some hundred positions at a time."""
    units = require("astropy.units", extra="fetch")
    coordinates = require("astropy.coordinates", extra="fetch")
    catalogue = CATALOGUES[config.catalogue]
    asked = service
    if asked is None:
        vizier = require("astroquery.vizier", extra="fetch")
        asked = vizier.Vizier(columns=list(catalogue.vizier_columns), row_limit=-1)
    is_place = np.isfinite(ra_deg) & np.isfinite(dec_deg)
    rows = np.flatnonzero(is_place)
    for start in range(0, len(rows), config.batch_size):
        some = rows[start : start + config.batch_size]
        sky = coordinates.SkyCoord(ra_deg[some], dec_deg[some], unit="deg")
        radius = config.radius_arcsec * units.arcsec
        try:
            tables = asked.query_region(sky, radius=radius, catalog=catalogue.vizier)
        except (OSError, ValueError, RuntimeError) as error:
            raise ArchiveError(
                f"VizieR gave no answer for {catalogue.vizier}: {error}; try again later, or give "
                "a file of the catalogue (path)"
            ) from error
        for table in tables:
            places = _places(table.colnames, catalogue, catalogue.vizier)
            yield {ours: _masked(table[theirs]) for ours, theirs in places.items()}


def _places(names: Sequence[str], catalogue: Catalogue, where: str) -> dict[str, str]:
    """Return our name of each column to theirs; identifiers and positions must be there."""
    by_name = {name.lower(): name for name in reversed(names)}
    prefix = f"{catalogue.title}__".lower()
    wanted = {
        "_id": catalogue.id_names,
        "_ra": catalogue.ra_names,
        "_dec": catalogue.dec_names,
        **catalogue.columns,
    }
    found = {}
    for ours, theirs in wanted.items():
        candidates = [*theirs, *(prefix + name for name in theirs)]
        for name in candidates:
            if name in by_name:
                found[ours] = by_name[name]
                break
    if not {"_id", "_ra", "_dec"} <= set(found):
        shown = ", ".join(names[:_N_SHOWN])
        raise InvalidInputError(
            f"{where} is no table of {catalogue.title}: it needs an identifier "
            f"({', '.join(catalogue.id_names[:2])}) and a position "
            f"({catalogue.ra_names[0]}, {catalogue.dec_names[0]}); its columns are {shown}"
        )
    return found


def _plain(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return whole numbers and text as text, other numbers as float64."""
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    return np.array(["" if v is None else str(v) for v in column.to_pylist()], dtype=np.str_)


def _masked(column: Any) -> NDArray[Any]:  # noqa: ANN401 - column of Astropy
    """Return a column of an Astropy table; masked values are missing."""
    mask = np.asarray(getattr(column, "mask", np.zeros(len(column), dtype=bool)))
    values = np.asarray(column)
    if values.dtype.kind == "f":
        return np.where(mask, np.nan, values.astype(np.float64))
    texts = [
        "" if gone else (v.decode() if isinstance(v, bytes) else str(v))
        for v, gone in zip(values.tolist(), np.broadcast_to(mask, values.shape), strict=True)
    ]
    return np.array(texts, dtype=np.str_)


def _rows(table: Mapping[str, NDArray[Any]], catalogue: Catalogue) -> CatalogueRows:
    n_rows = len(table["_id"])
    columns = {
        name: _as_kind(table[name], name) if name in table else _absent(name, n_rows)
        for name in catalogue.columns
    }
    return CatalogueRows(
        ids=np.asarray(table["_id"]).astype(np.str_),
        ra_deg=_as_number(table["_ra"]),
        dec_deg=_as_number(table["_dec"]),
        columns=columns,
    )


_TEXT_COLUMNS = frozenset({"ph_qual"})


def _as_kind(values: NDArray[Any], name: str) -> NDArray[Any]:
    return values.astype(np.str_) if name in _TEXT_COLUMNS else _as_number(values)


def _as_number(values: NDArray[Any]) -> FloatArray:
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    texts = np.where(values == "", "nan", values)
    return np.array([_number_of(text) for text in texts.tolist()], dtype=np.float64)


def _number_of(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _absent(name: str, n_rows: int) -> NDArray[Any]:
    return np.full(n_rows, "", dtype=np.str_) if name in _TEXT_COLUMNS else np.full(n_rows, np.nan)


def _once_each(found: Sequence[CatalogueRows], catalogue: Catalogue) -> CatalogueRows:
    """Return all rows, each identifier once: answers to near positions overlap."""
    empty = {name: _absent(name, 0) for name in catalogue.columns}
    if not found:
        nothing = np.empty(0)
        return CatalogueRows(
            ids=np.empty(0, dtype=np.str_), ra_deg=nothing, dec_deg=nothing, columns=empty
        )
    ids = np.concatenate([rows.ids for rows in found])
    _, first = np.unique(ids, return_index=True)
    joined = CatalogueRows(
        ids=ids,
        ra_deg=np.concatenate([rows.ra_deg for rows in found]),
        dec_deg=np.concatenate([rows.dec_deg for rows in found]),
        columns={name: np.concatenate([rows.columns[name] for rows in found]) for name in empty},
    )
    return joined.take(np.sort(first))
