"""Which light curves belong to one source: by identifiers of catalogues, or by position.

Identifiers: a light curve belongs to the source of its first identifier (Gaia before AllWISE before
PS1). One that has only a later identifier joins the source that all light curves with it belong to;
if these are of several sources (one AllWISE detection of two Gaia stars), it stays alone.

Position: two light curves are one source if they are within the radius, and so is every other pair
of the source (complete linkage). A chain of neighbours, each near the next, is never drawn together
over more than the radius, and the result does not depend on the order of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.io.catalogues.sky_index import SkyIndex, separation_arcsec

__all__ = [
    "SourceGroups",
    "groups_by_ids",
    "groups_by_position",
    "join_lone_by_position",
    "numbered_groups",
]

_LARGEST_CLUMP = 3000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceGroups:
    """The source of each light curve.

    Parameters
    ----------
    group : ndarray, shape (n,), int64
        Number of the source, in the order of first rows: 0, 1, 2 ...
    has_id : ndarray, shape (n,), bool
        Whether an identifier of a catalogue was there.
    """

    group: IntArray
    has_id: NDArray[np.bool_]

    @property
    def n_groups(self) -> int:
        """Number of sources."""
        return int(self.group.max(initial=-1)) + 1


def groups_by_ids(columns: Sequence[NDArray[Any]], *, n_rows: int) -> SourceGroups:
    """Group light curves by identifiers of catalogues.

    Parameters
    ----------
    columns : sequence of ndarray, shape (n,), str
        Identifiers by catalogue, the most trusted first; empty = no counterpart.
    n_rows : int
        Number of light curves.

    Examples
    --------
    >>> gaia, allwise = np.array(["7", "7", "", ""]), np.array(["", "w", "w", ""])
    >>> groups_by_ids([gaia, allwise], n_rows=4).group.tolist()
    [0, 0, 0, 1]
    """
    group = np.full(n_rows, -1, dtype=np.int64)
    n_groups = 0
    for ids in columns:
        is_new = (group < 0) & (ids != "")
        if not is_new.any():
            continue
        values, code = np.unique(ids, return_inverse=True)
        owner = _only_owner(code, group, len(values))
        own = np.arange(n_groups, n_groups + len(values))
        is_joining = owner >= 0
        is_torn = owner == _SEVERAL
        target = np.where(is_joining, owner, own)
        group[is_new] = target[code[is_new]]
        n_groups += len(values)
        # Of a torn identifier each light curve stays alone.
        lone = np.flatnonzero(is_new & is_torn[code])
        group[lone] = n_groups + np.arange(len(lone))
        n_groups += len(lone)
    has_id = group >= 0
    none = np.flatnonzero(~has_id)
    group[none] = n_groups + np.arange(len(none))
    return SourceGroups(group=numbered_groups(group), has_id=has_id)


_SEVERAL = -2


def _only_owner(code: IntArray, group: IntArray, n_values: int) -> IntArray:
    """Return the one group of an identifier's rows so far; -1 = none, -2 = several."""
    is_known = group >= 0
    lowest = np.full(n_values, np.iinfo(np.int64).max)
    highest = np.full(n_values, -1)
    np.minimum.at(lowest, code[is_known], group[is_known])
    np.maximum.at(highest, code[is_known], group[is_known])
    return np.where(highest < 0, -1, np.where(lowest == highest, highest, _SEVERAL))


def groups_by_position(
    ra_deg: FloatArray, dec_deg: FloatArray, *, radius_arcsec: float
) -> SourceGroups:
    """Group light curves by position; see the module.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
        Positions [deg]; one with NaN stays alone.
    radius_arcsec : float
        Largest distance within a source [arcsec].

    Raises
    ------
    InvalidInputError
        If a chain of neighbours has more than 3000 members: the radius is too large.

    Examples
    --------
    >>> ra_deg = np.array([10.0, 10.0002, 10.00041, 20.0])  # steps of .7 arcsec
    >>> groups_by_position(ra_deg, np.zeros(4), radius_arcsec=1.0).group.tolist()
    [0, 0, 1, 2]
    """
    n = len(ra_deg)
    first, second, _ = SkyIndex(ra_deg, dec_deg).within(
        ra_deg, dec_deg, radius_arcsec=radius_arcsec
    )
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(n, n))
    _, clump = connected_components(links, directed=False)
    group = clump.astype(np.int64) * _LARGEST_CLUMP
    order = np.argsort(clump, kind="stable")
    sizes = np.bincount(clump)
    if sizes.max(initial=0) > _LARGEST_CLUMP:
        raise InvalidInputError(
            f"{sizes.max()} light curves hang together within {radius_arcsec} arcsec of the next; "
            "radius_arcsec is too large"
        )
    ends = np.cumsum(sizes)
    for i_clump in np.flatnonzero(sizes > 2):
        rows = order[ends[i_clump] - sizes[i_clump] : ends[i_clump]]
        group[rows] += _linked(ra_deg[rows], dec_deg[rows], radius_arcsec)
    return SourceGroups(group=numbered_groups(group), has_id=np.zeros(n, dtype=bool))


def join_lone_by_position(
    groups: SourceGroups, ra_deg: FloatArray, dec_deg: FloatArray, *, radius_arcsec: float
) -> SourceGroups:
    """Give light curves without identifier to the nearest source with one, else to each other.

    Parameters
    ----------
    groups : SourceGroups
        From `groups_by_ids`.
    ra_deg, dec_deg : ndarray, shape (n,)
        Positions [deg].
    radius_arcsec : float
        Largest distance [arcsec].
    """
    group = groups.group.copy()
    known, lone = np.flatnonzero(groups.has_id), np.flatnonzero(~groups.has_id)
    index = SkyIndex(ra_deg[known], dec_deg[known])
    nearest, _ = index.nearest(ra_deg[lone], dec_deg[lone], radius_arcsec=radius_arcsec)
    joins = nearest >= 0
    group[lone[joins]] = group[known[nearest[joins]]]
    rest = lone[~joins]
    among = groups_by_position(ra_deg[rest], dec_deg[rest], radius_arcsec=radius_arcsec)
    group[rest] = groups.n_groups + among.group
    return SourceGroups(group=numbered_groups(group), has_id=groups.has_id)


def _linked(ra_deg: FloatArray, dec_deg: FloatArray, radius_arcsec: float) -> IntArray:
    """Return complete-linkage clusters of a clump, from 0."""
    # Rows in order of position, so that ties are broken the same whatever the order of rows.
    order = np.lexsort((ra_deg, dec_deg))
    ra, dec = ra_deg[order], dec_deg[order]
    first, second = np.triu_indices(len(ra), k=1)
    distances = separation_arcsec(
        ra[first], dec[first], other_ra_deg=ra[second], other_dec_deg=dec[second]
    )
    found = fcluster(linkage(distances, "complete"), radius_arcsec, criterion="distance")
    clusters = np.empty(len(ra), dtype=np.int64)
    clusters[order] = found - 1
    return clusters


def numbered_groups(group: IntArray) -> IntArray:
    """Return group numbers 0, 1, 2 ... in the order of first rows.

    Examples
    --------
    >>> numbered_groups(np.array([9, 4, 9])).tolist()
    [0, 1, 0]
    """
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return np.asarray(place[inverse], dtype=np.int64)
