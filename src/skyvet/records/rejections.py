"""Input that could not be scored: a result too, counted and named."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from skyvet.core.errors import PacketError
from skyvet.records.candidate import Candidate
from skyvet.records.identifiers import Identifier

__all__ = ["Rejection", "RejectionReason", "rejection_of"]


class RejectionReason(enum.StrEnum):
    """Why an input became no score; the values stand in tables and manifests."""

    UNREADABLE_FILE = "unreadable_file"
    TRUNCATED_PACKET = "truncated_packet"
    UNKNOWN_SCHEMA = "unknown_schema"
    MISSING_FIELD = "missing_field"
    BAD_VALUE = "bad_value"
    NO_CUTOUTS = "no_cutouts"
    UNREADABLE_CUTOUT = "unreadable_cutout"
    BLANK_STAMP = "blank_stamp"
    NO_VALID_PIXELS = "no_valid_pixels"
    STAMP_SIZE = "stamp_size"
    DUPLICATE_CANDIDATE = "duplicate_candidate"
    TOO_FEW_FRAMES = "too_few_frames"
    UNREADABLE_FRAME = "unreadable_frame"
    UNKNOWN_OBJECT = "unknown_object"
    UNAVAILABLE = "unavailable"
    NO_EPOCHS = "no_epochs"
    DIFFERENCE_FLUX = "difference_flux"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One input that was refused.

    Parameters
    ----------
    source : str
        File (and member or record number) it came from.
    reason : RejectionReason
        Why.
    detail : str
        What was found, for a person.
    survey : str
        Name of the adapter; empty where it was not reached.
    candidate_id : int or str, optional
        None where the packet could not be read that far.
    """

    source: str
    reason: RejectionReason
    detail: str
    survey: str = ""
    candidate_id: Identifier | None = None


def rejection_of(candidate: Candidate, error: PacketError, *, source: str = "") -> Rejection:
    """Return the rejection of a candidate that an error made unusable.

    Parameters
    ----------
    candidate : Candidate
        What was read.
    error : PacketError
        Why it cannot be scored.
    source : str, default ""
        Where it came from.
    """
    return Rejection(
        source=source,
        reason=RejectionReason(error.reason),
        detail=error.detail,
        survey=candidate.survey,
        candidate_id=candidate.candidate_id,
    )
