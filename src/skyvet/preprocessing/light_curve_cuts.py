"""Quality cuts of light curves: which epochs, then which sources, are fit for features.

The defaults are those of SCoPe for ZTF where they harm nothing else: at least 50 epochs in all, at
most one epoch in 30 minutes of one filter. Quality flags are applied where light curves are read
(``LightCurveInputConfig.bad_flags``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.configs import FiniteConfig
from skyvet.core.errors import InvalidInputError
from skyvet.records.light_curve_batch import LightCurveBatch

__all__ = ["CutConfig", "CutCounts", "apply_cuts"]

_MINUTES_PER_DAY = 1440.0
_MAG_PER_FLUX = 2.5 / np.log(10.0)


class CutConfig(FiniteConfig):
    """Which epochs and sources are kept.

    Parameters
    ----------
    min_cadence_min, first_mjd_tai, last_mjd_tai, max_magnitude_err, bands
        Of epochs.
    min_epochs, min_epochs_per_band
        Of sources, after the cuts of epochs.
    """

    min_cadence_min: float = Field(
        default=30.0,
        ge=0,
        description="An epoch is kept if it is at least this long after the last kept one of its "
        "filter [min]; 0 keeps all.",
    )
    first_mjd_tai: float | None = Field(
        default=None, description="Epochs before it are left out [MJD, TAI]."
    )
    last_mjd_tai: float | None = Field(
        default=None, description="Epochs after it are left out [MJD, TAI]."
    )
    max_magnitude_err: float | None = Field(
        default=None, gt=0, description="Epochs with larger errors are left out [mag]."
    )
    min_epochs: int = Field(default=50, ge=0, description="Epochs a source needs, over all bands.")
    min_epochs_per_band: int = Field(
        default=0, ge=0, description="A band with fewer epochs is left out of its source."
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> CutConfig:
        if (
            self.first_mjd_tai is not None
            and self.last_mjd_tai is not None
            and self.first_mjd_tai > self.last_mjd_tai
        ):
            raise ValueError("first_mjd_tai must not be after last_mjd_tai")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class CutCounts:
    """What cuts left out; epochs and sources add up: given = kept + the sum of the reasons.

    Parameters
    ----------
    n_sources, n_epochs : int
        Given.
    n_sources_kept, n_epochs_kept : int
        Kept.
    sources, epochs : mapping of str to int
        Left out, by reason; each under one reason, the first that holds.

    Examples
    --------
    >>> CutCounts(n_sources=2, n_epochs=9, n_sources_kept=1, n_epochs_kept=5,
    ...           sources={"few_epochs": 1}, epochs={"few_epochs": 4}).adds_up
    True
    """

    n_sources: int
    n_epochs: int
    n_sources_kept: int
    n_epochs_kept: int
    sources: Mapping[str, int] = field(default_factory=dict)
    epochs: Mapping[str, int] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        """Whether every source and epoch is kept or has a reason."""
        return self.n_sources == self.n_sources_kept + sum(self.sources.values()) and (
            self.n_epochs == self.n_epochs_kept + sum(self.epochs.values())
        )

    def __add__(self, other: CutCounts) -> CutCounts:
        """Return the counts of two batches together."""
        return CutCounts(
            n_sources=self.n_sources + other.n_sources,
            n_epochs=self.n_epochs + other.n_epochs,
            n_sources_kept=self.n_sources_kept + other.n_sources_kept,
            n_epochs_kept=self.n_epochs_kept + other.n_epochs_kept,
            sources=_summed(self.sources, other.sources),
            epochs=_summed(self.epochs, other.epochs),
        )


def apply_cuts(
    batch: LightCurveBatch,
    config: CutConfig,
    *,
    is_near_bright_star: NDArray[np.bool_] | None = None,
) -> tuple[LightCurveBatch, CutCounts]:
    """Return the epochs and sources that pass, and how many did not, by reason.

    Parameters
    ----------
    batch : LightCurveBatch
        Sources.
    config : CutConfig
        What is asked of them.
    is_near_bright_star : ndarray, shape (n,), bool, optional
        Sources to leave out as they stand in a bright star's light; see
        `skyvet.io.catalogues.bright_stars.near_bright_stars`.

    Returns
    -------
    batch : LightCurveBatch
        What passed, in the same order.
    counts : CutCounts
        Reasons for epochs: ``outside_time``, ``large_error``, ``cadence``, ``few_in_band``, and
        those of their source; for sources: ``bright_star``, ``few_epochs``.

    Raises
    ------
    InvalidInputError
        If `is_near_bright_star` has another length.

    Examples
    --------
    >>> batch = LightCurveBatch(
    ...     source_ids=np.array([7]), offsets=np.array([0, 3]),
    ...     mjd_tai=np.array([5.0, 5.01, 6.0]), flux_njy=np.ones(3), flux_err_njy=np.ones(3),
    ...     band=np.zeros(3), bands=("r",))
    >>> kept, counts = apply_cuts(batch, CutConfig(min_epochs=2))
    >>> kept.mjd_tai.tolist(), dict(counts.epochs)
    ([5.0, 6.0], {'cadence': 1})
    """
    n_epochs = len(batch.mjd_tai)
    source_of_epoch = np.repeat(np.arange(len(batch)), batch.n_epochs)
    reasons = _EpochReasons(n_epochs)
    reasons.mark("outside_time", _outside(batch.mjd_tai, config))
    reasons.mark("large_error", _with_large_error(batch, config))
    reasons.mark("cadence", _too_soon(batch, source_of_epoch, reasons.is_kept, config))
    reasons.mark("few_in_band", _few_in_band(batch, source_of_epoch, reasons.is_kept, config))
    n_kept = np.bincount(source_of_epoch[reasons.is_kept], minlength=len(batch))
    is_bright = np.zeros(len(batch), dtype=bool)
    if is_near_bright_star is not None:
        if is_near_bright_star.shape != (len(batch),):
            raise InvalidInputError(
                f"is_near_bright_star must have shape ({len(batch)},), got "
                f"{is_near_bright_star.shape}"
            )
        is_bright = is_near_bright_star
    is_short = (n_kept < config.min_epochs) & ~is_bright
    reasons.mark("bright_star", is_bright[source_of_epoch])
    reasons.mark("few_epochs", is_short[source_of_epoch])
    kept = batch.keep_epochs(reasons.is_kept).take(np.flatnonzero(~is_bright & ~is_short))
    sources = {"bright_star": int(is_bright.sum()), "few_epochs": int(is_short.sum())}
    counts = CutCounts(
        n_sources=len(batch),
        n_epochs=n_epochs,
        n_sources_kept=len(kept),
        n_epochs_kept=len(kept.mjd_tai),
        sources={reason: n for reason, n in sources.items() if n},
        epochs=reasons.counts,
    )
    return kept, counts


class _EpochReasons:
    """The first reason of each epoch that is left out."""

    def __init__(self, n_epochs: int) -> None:
        self.is_kept = np.ones(n_epochs, dtype=bool)
        self.counts: dict[str, int] = {}

    def mark(self, reason: str, is_out: NDArray[np.bool_]) -> None:
        """Leave out epochs that are still there."""
        n_new = int((is_out & self.is_kept).sum())
        if n_new:
            self.counts[reason] = n_new
        self.is_kept &= ~is_out


def _outside(mjd_tai: FloatArray, config: CutConfig) -> NDArray[np.bool_]:
    is_outside = np.zeros(len(mjd_tai), dtype=bool)
    if config.first_mjd_tai is not None:
        is_outside |= mjd_tai < config.first_mjd_tai
    if config.last_mjd_tai is not None:
        is_outside |= mjd_tai > config.last_mjd_tai
    return is_outside


def _with_large_error(batch: LightCurveBatch, config: CutConfig) -> NDArray[np.bool_]:
    """Return where the error in magnitudes is too large; a missing error is not."""
    if config.max_magnitude_err is None:
        return np.zeros(len(batch.mjd_tai), dtype=bool)
    limit = config.max_magnitude_err / _MAG_PER_FLUX
    return np.asarray(batch.flux_err_njy > limit * np.abs(batch.flux_njy))


def _groups(batch: LightCurveBatch, source_of_epoch: IntArray) -> IntArray:
    """Return a number for each epoch's source and band."""
    return np.asarray(source_of_epoch * len(batch.bands) + batch.band, dtype=np.int64)


