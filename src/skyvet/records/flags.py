"""Why a candidate or its stamp is doubtful: one registry of bits."""

from __future__ import annotations

import enum

__all__ = ["FLAG_MEANINGS", "CandidateFlag"]


class CandidateFlag(enum.IntFlag):
    """Bits of the column ``flags`` of score tables; `FLAG_MEANINGS` explains each."""

    NONE = 0
    EDGE = 1
    MISSING_PIXELS = 2
    SENTINEL_PIXELS = 4
    NO_TEMPLATE = 8
    RESAMPLED = 16
    FOREIGN_SURVEY = 32
    NEAR_BRIGHT_STAR = 64
    INJECTED = 128
    SOLAR_SYSTEM = 256
    NEGATIVE_DIFFERENCE = 512


FLAG_MEANINGS: dict[CandidateFlag, str] = {
    CandidateFlag.EDGE: "a cutout is cut by the detector's edge; padding is masked",
    CandidateFlag.MISSING_PIXELS: "the survey sent NaN pixels; they are masked",
    CandidateFlag.SENTINEL_PIXELS: "the survey sent fill values (|x| > 1e30); they are masked",
    CandidateFlag.NO_TEMPLATE: "the survey sent no template image; its plane is masked",
    CandidateFlag.RESAMPLED: "the stamp had another size than the bundle's and was fitted by rule",
    CandidateFlag.FOREIGN_SURVEY: "the bundle was trained on another survey; not calibrated here",
    CandidateFlag.NEAR_BRIGHT_STAR: "the survey reports a bright star nearby",
    CandidateFlag.INJECTED: "a synthetic source injected by the survey or by skyvet",
    CandidateFlag.SOLAR_SYSTEM: "matches a known Solar System object",
    CandidateFlag.NEGATIVE_DIFFERENCE: "fainter than in the template (negative difference)",
}
"""What each flag says, for reports and pages."""
