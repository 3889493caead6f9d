"""Search for periods: periodograms, peaks of each algorithm, and one period that they support."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.agreement import agreement_of
from skyvet.features.periods.aliases import alias_family, missing_family
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.features.periods.consensus import (
    Candidates,
    Judge,
    judge_candidates,
    period_error,
    usable_series,
)
from skyvet.features.periods.doubling import double_log_odds
from skyvet.features.periods.evidence import evidence_bands
from skyvet.features.periods.folded_peaks import peaks_around, peaks_on_grid
from skyvet.features.periods.found import FoundPeriods, PeriodFlag, PeriodPeaks
from skyvet.features.periods.harmonic_spectra import HarmonicSpectra, harmonic_spectra
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.peaks import find_peaks
from skyvet.features.periods.registry import get_finder

__all__ = ["find_periods", "grid_of"]

_HARMONIC = ("ls", "mhaov")
_SHORT_BASELINE_D = 2.0
_MOST_FREQUENCIES = 20_000_000  # about 1 GB; 41,000 d by default, or a fill value as a time
_FEW_CYCLES = 3.0
_MAX_FAP = 0.01
_NEAR_ALIAS = 0.3
_AMBIGUOUS_LOG_ODDS = -3.0
_DOUBLE_LOG_ODDS = 4.0


def find_periods(series: Sequence[BandSeries], config: PeriodSearchConfig) -> FoundPeriods:
    """Find the periods of one source, all bands together.

    The harmonics of each band are fitted over the whole grid; their peaks are candidates. Each
    candidate, and its double and half, is judged by the evidence of a smooth periodic light
    curve, with a soft penalty where the times themselves repeat; nothing is cut out of the grid.
    Phase-folding algorithms look only around candidates unless `config.is_full_grid`.

    Parameters
    ----------
    series : sequence of BandSeries
        The source's bands.
    config : PeriodSearchConfig
        Settings.

    Returns
    -------
    FoundPeriods
        Of fixed shape: a source without a period has NaN everywhere, and flags that say why.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> time = np.sort(rng.uniform(0, 40, 80))
    >>> magnitude = 15 + 0.3 * np.sin(2 * np.pi * time / 0.61) + rng.normal(0, 0.02, 80)
    >>> one = BandSeries(band="r", time_d=time, magnitude=magnitude,
    ...     magnitude_err=np.full(80, 0.02))
    >>> found = find_periods([one], PeriodSearchConfig(f_max_per_d=8.0))
    >>> round(found.period_d, 2), found.flags
    (0.61, <PeriodFlag.NONE: 0>)
    """
    usable = usable_series(series, min_times=2 * config.n_terms + 2)
    n_points = sum(map(len, usable))
    flags = PeriodFlag.NONE if len(usable) == len(series) else PeriodFlag.BAND_LEFT_OUT
    nothing = _nothing(config, n_points=n_points)
    if not n_points and any(len(one) > 2 * config.n_terms for one in series):
        flags |= _why_unusable(series)
    if n_points < config.min_points:
        return dataclasses.replace(nothing, flags=flags | PeriodFlag.TOO_FEW_POINTS)
    baseline = _baseline(usable)
    nothing = dataclasses.replace(nothing, baseline_d=baseline)
    if baseline < _SHORT_BASELINE_D:
        flags |= PeriodFlag.BASELINE_SHORT
    if (config.f_max_per_d * baseline) * config.samples_per_peak > _MOST_FREQUENCIES:
        return dataclasses.replace(nothing, flags=flags | PeriodFlag.BASELINE_LONG)
    grid = grid_of(baseline, config)
    bands = evidence_bands(usable, error_floor_mag=config.error_floor_mag)
    if grid is None or not bands:
        return dataclasses.replace(nothing, flags=flags | PeriodFlag.BASELINE_SHORT)
    judge = Judge(
        bands=bands,
        series=usable,
        baseline_d=baseline,
        max_harmonics=config.max_harmonics,
        alias_penalty=config.alias_penalty,
        wiggle_penalty=config.wiggle_penalty,
    )
    return _searched(judge, grid, config, dataclasses.replace(nothing, flags=flags))


def grid_of(baseline_d: float, config: PeriodSearchConfig) -> FrequencyGrid | None:
    """Return a source's own frequencies; None where there are fewer than three.

    Examples
    --------
    >>> grid_of(1750.0, PeriodSearchConfig()).n
    839981
    """
    if not baseline_d > 0:
        return None
    f_min = config.min_cycles / baseline_d
    step = 1.0 / (config.samples_per_peak * baseline_d)
    n = int((config.f_max_per_d - f_min) / step) + 1
    return (
        FrequencyGrid(f_min=f_min, step=step, n=n)
        if f_min + 2 * step <= config.f_max_per_d
        else None
    )


def _why_unusable(series: Sequence[BandSeries]) -> PeriodFlag:
    is_constant = all(np.ptp(one.magnitude) == 0 for one in series if len(one))
    return PeriodFlag.CONSTANT if is_constant else PeriodFlag.NONE


def _baseline(series: Sequence[BandSeries]) -> float:
    first = min(float(one.time_d[0]) for one in series)
    return max(float(one.time_d[-1]) for one in series) - first


def _nothing(config: PeriodSearchConfig, *, n_points: int) -> FoundPeriods:
    """Return what a source without a period gets: all columns, all missing."""
    missing = np.full(config.n_peaks, np.nan)
    peaks = tuple(
        PeriodPeaks(
            kind=kind,
            period_d=missing,
            statistic=missing,
            significance=missing,
            robust_significance=missing,
            false_alarm_probability=missing,
        )
        for kind in config.algorithms
    )
    return FoundPeriods(
        n_points=n_points,
        peaks=peaks,
        family=missing_family(),
        agreement=agreement_of([np.empty(0)] * len(peaks)),
    )


def _searched(
    judge: Judge, grid: FrequencyGrid, config: PeriodSearchConfig, nothing: FoundPeriods
) -> FoundPeriods:
    spectra = harmonic_spectra(judge.series, grid, config)
    proposed = _proposals(spectra, grid, config)
    if not len(proposed):
        return dataclasses.replace(nothing, flags=nothing.flags | PeriodFlag.BASELINE_SHORT)
    candidates = judge_candidates(judge, proposed)
    frequency = float(candidates.frequency[0])
    if double_log_odds(judge, frequency) > _DOUBLE_LOG_ODDS:
        frequency *= 0.5
    peaks = tuple(
        spectra.peaks(kind, grid, config.n_peaks)
        if kind in _HARMONIC
        else _folded(kind, judge.series, (grid, proposed), config)
        for kind in config.algorithms
    )
    family = alias_family(judge, frequency)
    explained = spectra.explained_at(frequency)
    found = dataclasses.replace(
        nothing,
        period_d=1.0 / frequency,
        period_err_d=period_error(judge, frequency),
        probability=candidates.probability,
        false_alarm_probability=spectra.false_alarm_of(explained),
        explained_variance=explained,
        n_cycles=judge.baseline_d * frequency,
        peaks=peaks,
        family=family,
        candidates_d=1.0 / candidates.frequency,
        candidate_log_odds=candidates.log_odds - candidates.log_odds[0],
        agreement=agreement_of([one.period_d[np.isfinite(one.period_d)] for one in peaks]),
    )
    return dataclasses.replace(found, flags=nothing.flags | _flags(judge, found, candidates))


def _proposals(
    spectra: HarmonicSpectra, grid: FrequencyGrid, config: PeriodSearchConfig
) -> FloatArray:
    """Peaks of the log-likelihood of one harmonic, and of all."""
    found = [find_peaks(row, grid, config.n_candidates).frequency for row in spectra.log_likelihood]
    return np.unique(np.concatenate(found))


def _folded(
    kind: str,
    series: Sequence[BandSeries],
    where: tuple[FrequencyGrid, FloatArray],
    config: PeriodSearchConfig,
) -> PeriodPeaks:
    finder, grid = get_finder(kind), where[0]
    if config.is_full_grid:
        return peaks_on_grid(finder, series, grid, n_peaks=config.n_peaks)
    return peaks_around(finder, series, where, n_peaks=config.n_peaks)


def _flags(judge: Judge, found: FoundPeriods, candidates: Candidates) -> PeriodFlag:
    flags = PeriodFlag.NONE
    if found.n_cycles < _FEW_CYCLES:
        flags |= PeriodFlag.FEW_CYCLES
    if not found.false_alarm_probability <= _MAX_FAP:
        flags |= PeriodFlag.NOT_SIGNIFICANT
    penalty = judge.penalty(np.array([1.0 / found.period_d]))[0]
    if judge.alias_penalty > 0 and penalty > _NEAR_ALIAS * judge.alias_penalty:
        flags |= PeriodFlag.NEAR_ALIAS
    rivals = [one.log_odds for one in found.family if one.name not in ("half", "double")]
    rivals += [float(found.candidate_log_odds[1])] if len(candidates.frequency) > 1 else []
    if np.nanmax([-np.inf, *rivals]) > _AMBIGUOUS_LOG_ODDS:
        flags |= PeriodFlag.AMBIGUOUS_ALIAS
    return flags
