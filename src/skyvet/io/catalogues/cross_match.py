"""Cross-match: the nearest counterpart within a radius, never just any."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.io.catalogues.configs import CATALOGUES, CrossMatchConfig
from skyvet.io.catalogues.rows import CatalogueRows, RegionService, rows_near
from skyvet.io.catalogues.sky_index import SkyIndex
from skyvet.records.light_curve_batch import LightCurveBatch

__all__ = ["match_catalogue", "match_rows", "with_catalogue"]


def match_catalogue(
    ra_deg: FloatArray,
    dec_deg: FloatArray,
    config: CrossMatchConfig,
    *,
    service: RegionService | None = None,
) -> dict[str, NDArray[Any]]:
    """Return the columns of the nearest counterpart of each position.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
        Positions [deg, ICRS]; NaN has no counterpart. Proper motion is not applied: a star that
        moves by more than the radius between the two epochs is not found.
    config : CrossMatchConfig
        Catalogue, radius, and the file where it is at hand.
    service : RegionService, optional
        Asked in place of VizieR.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        ``<catalogue>___id`` (text; empty = no counterpart), ``<catalogue>__separation_arcsec``
        and ``<catalogue>__<column>``, NaN or empty = missing.

    Raises
    ------
    InvalidInputError, DatasetError, ArchiveError
        As `skyvet.io.catalogues.rows.rows_near`.
    """
    ra, dec = np.asarray(ra_deg, np.float64), np.asarray(dec_deg, np.float64)
    rows = rows_near(ra, dec, config, service=service)
    return match_rows(ra, dec, rows, config=config)


def match_rows(
    ra_deg: FloatArray, dec_deg: FloatArray, rows: CatalogueRows, *, config: CrossMatchConfig
) -> dict[str, NDArray[Any]]:
    """Return the same of rows at hand.

    Examples
    --------
    >>> rows = CatalogueRows(
    ...     ids=np.array(["far", "near"]), ra_deg=np.array([10.0004, 10.0001]),
    ...     dec_deg=np.zeros(2), columns={"parallax": np.array([1.0, 2.0])})
    >>> found = match_rows(np.array([10.0]), np.zeros(1), rows, config=CrossMatchConfig())
    >>> found["Gaia_EDR3___id"].tolist(), found["Gaia_EDR3__parallax"].tolist()
    (['near'], [2.0])
    """
    title = CATALOGUES[config.catalogue].title
    index = SkyIndex(rows.ra_deg, rows.dec_deg)
    found, separation = index.nearest(ra_deg, dec_deg, radius_arcsec=config.radius_arcsec)
    matched = {
        f"{title}___id": _picked(rows.ids, found),
        f"{title}__separation_arcsec": separation,
    }
    for name, values in rows.columns.items():
        matched[f"{title}__{name}"] = _picked(values, found)
    return matched


def with_catalogue(
    batch: LightCurveBatch, config: CrossMatchConfig, *, service: RegionService | None = None
) -> LightCurveBatch:
    """Return a batch with the columns of a catalogue; see `match_catalogue`."""
    assert batch.ra_deg is not None
    assert batch.dec_deg is not None
    matched = match_catalogue(batch.ra_deg, batch.dec_deg, config, service=service)
    return replace(batch, columns={**batch.columns, **matched})


def _picked(values: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Return values of rows; NaN or empty where the row is -1."""
    missing: Any = np.nan if values.dtype.kind == "f" else ""
    if not len(values):
        return np.full(len(rows), missing, dtype=values.dtype)
    return np.asarray(np.where(rows >= 0, values[rows], missing))
