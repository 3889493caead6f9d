"""Every period finder by its name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from skyvet.core.errors import InvalidInputError
from skyvet.features.periods.interface import PeriodFinder

__all__ = ["FINDERS", "finder_class", "get_finder"]

FINDERS = {
    "ls": "lomb_scargle:LombScargle",
    "mhaov": "multi_harmonic_aov:MultiHarmonicAOV",
    "mhf": "multi_harmonic_fourier:MultiHarmonicFourier",
    "nifty_ls": "nifty_lomb_scargle:NiftyLombScargle",
    "ce": "conditional_entropy:ConditionalEntropy",
    "aov": "analysis_of_variance:AnalysisOfVariance",
    "bls": "box_least_squares:BoxLeastSquares",
    "fpw": "fast_periodicity_weighting:FastPeriodicityWeighting",
    "mf": "template_matching:TemplateMatching",
}
"""Module (below this folder) and class of each kind; loaded when it is asked for."""


def finder_class(kind: str) -> type[PeriodFinder]:
    """Return the class of a kind of finder.

    Raises
    ------
    InvalidInputError
        If there is none of this name.

    Examples
    --------
    >>> finder_class("mhaov").__name__
    'MultiHarmonicAOV'
    """
    if kind not in FINDERS:
        raise InvalidInputError(f"no period finder '{kind}'; there are {', '.join(FINDERS)}")
    module, _, name = FINDERS[kind].partition(":")
    found: type[PeriodFinder] = getattr(
        importlib.import_module(f"skyvet.features.periods.{module}"), name
    )
    return found


def get_finder(settings: str | Mapping[str, Any]) -> PeriodFinder:
    """Return a finder by its kind, or by its settings with the kind among them.

    Parameters
    ----------
    settings : str or mapping
        ``"mhaov"``, or ``{"kind": "mhaov", "n_terms": 2}``; what `Config.model_dump` gave.

    Raises
    ------
    InvalidInputError
        If the kind is missing or there is no such finder.
    pydantic.ValidationError
        If a setting is unknown or out of range.

    Examples
    --------
    >>> get_finder({"kind": "mhaov", "n_terms": 2}).n_terms
    2
    """
    chosen = {"kind": settings} if isinstance(settings, str) else dict(settings)
    return finder_class(str(chosen.get("kind", ""))).model_validate(chosen)
