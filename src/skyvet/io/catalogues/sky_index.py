"""Nearest neighbours on the sphere, by a tree of unit vectors."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError

__all__ = ["SkyIndex", "separation_arcsec", "unit_vectors"]

_ARCSEC_PER_RADIAN = 648_000.0 / np.pi


def unit_vectors(ra_deg: FloatArray, dec_deg: FloatArray) -> FloatArray:
    """Return directions as unit vectors, shape (n, 3).

    Examples
    --------
    >>> unit_vectors(np.array([90.0]), np.array([0.0])).round(12).tolist()
    [[0.0, 1.0, 0.0]]
    """
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def separation_arcsec(
    ra_deg: FloatArray,
    dec_deg: FloatArray,
    *,
    other_ra_deg: FloatArray,
    other_dec_deg: FloatArray,
) -> FloatArray:
    """Return the separations of pairs of positions [arcsec]; precise at all sizes.

    Examples
    --------
    >>> zeros = np.zeros(1)
    >>> separation_arcsec(
    ...     zeros, zeros, other_ra_deg=zeros, other_dec_deg=np.array([1 / 3600])).round(9).tolist()
    [1.0]
    """
    chords = unit_vectors(ra_deg, dec_deg) - unit_vectors(other_ra_deg, other_dec_deg)
    return _separation_arcsec(np.linalg.norm(chords, axis=1))


class SkyIndex:
    """Positions that can be asked for their neighbours.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
        Positions [deg]; those with NaN are never found.

    Examples
    --------
    >>> index = SkyIndex(np.array([359.9999, 10.0]), np.array([0.0, 0.0]))
    >>> found, separation = index.nearest(np.array([0.0001]), np.array([0.0]), radius_arcsec=2.0)
    >>> int(found[0]), round(float(separation[0]), 3)
    (0, 0.72)
    """

    def __init__(self, ra_deg: FloatArray, dec_deg: FloatArray) -> None:
        ra, dec = np.asarray(ra_deg, np.float64), np.asarray(dec_deg, np.float64)
        if ra.shape != dec.shape or ra.ndim != 1:
            raise InvalidInputError(
                f"ra_deg and dec_deg must have one shape (n,), got {ra.shape} and {dec.shape}"
            )
        self._rows = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
        self._tree = cKDTree(unit_vectors(ra[self._rows], dec[self._rows]))

    def nearest(
        self, ra_deg: FloatArray, dec_deg: FloatArray, *, radius_arcsec: float
    ) -> tuple[IntArray, FloatArray]:
        """Return the nearest position within a radius of each place.

        Parameters
        ----------
        ra_deg, dec_deg : ndarray, shape (m,)
            Places [deg]; NaN finds nothing.
        radius_arcsec : float
            Largest separation [arcsec].

        Returns
        -------
        rows : ndarray, shape (m,), int64
            Row of the position; -1 = none.
        separation_arcsec : ndarray, shape (m,)
            NaN = none.
        """
        rows = np.full(len(ra_deg), -1, dtype=np.int64)
        separations = np.full(len(ra_deg), np.nan)
        is_place = np.isfinite(ra_deg) & np.isfinite(dec_deg)
        if not len(self._rows) or not is_place.any():
            return rows, separations
        places = unit_vectors(ra_deg[is_place], dec_deg[is_place])
        # A hair wider, so that rounding never loses a neighbour at the very radius.
        chord = _chord(radius_arcsec) * (1 + 1e-12)
        distances, found = self._tree.query(places, distance_upper_bound=np.nextafter(chord, 4.0))
        is_found = np.isfinite(distances)
        chosen = np.flatnonzero(is_place)[is_found]
        rows[chosen] = self._rows[found[is_found]]
        separations[chosen] = _separation_arcsec(distances[is_found])
        return rows, separations

    def within(
        self, ra_deg: FloatArray, dec_deg: FloatArray, *, radius_arcsec: float
    ) -> tuple[IntArray, IntArray, FloatArray]:
        """Return all pairs of a place and a position within a radius.

        Returns
        -------
        places, rows : ndarray, shape (n_pairs,), int64
            Which place, and row of the position.
        separation_arcsec : ndarray, shape (n_pairs,)
            Between them.
        """
        is_place = np.isfinite(ra_deg) & np.isfinite(dec_deg)
        vectors = unit_vectors(ra_deg[is_place], dec_deg[is_place])
        if not len(vectors) or not len(self._rows):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        lists = self._tree.query_ball_point(vectors, _chord(radius_arcsec) * (1 + 1e-12))
        counts = np.array([len(found) for found in lists], dtype=np.int64)
        found = np.array([i for some in lists for i in some], dtype=np.int64)
        i_place = np.repeat(np.arange(len(vectors)), counts)
        chords = np.linalg.norm(vectors[i_place] - self._tree.data[found], axis=1)
        return np.flatnonzero(is_place)[i_place], self._rows[found], _separation_arcsec(chords)


def _chord(radius_arcsec: float) -> float:
    if not 0 < radius_arcsec <= 180 * 3600:
        raise InvalidInputError(
            f"radius_arcsec must be above 0 and at most {180 * 3600}, got {radius_arcsec}"
        )
    return float(2 * np.sin(0.5 * radius_arcsec / _ARCSEC_PER_RADIAN))


def _separation_arcsec(chords: FloatArray) -> FloatArray:
    return np.asarray(2 * np.arcsin(np.minimum(0.5 * chords, 1.0)) * _ARCSEC_PER_RADIAN)
