"""Labels: what a person or a catalogue says of a candidate."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from skyvet.records.identifiers import Identifier

__all__ = ["Label", "LabelValue"]


class LabelValue(enum.StrEnum):
    """REAL is the positive class; UNKNOWN never reaches a loss or a metric."""

    REAL = "real"
    BOGUS = "bogus"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One label of one candidate. No label is None, never a value.

    Parameters
    ----------
    candidate_id : int or str
        The survey's identifier.
    value : LabelValue
        The judgement.
    subclass : str
        Finer class (see `skyvet.records.taxonomy`); empty where not given.
    source : str
        Who gave it: a labeller or a catalogue; empty where unknown.
    """

    candidate_id: Identifier
    value: LabelValue
    subclass: str = ""
    source: str = ""
