"""One detection in one difference image, to be judged real or bogus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from skyvet.core.errors import InvalidInputError
from skyvet.records.cutouts import CutoutTriplet
from skyvet.records.flags import CandidateFlag
from skyvet.records.identifiers import Identifier, check_identifier
from skyvet.records.light_curve import LightCurve
from skyvet.records.total_flux import NO_TOTAL, TotalFlux

__all__ = ["Candidate"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """One alert after decoding, the same for every survey.

    Parameters
    ----------
    survey : str
        Name of the adapter: ``ztf``, ``lsst`` or the name in a mapping file.
    candidate_id, object_id : int or str
        The survey's own identifiers in their own type.
    mjd_tai : float
        Mid-exposure time [d, TAI].
    ra_deg, dec_deg : float
        Position [deg, ICRS]; NaN where unknown.
    band : str
        Filter: ``g r i ...``; empty where unknown.
    flux_njy, flux_err_njy : float
        Signed difference flux and its error [nJy]; NaN where unknown.
    total : TotalFlux
        Flux with the template's; NaN where the packet does not tell.
    snr : float
        Size of the difference flux over its error, >= 0; NaN where unknown.
    cutouts : CutoutTriplet, optional
        Images; None where the packet carries none (such a candidate is then rejected for image
        models, while its light curve stays usable).
    history : LightCurve, optional
        Earlier detections and limits of the object.
    survey_score : float
        The survey's own real-bogus score (ZTF ``drb``, LSST ``reliability``); NaN where missing.
        Comparable only within one `survey_score_version`.
    survey_score_version : str
        Name and version of that score; empty where missing.
    edge_distance_px : float
        Distance to the detector's nearest edge [pixels]; NaN where unknown.
    flags : CandidateFlag
        What is doubtful about it.
    features : mapping of str to float
        The adapter's scalar columns for the metadata branch (``SurveyAdapter.feature_names``), all
        of them, NaN = missing (sentinels such as -999 are already NaN).

    Raises
    ------
    InvalidInputError
        If an identifier has the wrong type or the time is not finite.
    """

    survey: str
    candidate_id: Identifier
    object_id: Identifier
    mjd_tai: float
    ra_deg: float = math.nan
    dec_deg: float = math.nan
    band: str = ""
    flux_njy: float = math.nan
    flux_err_njy: float = math.nan
    total: TotalFlux = NO_TOTAL
    snr: float = math.nan
    cutouts: CutoutTriplet | None = None
    history: LightCurve | None = None
    survey_score: float = math.nan
    survey_score_version: str = ""
    edge_distance_px: float = math.nan
    flags: CandidateFlag = CandidateFlag.NONE
    features: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check identifiers and time."""
        for name in ("candidate_id", "object_id"):
            object.__setattr__(self, name, check_identifier(getattr(self, name), name=name))
        if not math.isfinite(self.mjd_tai):
            raise InvalidInputError(f"mjd_tai must be finite, got {self.mjd_tai}")
