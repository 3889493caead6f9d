"""Kinds of real and bogus candidates: one table of names and meanings."""

from __future__ import annotations

import enum

from skyvet.records.labels import LabelValue

__all__ = ["CandidateClass"]


class CandidateClass(enum.StrEnum):
    """Sub-class of a candidate; `label` tells its side and `meaning` explains it."""

    SUPERNOVA = "supernova"
    HOSTLESS = "hostless"
    NUCLEAR = "nuclear"
    VARIABLE_STAR = "variable_star"
    NEGATIVE_VARIABLE = "negative_variable"
    ASTEROID = "asteroid"
    FLARE = "flare"
    DIPOLE = "dipole"
    BRIGHT_STAR_RESIDUAL = "bright_star_residual"
    SPIKE = "spike"
    COSMIC_RAY = "cosmic_ray"
    TRAIL = "trail"
    BAD_COLUMN = "bad_column"
    HOT_PIXEL = "hot_pixel"
    BLEEDING = "bleeding"
    GHOST = "ghost"
    DEFOCUS = "defocus"
    TEMPLATE_DEFECT = "template_defect"
    NOISE_PEAK = "noise_peak"
    CROSSTALK = "crosstalk"
    DETECTOR_EDGE = "detector_edge"

    @property
    def label(self) -> LabelValue:
        """REAL or BOGUS."""
        return LabelValue.REAL if self in _REAL else LabelValue.BOGUS

    @property
    def meaning(self) -> str:
        """One sentence for a person."""
        return _MEANINGS[self]


_REAL = frozenset(
    {
        CandidateClass.SUPERNOVA,
        CandidateClass.HOSTLESS,
        CandidateClass.NUCLEAR,
        CandidateClass.VARIABLE_STAR,
        CandidateClass.NEGATIVE_VARIABLE,
        CandidateClass.ASTEROID,
        CandidateClass.FLARE,
    }
)

_MEANINGS = {
    CandidateClass.SUPERNOVA: "new point source on a host galaxy, off its centre",
    CandidateClass.HOSTLESS: "new point source with nothing in the template",
    CandidateClass.NUCLEAR: "brightening of a galaxy's centre (AGN, TDE)",
    CandidateClass.VARIABLE_STAR: "star that is brighter than in the template",
    CandidateClass.NEGATIVE_VARIABLE: "star or nucleus that is fainter than in the template",
    CandidateClass.ASTEROID: "moving source, seen in this exposure alone, slightly trailed",
    CandidateClass.FLARE: "faint star in the template, far brighter now",
    CandidateClass.DIPOLE: "misaligned subtraction: a positive beside a negative lobe",
    CandidateClass.BRIGHT_STAR_RESIDUAL: "rings and core residuals of a bright or saturated star",
    CandidateClass.SPIKE: "diffraction spike of a bright star",
    CandidateClass.COSMIC_RAY: "charged particle in the science exposure: sharp, not seeing-shaped",
    CandidateClass.TRAIL: "satellite, aeroplane or glint crossing the stamp",
    CandidateClass.BAD_COLUMN: "hot, dead or badly corrected detector column or row",
    CandidateClass.HOT_PIXEL: "single hot or cold pixels",
    CandidateClass.BLEEDING: "charge spilled along columns from a saturated star",
    CandidateClass.GHOST: "out-of-focus internal reflection of a bright star",
    CandidateClass.DEFOCUS: "doughnut-shaped image: exposure out of focus",
    CandidateClass.TEMPLATE_DEFECT: "the template holds the defect, the new image is clean",
    CandidateClass.NOISE_PEAK: "peak of correlated noise, no source",
    CandidateClass.CROSSTALK: "faint copy of a bright star read out by another amplifier",
    CandidateClass.DETECTOR_EDGE: "false peak at the edge of the detector or of a masked region",
}