def _too_soon(
    batch: LightCurveBatch,
    source_of_epoch: IntArray,
    is_kept: NDArray[np.bool_],
    config: CutConfig,
) -> NDArray[np.bool_]:
    """Return epochs that follow the last kept one of their source and band too soon."""
    is_soon = np.zeros(len(is_kept), dtype=bool)
    gap_d = config.min_cadence_min / _MINUTES_PER_DAY
    rows = np.flatnonzero(is_kept)
    if gap_d <= 0 or not len(rows):
        return is_soon
    group = _groups(batch, source_of_epoch)[rows]
    order = np.argsort(group, kind="stable")
    rows, group, time = rows[order], group[order], batch.mjd_tai[rows[order]]
    is_first = np.append(True, group[1:] != group[:-1])
    is_near = np.append(False, np.diff(time) < gap_d) & ~is_first
    # Only stretches of near epochs need a walk; elsewhere every epoch is kept.
    for start in np.flatnonzero(~is_near & np.append(is_near[1:], False)):
        last, i_next = time[start], start + 1
        while i_next < len(rows) and is_near[i_next]:
            if time[i_next] - last < gap_d:
                is_soon[rows[i_next]] = True
            else:
                last = time[i_next]
            i_next += 1
    return is_soon


def _few_in_band(
    batch: LightCurveBatch,
    source_of_epoch: IntArray,
    is_kept: NDArray[np.bool_],
    config: CutConfig,
) -> NDArray[np.bool_]:
    group = _groups(batch, source_of_epoch)
    n_in_group = np.bincount(group[is_kept], minlength=len(batch) * len(batch.bands))
    return np.asarray(n_in_group[group] < config.min_epochs_per_band)


def _summed(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}
