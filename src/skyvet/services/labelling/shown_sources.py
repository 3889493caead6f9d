"""Light curves as a labeller sees them: measurements, periods, periodogram, class probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import quote

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries, band_series_of
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.features.periods.found import PERIOD_FLAG_MEANINGS, AliasMember, FoundPeriods
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.registry import get_finder
from skyvet.features.periods.search import find_periods
from skyvet.records.light_curve_batch import LightCurveBatch
from skyvet.services.labelling.messages import (
    Item,
    NamedNumber,
    SourceBand,
    SourceClass,
    SourceMessage,
    SourcePeriod,
)
from skyvet.services.labelling.shown import ShownObjects

__all__ = ["ShownSources", "source_statistics"]

_N_STEPS = 1500
_GRID_MIN_CYCLES = 1.0
_SAMPLES_PER_PEAK = 5.0
_MAX_GRID = 2_000_000
_N_KEPT = 64
_N_ALTERNATIVES = 4
_NEAREST = frozenset({"half", "double"})
_SAME = 1e-3


class ShownSources(ShownObjects):
    """Everything that the page may show of some light curves.

    Parameters
    ----------
    name : str
        Of the input, for people.
    batch : LightCurveBatch
        The sources, in the order in which they are to be labelled.
    classes : sequence of SourceClass
        The tree that they are labelled with.
    probabilities : mapping of str to ndarray, shape (n,), optional
        Tag to the probability of the class; NaN = not scored.
    search : PeriodSearchConfig, optional
        How periods are looked for.

    Raises
    ------
    InvalidInputError
        If there is no source.
    """

    def __init__(
        self,
        name: str,
        batch: LightCurveBatch,
        *,
        classes: Sequence[SourceClass],
        probabilities: Mapping[str, FloatArray] | None = None,
        search: PeriodSearchConfig | None = None,
    ) -> None:
        ids = batch.source_ids.tolist()
        survey = batch.survey or "unknown"
        super().__init__(
            name,
            surveys=[survey] * len(ids),
            candidate_ids=ids,
            object_ids=ids,
            classes=classes,
        )
        self._batch = batch
        self._probabilities = dict(probabilities or {})
        self._search = search or PeriodSearchConfig()
        self._measured = lru_cache(maxsize=_N_KEPT)(self._measure)

    def item(self, row: int, **seen: Any) -> Item:  # noqa: ANN401 - fields of the message
        """Return what the page shows of one source; see `ShownObjects.item`."""
        is_blind = bool(seen.pop("is_blind", False))
        key = self.keys[row]
        return Item(
            key=key,
            candidate_id=str(self.candidate_ids[row]),
            object_id=str(self.object_ids[row]),
            survey=self.surveys[row],
            numbers=self._numbers(row),
            source=f"/api/sources/{quote(key, safe='')}",
            classes=None if is_blind else self._classes_of(row),
            **{"score": None, **seen},
        )

    def source(self, row: int) -> SourceMessage:
        """Return light curve, periods and periodogram; the latest few are kept in memory."""
        return self._measured(row)

    def _classes_of(self, row: int) -> dict[str, float]:
        scored = {tag: round(float(p[row]), 4) for tag, p in self._probabilities.items()}
        return {tag: value for tag, value in scored.items() if math.isfinite(value)}

    def _numbers(self, row: int) -> tuple[NamedNumber, ...]:
        batch = self._batch
        assert batch.ra_deg is not None
        assert batch.dec_deg is not None
        rows = batch.rows_of(row)
        time = batch.mjd_tai[rows]
        baseline = float(time[-1] - time[0]) if len(time) else math.nan
        found = [
            NamedNumber(name="epochs", value=len(time)),
            NamedNumber(name="baseline", value=_rounded(baseline, 2), unit="d"),
            NamedNumber(name="RA", value=_rounded(float(batch.ra_deg[row]), 6), unit="deg"),
            NamedNumber(name="Dec", value=_rounded(float(batch.dec_deg[row]), 6), unit="deg"),
        ]
        return tuple(found)

    def _measure(self, row: int) -> SourceMessage:
        series = band_series_of(self._batch, row)
        periods = find_periods(series, self._search)
        frequency, power = _periodogram(series, self._search.f_max_per_d)
        alarm = periods.false_alarm_probability
        return SourceMessage(
            key=self.keys[row],
            bands=tuple(_band(one) for one in series),
            periods=tuple(_periods_to_fold_with(periods)),
            false_alarm_probability=alarm if math.isfinite(alarm) else None,
            remarks=tuple(
                meaning for flag, meaning in PERIOD_FLAG_MEANINGS.items() if flag in periods.flags
            ),
            frequency_per_d=tuple(frequency.tolist()),
            power=tuple(np.round(power, 6).tolist()),
        )


def source_statistics(batch: LightCurveBatch) -> FloatArray:
    """Return a few numbers of each source for the ranking, shape (n, 5); NaN = missing.

    Logarithms of the number of epochs and of the baseline, and of the light curve the median, the
    scatter in errors and the skewness of the magnitudes around each band's median.

    Examples
    --------
    >>> batch = LightCurveBatch(
    ...     source_ids=np.array([1]), offsets=np.array([0, 3]), mjd_tai=np.array([1.0, 2.0, 3.0]),
    ...     flux_njy=np.array([1e4, 2e4, 1e4]), flux_err_njy=np.full(3, 100.0), band=np.zeros(3),
    ...     bands=("r",))
    >>> source_statistics(batch).shape
    (1, 5)
    """
    return np.array([_statistics(batch, row) for row in range(len(batch))]).reshape(-1, 5)


def _statistics(batch: LightCurveBatch, row: int) -> list[float]:
    series = [one for one in band_series_of(batch, row) if len(one)]
    if not series:
        return [math.nan] * 5
    centred = np.concatenate([one.magnitude - np.median(one.magnitude) for one in series])
    error = np.concatenate([one.magnitude_err for one in series])
    last = max(float(one.time_d[-1]) for one in series)
    spread = float(centred.std())
    skewness = float(np.mean((centred / spread) ** 3)) if spread > 0 else math.nan
    return [
        math.log10(len(centred)),
        math.log10(max(last, 1e-3)),
        float(np.median(series[0].magnitude)),
        math.log10(max(spread / float(np.median(error)), 1e-3)),
        skewness,
    ]


def _band(series: BandSeries) -> SourceBand:
    return SourceBand(
        band=series.band,
        mjd=tuple((series.time_d + series.epoch_mjd_tai).tolist()),
        magnitude=tuple(np.round(series.magnitude, 4).tolist()),
        magnitude_err=tuple(np.round(series.magnitude_err, 4).tolist()),
        n_left_out=series.n_left_out,
    )


def _periods_to_fold_with(found: FoundPeriods) -> list[SourcePeriod]:
    """Return periods worth a look, each once: consensus, half, double, other peaks, aliases."""
    if not math.isfinite(found.period_d):
        return []
    chance = f"probability {found.probability:.2f}" if math.isfinite(found.probability) else ""
    relatives = [_relative(member) for member in found.family]
    others = zip(found.candidates_d[1:], found.candidate_log_odds[1:], strict=True)
    named = [
        SourcePeriod(name="consensus", period_d=found.period_d, note=chance),
        *(one for one in relatives if one.name in _NEAREST),
        *(
            SourcePeriod(name=f"best of {peaks.kind}", period_d=float(peaks.period_d[0]))
            for peaks in found.peaks
            if len(peaks.period_d)
        ),
        *(
            SourcePeriod(name=f"peak {i + 2}", period_d=float(period_d), note=_odds(log_odds))
            for i, (period_d, log_odds) in enumerate(islice(others, _N_ALTERNATIVES))
        ),
        *(one for one in relatives if one.name not in _NEAREST),
    ]
    return _each_once([one for one in named if math.isfinite(one.period_d)])


def _relative(member: AliasMember) -> SourcePeriod:
    return SourcePeriod(name=member.name, period_d=member.period_d, note=_odds(member.log_odds))


def _each_once(periods: Sequence[SourcePeriod]) -> list[SourcePeriod]:
    """Leave out what another name stands for already, to a thousandth."""
    kept: list[SourcePeriod] = []
    for one in periods:
        if all(abs(one.period_d / other.period_d - 1) > _SAME for other in kept):
            kept.append(one)
    return kept


def _odds(log_odds: float) -> str:
    return f"log odds {log_odds:.1f}" if math.isfinite(log_odds) else ""


def _periodogram(series: Sequence[BandSeries], f_max: float) -> tuple[FloatArray, FloatArray]:
    """Return the largest power of each of `_N_STEPS` steps of log frequency; empty if none."""
    last = max((float(one.time_d[-1]) for one in series if len(one)), default=0.0)
    if last <= 0:
        return np.empty(0), np.empty(0)
    step = 1.0 / (_SAMPLES_PER_PEAK * last)
    f_min = _GRID_MIN_CYCLES / last
    n = int(min(max((f_max - f_min) / step, 1), _MAX_GRID))
    grid = FrequencyGrid(f_min=f_min, step=step, n=n)
    power = np.asarray(get_finder("ls").periodogram(series, grid), dtype=np.float64)
    if not np.isfinite(power).any():
        return np.empty(0), np.empty(0)
    edges = np.unique(np.geomspace(1, n, _N_STEPS).astype(np.int64) - 1)
    safe = np.nan_to_num(power, nan=0.0)
    best = np.maximum.reduceat(safe, edges)
    places = [
        start + int(np.argmax(safe[start:stop]))
        for start, stop in zip(edges, [*edges[1:], n], strict=True)
    ]
    return np.round(grid.f_min + grid.step * np.array(places), 8), best


def _rounded(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
