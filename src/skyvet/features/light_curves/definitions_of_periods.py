"""Definitions of the columns that a period search makes."""

from __future__ import annotations

import dataclasses

from skyvet.features.light_curves.definition import FeatureDefinition, Scope, definitions
from skyvet.features.light_curves.definitions_in_band import BAND_DEFINITIONS
from skyvet.features.light_curves.fourier import FOURIER, N_OF_SCOPE
from skyvet.features.light_curves.period_columns import (
    N_LISTED,
    PERIOD_RANGES,
    family_columns,
)
from skyvet.features.periods.aliases import ALIAS_NAMES

__all__ = ["PERIOD_DEFINITIONS"]

_ANY, _UP, _UNIT = "(-inf, inf)", "[0, inf)", "[0, 1]"
_SCOPE = "SCoPe: Healy et al. 2024, arXiv:2312.00143"
_NONE = "no period was sought; period_flags says why"

_CONSENSUS = definitions(
    [
        ("period_d", "consensus of all algorithms and bands", "d", "(0, inf)"),
        ("period_err_d", "its uncertainty, one sigma", "d", "(0, inf)"),
        ("period_probability", "share of its peak in the probability of all candidates", "-",
         _UNIT),
        ("period_log10_fap", "log10 of the chance that noise makes so good a peak; at least -300",
         "-", "[-300, 0]"),
        ("period_explained_variance", "share of the weighted variance that the periodic model "
         "explains", "-", _UNIT),
        ("period_n_cycles", "baseline / period", "-", _UP),
        ("alias_period_d", "likeliest other member of the alias family, half, double, third and "
         "triple apart", "d", "(0, inf)"),
        ("alias_log_odds", "log of its probability against that of the period", "-", _ANY),
        *(
            (column, f"log of the probability of {name} (f = 1 / period_d, shifts by sidereal or "
             "solar days) against that of the period", "-", _ANY)
            for column, name in zip(family_columns(), ALIAS_NAMES, strict=True)
        ),
    ],
    group="periods", scope=Scope.SOURCE, reference="skyvet", missing=_NONE,
) + definitions(
    [
        (name, f"log of the probability of the best candidate from {low:g} to {high:g} d against "
         "that of the period", "-", "(-inf, 0]")
        for name, (low, high) in PERIOD_RANGES.items()
    ],
    group="ranges of period", scope=Scope.SOURCE, reference="skyvet",
    missing="no candidate in the range, or no period was sought",
)  # fmt: skip

_AGREEMENT = definitions(
    [
        ("significance", "significance_1 of the first algorithm", "-", _ANY),
        ("n_agree_pairs", "pairs of algorithms that share any listed period within 5 %, up to a "
         "factor of 2 or 3", "-", _UP),
        ("n_total_pairs", "pairs of algorithms", "-", _UP),
        ("agree_score", "n_agree_pairs / n_total_pairs", "-", _UNIT),
        ("agree_strict", "the same for the best period of each only", "-", _UNIT),
        ("agree_weighted", "mean over pairs of the best 1 / (rank rank)", "-", _UNIT),
        ("best_agree_period", "period of the pair that agrees best", "d", "(0, inf)"),
        ("best_consensus_period", "period with the largest sum of 1 / (rank rank)", "d",
         "(0, inf)"),
    ],
    group="agreement of algorithms", scope=Scope.SOURCE, reference=_SCOPE,
    missing=f"{_NONE}; agreement of a single algorithm",
)  # fmt: skip

_PEAKS = definitions(
    [
        row
        for k in range(1, N_LISTED + 1)
        for row in (
            (f"period_{k}", f"period of peak {k} of the algorithm", "d", "(0, inf)"),
            (f"significance_{k}", "(statistic of that peak - mean) / deviation of the periodogram",
             "-", _ANY),
            (f"robust_significance_{k}", "(statistic of that peak - median) / median absolute "
             "deviation of the periodogram", "-", _ANY),
        )
    ],
    group="periods of algorithms", scope=Scope.ALGORITHM, reference=_SCOPE,
    missing=f"{_NONE}, or there is no such peak",
)  # fmt: skip

_FOURIER = tuple(
    dataclasses.replace(
        feature,
        definition=f"{feature.definition}, at the algorithm's best period",
        group="fourier of algorithms",
        scope=Scope.ALGORITHM_BAND,
    )
    for feature in BAND_DEFINITIONS
    if feature.name in FOURIER[:N_OF_SCOPE]
)

PERIOD_DEFINITIONS: tuple[FeatureDefinition, ...] = (*_CONSENSUS, *_AGREEMENT, *_PEAKS, *_FOURIER)
"""All features of periods."""
