"""Light curves of many sources, one after the other, without padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray, as_readonly
from skyvet.core.errors import InvalidInputError
from skyvet.records.light_curve import LightCurve

__all__ = ["SIMULATED_SUFFIX", "LightCurveBatch", "join_light_curve_batches"]

SIMULATED_SUFFIX = "-simulated"
"""Ends the survey's name of simulated light curves: what holds for them need not hold for real ones
of the survey."""

_PER_EPOCH = ("mjd_tai", "flux_njy", "flux_err_njy", "band", "is_upper_limit")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LightCurveBatch:
    """Epochs of many sources in flat arrays; source i has rows ``offsets[i]:offsets[i + 1]``.

    Parameters
    ----------
    source_ids : ndarray, shape (n,), int64 or str
        Identifiers in the survey's own type.
    offsets : ndarray, shape (n + 1,), int64
        Starts from 0; a source may have no epoch.
    mjd_tai : ndarray, shape (n_epochs,), float64
        Times [d], finite and not decreasing within a source.
    flux_njy, flux_err_njy : ndarray, shape (n_epochs,), float64
        Signed flux and its error [nJy]; NaN = missing.
    band : ndarray, shape (n_epochs,), int8
        Place of each epoch's filter in `bands`.
    bands : tuple of str
        Names of the filters, each once.
    is_upper_limit : ndarray, shape (n_epochs,), bool, optional
        True where nothing was seen; all False where not given.
    ra_deg, dec_deg : ndarray, shape (n,), float64, optional
        Positions [deg, ICRS]; NaN = unknown (where not given).
    survey : str, default ""
        Whose light curves; empty = unknown.
    is_difference : bool, default False
        True for difference flux, False for total flux.
    columns : mapping of str to ndarray, shape (n,)
        What else the input says of each source: field, catalogue identifiers and magnitudes,
        labels. Carried along, never read by feature code without being asked.

    Raises
    ------
    InvalidInputError
        If shapes disagree, a time is not finite, or the times of a source decrease.

    Examples
    --------
    >>> batch = LightCurveBatch(
    ...     source_ids=np.array([7, 8]), offsets=np.array([0, 2, 3]),
    ...     mjd_tai=np.array([1.0, 2.0, 1.5]), flux_njy=np.ones(3), flux_err_njy=np.ones(3),
    ...     band=np.zeros(3), bands=("r",))
    >>> len(batch), batch.n_epochs.tolist()
    (2, [2, 1])
    """

    source_ids: NDArray[Any]
    offsets: IntArray
    mjd_tai: FloatArray
    flux_njy: FloatArray
    flux_err_njy: FloatArray
    band: NDArray[np.int8]
    bands: tuple[str, ...]
    is_upper_limit: NDArray[np.bool_] | None = None
    ra_deg: FloatArray | None = None
    dec_deg: FloatArray | None = None
    survey: str = ""
    is_difference: bool = False
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check shapes and order and make arrays read-only."""
        n_sources, n_epochs = len(self.source_ids), len(self.mjd_tai)
        is_upper_limit = self.is_upper_limit
        if is_upper_limit is None:
            is_upper_limit = np.zeros(n_epochs, dtype=bool)
        for name in ("ra_deg", "dec_deg"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.full(n_sources, np.nan))
            object.__setattr__(self, name, as_readonly(getattr(self, name), np.float64))
        for name in ("mjd_tai", "flux_njy", "flux_err_njy"):
            object.__setattr__(self, name, as_readonly(getattr(self, name), np.float64))
        object.__setattr__(self, "offsets", as_readonly(self.offsets, np.int64))
        object.__setattr__(self, "band", as_readonly(self.band, np.int8))
        object.__setattr__(self, "is_upper_limit", as_readonly(is_upper_limit, np.bool_))
        self._check_shapes(n_sources, n_epochs)
        self._check_values()

    def _check_shapes(self, n_sources: int, n_epochs: int) -> None:
        offsets = self.offsets
        if offsets.shape != (n_sources + 1,) or offsets[0] != 0 or offsets[-1] != n_epochs:
            raise InvalidInputError(
                f"offsets must go from 0 to {n_epochs} in {n_sources} steps, got shape "
                f"{offsets.shape}"
            )
        if (np.diff(offsets) < 0).any():
            raise InvalidInputError("offsets must not decrease")
        for name in _PER_EPOCH:
            if getattr(self, name).shape != (n_epochs,):
                raise InvalidInputError(
                    f"{name} must have shape ({n_epochs},), got {getattr(self, name).shape}"
                )
        per_source = {"ra_deg": self.ra_deg, "dec_deg": self.dec_deg, **self.columns}
        for name, values in per_source.items():
            if values is None or np.shape(values)[:1] != (n_sources,):
                raise InvalidInputError(f"{name} must have one entry a source ({n_sources})")

    def _check_values(self) -> None:
        if len(set(self.bands)) != len(self.bands):
            raise InvalidInputError(f"bands must each be named once, got {self.bands}")
        if len(self.band) and not 0 <= self.band.min() <= self.band.max() < len(self.bands):
            raise InvalidInputError(f"band must lie in 0..{len(self.bands) - 1}")
        if not np.isfinite(self.mjd_tai).all():
            raise InvalidInputError("mjd_tai must be finite; leave such epochs out first")
        steps = np.diff(self.mjd_tai)
        inner = np.ones(len(steps), dtype=bool)
        starts = self.offsets[1:-1]
        inner[starts[(starts > 0) & (starts < len(self.mjd_tai))] - 1] = False
        if (steps[inner] < 0).any():
            raise InvalidInputError("mjd_tai must be sorted within each source")

    def __len__(self) -> int:
        """Return the number of sources."""
        return len(self.source_ids)

    @property
    def n_epochs(self) -> IntArray:
        """Epochs of each source, shape (n,)."""
        return np.diff(self.offsets)

    def rows_of(self, i_source: int) -> slice:
        """Return the slice of a source's epochs in the flat arrays."""
        return slice(int(self.offsets[i_source]), int(self.offsets[i_source + 1]))

    def light_curve(self, i_source: int) -> LightCurve:
        """Return one source as a record."""
        rows = self.rows_of(i_source)
        assert self.is_upper_limit is not None
        return LightCurve(
            mjd_tai=self.mjd_tai[rows],
            flux_njy=self.flux_njy[rows],
            flux_err_njy=self.flux_err_njy[rows],
            band=np.asarray(self.bands, dtype=np.str_)[self.band[rows]],
            is_upper_limit=self.is_upper_limit[rows],
            is_difference=self.is_difference,
        )

    def take(self, indices: IntArray) -> LightCurveBatch:
        """Return some sources, in the order given; their epochs are copied."""
        indices = np.asarray(indices, dtype=np.int64)
        counts = self.n_epochs[indices]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[indices] - offsets[:-1], counts)
        per_epoch = {name: getattr(self, name)[rows] for name in _PER_EPOCH}
        return replace(self, offsets=offsets, **per_epoch, **self._per_source(indices))

    def keep_epochs(self, is_kept: NDArray[np.bool_]) -> LightCurveBatch:
        """Return all sources with some of their epochs; `is_kept` has shape (n_epochs,)."""
        kept_before = np.concatenate([[0], np.cumsum(is_kept)])
        per_epoch = {name: getattr(self, name)[is_kept] for name in _PER_EPOCH}
        return replace(self, offsets=kept_before[self.offsets], **per_epoch)

    def _per_source(self, indices: IntArray) -> dict[str, Any]:
        assert self.ra_deg is not None
        assert self.dec_deg is not None
        return {
            "source_ids": self.source_ids[indices],
            "ra_deg": self.ra_deg[indices],
            "dec_deg": self.dec_deg[indices],
            "columns": {name: values[indices] for name, values in self.columns.items()},
        }


