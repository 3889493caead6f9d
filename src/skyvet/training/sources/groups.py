"""What stays whole when rows of sources are split: the source, its neighbourhood, a sky block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.records.feature_table import FeatureTable
from skyvet.training.sources.configs import SourceSplitConfig

__all__ = ["join_near_rows", "sky_blocks", "source_groups"]

_POSITION = ("ra_deg", "dec_deg")


def source_groups(table: FeatureTable, config: SourceSplitConfig) -> NDArray[np.int64]:
    """Return the group of each row; a split never parts one.

    Rows of one identifier are one group. So are rows that lie nearer than
    ``same_source_arcsec``: catalogues list one star once a band, field and read-out channel.
    With sky blocks, all groups that begin in one block are one.

    Parameters
    ----------
    table : FeatureTable
        Rows; positions are its columns ``ra_deg`` and ``dec_deg`` [deg]. Without them rows are
        joined by identifier alone.
    config : SourceSplitConfig
        What is kept whole.

    Returns
    -------
    ndarray, shape (n,), int64
        Numbers from 0.

    Raises
    ------
    InvalidInputError
        If the group column is not there, or sky blocks are asked for without positions.
    """
    names: NDArray[Any] = table.source_ids
    if config.group_column:
        if config.group_column not in table.columns:
            raise InvalidInputError(
                f"there is no column {config.group_column!r} to group rows by; the table has "
                f"{', '.join(table.columns) or 'none besides features'}"
            )
        names = table.columns[config.group_column]
    _, groups = np.unique(names, return_inverse=True)
    has_position = all(name in table.columns for name in _POSITION)
    if config.sky_block_deg and not has_position:
        raise InvalidInputError("sky blocks need the columns ra_deg and dec_deg in the table")
    if not has_position:
        return groups.astype(np.int64)
    ra, dec = (np.asarray(table.columns[name], dtype=np.float64) for name in _POSITION)
    if config.same_source_arcsec:
        groups = join_near_rows(groups, ra, dec, radius_arcsec=config.same_source_arcsec)
    if config.sky_block_deg:
        groups = _whole_blocks(groups, sky_blocks(ra, dec, block_deg=config.sky_block_deg))
    return groups.astype(np.int64)


def join_near_rows(
    groups: IntArray, ra_deg: FloatArray, dec_deg: FloatArray, *, radius_arcsec: float
) -> NDArray[np.int64]:
    """Join groups that have rows close to each other on the sky, and those joined to these.

    Parameters
    ----------
    groups : ndarray, shape (n,), int
        Numbers from 0.
    ra_deg, dec_deg : ndarray, shape (n,)
        Positions [deg]; NaN = unknown, joined to none.
    radius_arcsec : float
        Largest distance [arcsec].

    Returns
    -------
    ndarray, shape (n,), int64
        Numbers from 0.

    Examples
    --------
    >>> ra = np.array([359.9999, 0.0001, 5.0])
    >>> join_near_rows(np.arange(3), ra, np.zeros(3), radius_arcsec=1.0).tolist()
    [0, 0, 1]
    """
    n_groups = int(groups.max()) + 1 if len(groups) else 0
    rows = np.flatnonzero(np.isfinite(ra_deg) & np.isfinite(dec_deg))
    if not len(rows):
        return groups.astype(np.int64)
    tree = cKDTree(_unit_vectors(ra_deg[rows], dec_deg[rows]))
    chord = 2.0 * np.sin(np.deg2rad(radius_arcsec / 3600.0) / 2.0)
    pairs = groups[rows[tree.query_pairs(chord, output_type="ndarray")]]
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n_groups, n_groups))
    _, part = connected_components(links, directed=False)
    return np.asarray(part[groups], dtype=np.int64)


def sky_blocks(ra_deg: FloatArray, dec_deg: FloatArray, *, block_deg: float) -> NDArray[np.int64]:
    """Return the cell of each position on a grid of cells of exactly one area.

    Rings of declination are cut into as many cells as their girth allows, and their heights are
    such that every cell covers the same part of the sky: about ``block_deg`` squared.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
        Positions [deg]; an unknown one (NaN) gets cell -1.
    block_deg : float
        Side of a cell, in (0, 90] [deg].

    Returns
    -------
    ndarray, shape (n,), int64

    Examples
    --------
    >>> sky_blocks(np.array([0.1, 359.9, 1.0]), np.array([1.0, 1.0, 2.0]), block_deg=10.0).tolist()
    [206, 241, 206]
    """
    if not 0 < block_deg <= 90:
        raise InvalidInputError(f"block_deg must lie in (0, 90], got {block_deg}")
    n_rings = max(round(180.0 / block_deg), 2)
    middle = np.deg2rad(-90.0 + (np.arange(n_rings) + 0.5) * 180.0 / n_rings)
    n_cells = np.maximum(np.rint(360.0 * np.cos(middle) / block_deg), 1).astype(np.int64)
    edges = np.concatenate([[0.0], np.cumsum(n_cells)]) / n_cells.sum() * 2.0 - 1.0
    is_known = np.isfinite(ra_deg) & np.isfinite(dec_deg)
    height = np.sin(np.deg2rad(np.where(is_known, dec_deg, 0.0)))
    ring = np.clip(np.searchsorted(edges, height, side="right") - 1, 0, n_rings - 1)
    turn = (np.where(is_known, ra_deg, 0.0) % 360.0) / 360.0
    cell = np.minimum((turn * n_cells[ring]).astype(np.int64), n_cells[ring] - 1)
    first = np.concatenate([[0], np.cumsum(n_cells)])
    return np.where(is_known, first[ring] + cell, -1)


def _whole_blocks(groups: IntArray, blocks: IntArray) -> NDArray[np.int64]:
    """Put each group into the block of its first row; groups of no block stay by themselves."""
    _, first = np.unique(groups, return_index=True)
    block = blocks[first]
    alone = block.max(initial=0) + 1 + np.arange(len(first))
    return np.asarray(np.where(block >= 0, block, alone)[groups], dtype=np.int64)


def _unit_vectors(ra_deg: FloatArray, dec_deg: FloatArray) -> FloatArray:
    ra, dec = np.deg2rad(ra_deg), np.deg2rad(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
