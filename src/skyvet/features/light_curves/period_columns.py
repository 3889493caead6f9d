"""Periods of each source as columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.features.light_curves.blocks import FeatureBlock, SourceSeries
from skyvet.features.periods.agreement import AGREEMENT_NAMES
from skyvet.features.periods.aliases import ALIAS_NAMES
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.features.periods.found import FoundPeriods, PeriodPeaks
from skyvet.features.periods.search import find_periods

__all__ = [
    "CONSENSUS",
    "N_LISTED",
    "PERIOD_RANGES",
    "PeriodColumns",
    "family_columns",
    "found_periods",
    "peak_columns",
]

N_LISTED = 5
"""Peaks of each algorithm that have columns of their own."""

CONSENSUS = (
    "period_d", "period_err_d", "period_probability", "period_log10_fap",
    "period_explained_variance", "period_n_cycles", "significance", "alias_period_d",
    "alias_log_odds",
)  # fmt: skip
"""Names of the columns of the consensus period."""

PERIOD_RANGES: dict[str, tuple[float, float]] = {
    "log_odds_below_0p1_d": (0.0, 0.1),
    "log_odds_0p1_to_0p34_d": (0.1, 0.34),
    "log_odds_0p34_to_0p5_d": (0.34, 0.5),
    "log_odds_0p5_to_0p97_d": (0.5, 0.97),
    "log_odds_near_1_d": (0.97, 1.03),
    "log_odds_1p03_to_50_d": (1.03, 50.0),
    "log_odds_above_50_d": (50.0, math.inf),
}
"""Ranges of period [d] of which the best candidate is given, by the name of the column."""

_LEAST_FAP = 1e-300
_OF_SHAPE = frozenset({"half", "double", "third", "triple"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeriodColumns:
    """Columns, and the periods at which more is measured.

    Parameters
    ----------
    block : FeatureBlock
        Columns.
    period_d, alias_d : ndarray, shape (n_sources,), float64
        Consensus period and its likeliest alias [d]; NaN = none.
    of_algorithm : dict of str to ndarray, shape (n_sources,)
        Best period of each algorithm [d].
    flags : ndarray, shape (n_sources,), int64
        Bits of `skyvet.features.periods.found.PeriodFlag`.
    """

    block: FeatureBlock
    period_d: FloatArray
    alias_d: FloatArray
    of_algorithm: dict[str, FloatArray]
    flags: IntArray


def family_columns() -> tuple[str, ...]:
    """Return the names of the columns of the alias family.

    Examples
    --------
    >>> family_columns()[:2]
    ('log_odds_half', 'log_odds_double')
    """
    return tuple(f"log_odds_{_plain(name)}" for name in ALIAS_NAMES)


def peak_columns(kind: str) -> tuple[str, ...]:
    """Return the names of the columns of one algorithm's peaks.

    Examples
    --------
    >>> peak_columns("ls")[:4]
    ('period_1_ls', 'significance_1_ls', 'robust_significance_1_ls', 'period_2_ls')
    """
    return tuple(
        f"{what}_{k}_{kind}"
        for k in range(1, N_LISTED + 1)
        for what in ("period", "significance", "robust_significance")
    )


def found_periods(sources: SourceSeries, config: PeriodSearchConfig) -> PeriodColumns:
    """Search each source for periods.

    Parameters
    ----------
    sources : SourceSeries
        Clean series.
    config : PeriodSearchConfig
        How to search.

    Returns
    -------
    PeriodColumns
        NaN where none was sought, with a flag that says why.
    """
    found = [find_periods(series, config) for series in sources.series]
    names = (*CONSENSUS, *AGREEMENT_NAMES, *family_columns(), *PERIOD_RANGES)
    names += tuple(name for kind in config.algorithms for name in peak_columns(kind))
    rows = [_row_of(one, config.algorithms) for one in found]
    block = FeatureBlock(names=names, values=np.array(rows).reshape(len(found), len(names)))
    best: dict[str, FloatArray] = {
        kind: block.values[:, names.index(f"period_1_{kind}")] for kind in config.algorithms
    }
    return PeriodColumns(
        block=block,
        period_d=block.values[:, names.index("period_d")],
        alias_d=block.values[:, names.index("alias_period_d")],
        of_algorithm=best,
        flags=np.array([int(one.flags) for one in found], dtype=np.int64),
    )


def _plain(name: str) -> str:
    """Return a name without signs: ``f/2+1`` becomes ``f_over_2_plus_1``."""
    return name.replace("+", "_plus_").replace("-", "_minus_").replace("/", "_over_")


def _row_of(found: FoundPeriods, kinds: Sequence[str]) -> list[float]:
    """Return the values of one source, in the order of the names."""
    family = {member.name: member for member in found.family}
    aliases = [one for one in found.family if one.name not in _OF_SHAPE]
    likeliest = max(aliases, key=lambda one: _finite_or(one.log_odds, -math.inf), default=None)
    peaks = {one.kind: one for one in found.peaks}
    first = peaks.get(kinds[0])
    row = [
        found.period_d,
        found.period_err_d,
        found.probability,
        math.log10(max(found.false_alarm_probability, _LEAST_FAP)),
        found.explained_variance,
        found.n_cycles,
        float(first.significance[0]) if first is not None and len(first.significance) else math.nan,
        likeliest.period_d if likeliest else math.nan,
        likeliest.log_odds if likeliest else math.nan,
    ]
    row += [found.agreement.get(name, math.nan) for name in AGREEMENT_NAMES]
    row += [family[name].log_odds if name in family else math.nan for name in ALIAS_NAMES]
    for low, high in PERIOD_RANGES.values():
        is_inside = (found.candidates_d >= low) & (found.candidates_d < high)
        row.append(float(found.candidate_log_odds[is_inside].max(initial=-math.inf)))
    for kind in kinds:
        row += _values_of_peaks(peaks.get(kind))
    return [value if math.isfinite(value) else math.nan for value in row]


def _finite_or(value: float, other: float) -> float:
    return value if math.isfinite(value) else other


def _values_of_peaks(peaks: PeriodPeaks | None) -> list[float]:
    values = np.full((N_LISTED, 3), np.nan)
    if peaks is not None:
        listed = (peaks.period_d, peaks.significance, peaks.robust_significance)
        for i_column, column in enumerate(listed):
            n = min(len(column), N_LISTED)
            values[:n, i_column] = column[:n]
    return [float(value) for value in values.ravel()]
