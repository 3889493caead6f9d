"""How values of several light curves become one value of their source, by kind of column."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.inference.consolidation_config import ConsolidationConfig, Rule
from skyvet.io.catalogues.sky_index import unit_vectors

__all__ = ["combined", "lead_rows", "mean_positions", "rule_for"]

_OF_THE_PERIOD = re.compile(
    r"period|frequency|pdot|significance|false_alarm|alias|phase|phi0|relphi|relamp|"
    r"^f1_|harmonic|n_terms|folded|agree|log_odds|total_pairs|"
    r"^fold_|^double_|mjd|epoch_",
    re.IGNORECASE,
)
_COUNTS = re.compile(r"^(n|n_.*|nepochs|ndet|n_epochs.*)$", re.IGNORECASE)


def rule_for(name: str, kind: str, config: ConsolidationConfig) -> Rule:
    """Return how a column's values become one.

    Parameters
    ----------
    name : str
        Column.
    kind : str
        NumPy's letter of its type: ``f``, ``i``, ``u``, ``b`` or another.
    config : ConsolidationConfig
        The user's rules go first.

    Returns
    -------
    str
        Of periods, and all that was measured at one (Fourier terms, phases, significances), and of
        times, the values of the leading light curve, as they belong together and a mean of periods
        is none; counts are summed; a bool is true where any is, ``is_calibrated`` where all are;
        other numbers by ``config.numbers``; text is that of the leading light curve.

    Examples
    --------
    >>> config = ConsolidationConfig()
    >>> [rule_for(name, "f", config) for name in ("rrab", "period_d", "f1_amp_LS", "n_g")]
    ['mean', 'lead', 'lead', 'sum']
    """
    given = config.rule_of(name)
    if given is not None:
        return given
    if kind == "b":
        return "all" if name == "is_calibrated" else "any"
    if kind not in "fiu" or _OF_THE_PERIOD.search(name):
        return "lead"
    if name == "n_ztf_alerts":  # counted around the position: the same for each light curve
        return "max"
    if _COUNTS.match(name):
        return "sum"
    return "lead" if kind in "iu" else config.numbers


def lead_rows(
    group: IntArray, n_groups: int, *, merit: FloatArray, n_epochs: FloatArray
) -> IntArray:
    """Return the leading light curve of each source: highest merit, then most epochs, then first.

    Parameters
    ----------
    group : ndarray, shape (n,), int64
        Source of each light curve, all of 0 to n_groups - 1.
    n_groups : int
        Number of sources.
    merit, n_epochs : ndarray, shape (n,)
        NaN counts as lowest.

    Examples
    --------
    >>> merit = np.array([1.0, 2.0, np.nan])
    >>> lead_rows(np.array([0, 0, 1]), 2, merit=merit, n_epochs=np.zeros(3)).tolist()
    [1, 2]
    """
    lowest = -np.inf
    order = np.lexsort(
        (
            np.arange(len(group)),
            -np.nan_to_num(n_epochs, nan=lowest, neginf=lowest),
            -np.nan_to_num(merit, nan=lowest, neginf=lowest, posinf=np.inf),
            group,
        )
    )
    return order[np.searchsorted(group[order], np.arange(n_groups))]


def combined(values: NDArray[Any], group: IntArray, *, lead: IntArray, rule: Rule) -> NDArray[Any]:
    """Return one value a source; missing values (NaN) take no part.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One a light curve; numbers or bools, or anything for ``lead``.
    group : ndarray, shape (n,), int64
        Source of each.
    lead : ndarray, shape (n_groups,), int64
        Leading light curve of each source.
    rule : str
        See `skyvet.inference.consolidation_config.Rule`.

    Returns
    -------
    ndarray, shape (n_groups,)
        NaN where a source has no value. With ``lead``, another light curve's value where the
        leading one has none at all is not taken.

    Examples
    --------
    >>> combined(np.array([0.2, 0.6, np.nan]), np.array([0, 0, 1]), lead=np.array([0, 2]),
    ...          rule="mean").tolist()
    [0.4, nan]
    """
    if rule == "lead":
        return values[lead]
    n_groups = len(lead)
    if rule in {"all", "any"}:
        n_true = np.bincount(group, weights=np.asarray(values, np.float64), minlength=n_groups)
        n_rows = np.bincount(group, minlength=n_groups)
        return n_true >= (n_rows if rule == "all" else 1)
    numbers = np.asarray(values, dtype=np.float64)
    is_there = np.isfinite(numbers)
    n_there = np.bincount(group[is_there], minlength=n_groups)
    found = _of_present(numbers[is_there], group[is_there], n_there, rule)
    found[n_there == 0] = np.nan
    if values.dtype.kind in "iu" and rule in {"sum", "max", "min"}:
        return found.astype(np.int64)
    return found


def _of_present(numbers: FloatArray, group: IntArray, n_there: IntArray, rule: Rule) -> FloatArray:
    n_groups = len(n_there)
    if rule in {"sum", "mean"}:
        total = np.bincount(group, weights=numbers, minlength=n_groups)
        return np.asarray(total if rule == "sum" else total / np.maximum(n_there, 1), np.float64)
    order = np.lexsort((numbers, group))
    in_order = np.append(numbers[order], np.nan)
    starts = np.cumsum(n_there) - n_there
    if rule == "min":
        return np.asarray(in_order[starts])
    last = np.maximum(starts + n_there - 1, 0)
    if rule == "max":
        return np.asarray(in_order[last])
    lower, upper = starts + np.maximum(n_there - 1, 0) // 2, starts + n_there // 2
    return np.asarray(0.5 * (in_order[lower] + in_order[upper]))


def mean_positions(
    ra_deg: FloatArray, dec_deg: FloatArray, group: IntArray, *, n_groups: int
) -> tuple[FloatArray, FloatArray]:
    """Return the mean direction of each source, right over 0/360 deg and at the poles.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
        Positions [deg]; NaN takes no part.
    group : ndarray, shape (n,), int64
        Source of each.
    n_groups : int
        Number of sources.

    Returns
    -------
    ra_deg, dec_deg : ndarray, shape (n_groups,)
        [deg], right ascension in [0, 360); NaN where a source has no position.

    Examples
    --------
    >>> ra_deg, _ = mean_positions(
    ...     np.array([359.9, 0.3]), np.zeros(2), np.zeros(2, int), n_groups=1)
    >>> ra_deg.round(6).tolist()
    [0.1]
    """
    is_place = np.isfinite(ra_deg) & np.isfinite(dec_deg)
    vectors = unit_vectors(ra_deg[is_place], dec_deg[is_place])
    x, y, z = (
        np.bincount(group[is_place], weights=vectors[:, axis], minlength=n_groups)
        for axis in range(3)
    )
    n_there = np.bincount(group[is_place], minlength=n_groups)
    ra = np.degrees(np.arctan2(y, x)) % 360.0
    dec = np.degrees(np.arctan2(z, np.hypot(x, y)))
    ra, dec = np.where(n_there > 0, ra % 360.0, np.nan), np.where(n_there > 0, dec, np.nan)
    # One position is its own mean, to the last digit.
    is_lone = n_there[group] == 1
    for mean, given in ((ra, ra_deg), (dec, dec_deg)):
        mean[group[is_place & is_lone]] = given[is_place & is_lone]
    return ra, dec