def join_light_curve_batches(batches: Sequence[LightCurveBatch]) -> LightCurveBatch:
    """Return the sources of several batches, one after the other.

    Parameters
    ----------
    batches : sequence of LightCurveBatch
        At least one, of one survey, kind of flux, and set of extra columns; bands may differ.

    Raises
    ------
    InvalidInputError
        If there is none, or they differ in what a batch has once.
    """
    if not batches:
        raise InvalidInputError("there is no batch to join")
    first = batches[0]
    for name in ("survey", "is_difference"):
        if len({getattr(batch, name) for batch in batches}) > 1:
            raise InvalidInputError(f"the batches differ in {name}")
    if len({tuple(batch.columns) for batch in batches}) > 1:
        raise InvalidInputError("the batches differ in their columns")
    bands = tuple(dict.fromkeys(band for batch in batches for band in batch.bands))
    place = {band: i_band for i_band, band in enumerate(bands)}
    shifts = np.cumsum([0, *(len(batch.mjd_tai) for batch in batches)])
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(batch, name) for batch in batches])
        for name in (*_PER_EPOCH, "source_ids", "ra_deg", "dec_deg")
        if name != "band"
    }
    codes = [
        np.array([place[band] for band in batch.bands], dtype=np.int8)[batch.band]
        for batch in batches
    ]
    ends = [batch.offsets[1:] + shift for batch, shift in zip(batches, shifts, strict=False)]
    return replace(
        first,
        offsets=np.concatenate([[0], *ends]),
        band=np.concatenate(codes),
        bands=bands,
        columns={
            name: np.concatenate([batch.columns[name] for batch in batches])
            for name in first.columns
        },
        **joined,
    )
