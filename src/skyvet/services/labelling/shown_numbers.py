"""Which of a packet's numbers a labeller sees, and in which unit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from skyvet.io.tables import FEATURE_PREFIX
from skyvet.records.flags import CandidateFlag
from skyvet.services.labelling.messages import NamedNumber

__all__ = ["SURVEY_SCORE", "numbers_of_row"]

SURVEY_SCORE = "survey score"
"""Name of the number that blind labelling hides: the survey's own opinion."""

_COLUMNS = (
    ("magnitude", "magnitude", "mag"),
    ("flux_njy", "flux", "nJy"),
    ("snr", "S/N", ""),
    ("edge_distance_px", "distance to edge", "px"),
)
_FEATURES = {
    "fwhm": ("FWHM", "px"),
    "elong": ("elongation", ""),
    "classtar": ("star-like", ""),
    "nneg": ("negative pixels", ""),
    "nbad": ("bad pixels", ""),
    "sumrat": ("sum ratio", ""),
    "magdiff": ("aperture - PSF", "mag"),
    "chipsf": ("PSF fit chi2", ""),
    "distnr": ("nearest in template", "px"),
    "magnr": ("its magnitude", "mag"),
    "sgscore1": ("nearest PS1 star-like", ""),
    "distpsnr1": ("nearest PS1", "arcsec"),
    "neargaia": ("nearest Gaia", "arcsec"),
    "maggaia": ("its G", "mag"),
    "neargaiabright": ("nearest bright Gaia", "arcsec"),
    "maggaiabright": ("its G, bright", "mag"),
    "psfChi2": ("PSF fit chi2", ""),
    "psfNdata": ("PSF fit pixels", ""),
    "apFlux": ("aperture flux", "nJy"),
    "scienceFlux": ("flux in science", "nJy"),
    "templateFlux": ("flux in template", "nJy"),
    "dipoleLength": ("dipole length", "arcsec"),
    "dipoleChi2": ("dipole chi2", ""),
    "trailLength": ("trail length", "arcsec"),
    "extendedness": ("extendedness", ""),
}
_MAX_UNKNOWN = 16


def numbers_of_row(row: Mapping[str, Any], *, with_survey_score: bool) -> tuple[NamedNumber, ...]:
    """Return what the panel beside the images shows of a candidate.

    Parameters
    ----------
    row : mapping
        A row of a dataset's table.
    with_survey_score : bool
        False leaves out the survey's own score (blind labelling).

    Returns
    -------
    tuple of NamedNumber
        Brightness first, then the adapter's features that help a person; of a survey with none of
        these, its first 16 features. Missing values are None.

    Examples
    --------
    >>> numbers = numbers_of_row({"snr": 7.5, "flags": 0}, with_survey_score=False)
    >>> [(number.name, number.value) for number in numbers]
    [('S/N', 7.5)]
    """
    found = [
        NamedNumber(name=title, value=_number(row[name]), unit=unit)
        for name, title, unit in _COLUMNS
        if name in row
    ]
    if with_survey_score and _number(row.get("survey_score")) is not None:
        found.append(NamedNumber(name=SURVEY_SCORE, value=_number(row["survey_score"])))
    flags = CandidateFlag(int(row.get("flags") or 0))
    if flags:
        names = ", ".join(
            str(flag.name).lower() for flag in CandidateFlag if flag and flag in flags
        )
        found.append(NamedNumber(name="flags", value=names.replace("_", " ")))
    return (*found, *_features(row))


def _features(row: Mapping[str, Any]) -> list[NamedNumber]:
    features = {
        name.removeprefix(FEATURE_PREFIX): _number(value)
        for name, value in row.items()
        if name.startswith(FEATURE_PREFIX)
    }
    known = [
        NamedNumber(name=title, value=features[name], unit=unit)
        for name, (title, unit) in _FEATURES.items()
        if features.get(name) is not None
    ]
    if known:
        return known
    given = [(name, value) for name, value in features.items() if value is not None]
    return [NamedNumber(name=name, value=value) for name, value in given[:_MAX_UNKNOWN]]


def _number(value: object) -> float | None:
    """Return a finite number to seven digits, as it was measured; None for anything else."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(f"{value:.7g}")
