"""What happened in labelling: one event each time a person labels, or takes a label back.

A label store is the list of these events, never changed and never shortened. What a labeller holds
of a candidate today is the last event that no later UNDO takes back.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
import uuid
from dataclasses import dataclass, field

from skyvet.core.errors import InvalidInputError
from skyvet.records.identifiers import Identifier
from skyvet.records.labels import LabelValue

__all__ = ["LabelAction", "LabelEvent", "Shown", "check_time_of_act", "new_event_key"]

_EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_CLOCKS_DIFFER = dt.timedelta(days=1)


class LabelAction(enum.StrEnum):
    """What a labeller did."""

    LABEL = "label"
    UNDO = "undo"


def new_event_key() -> str:
    """Return a key that no other event has.

    Examples
    --------
    >>> len(new_event_key())
    32
    """
    return uuid.uuid4().hex


def check_time_of_act(labelled_at: dt.datetime, *, now: dt.datetime) -> None:
    """Refuse a time that no act comes from which is told at `now`.

    Parameters
    ----------
    labelled_at : datetime
        What a page or a file says, with a zone.
    now : datetime
        The present time, with a zone. The other clock may run ahead of it by a day.

    Raises
    ------
    InvalidInputError
        If the act were before 1970, or more than a day in the future.

    Examples
    --------
    >>> now = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    >>> check_time_of_act(now + dt.timedelta(hours=3), now=now)
    """
    if labelled_at < _EARLIEST:
        raise InvalidInputError(f"labelled_at {labelled_at.isoformat()} is before 1970; correct it")
    if labelled_at > now + _CLOCKS_DIFFER:
        raise InvalidInputError(
            f"labelled_at {labelled_at.isoformat()} is more than a day in the future of "
            f"{now.isoformat(timespec='seconds')}; set the clock that is wrong"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the labeller saw.

    Parameters
    ----------
    bundle : str
        Bundle whose score was at hand; empty = none.
    score : float
        Its probability of REAL, in [0, 1]; NaN = none.
    is_score_hidden : bool
        Whether the score was hidden until the label was given (blind mode).
    page_version : str
        Version of the page; empty = not labelled in a page.
    strategy : str
        Query strategy that put the candidate there; empty = none.
    """

    bundle: str = ""
    score: float = math.nan
    is_score_hidden: bool = False
    page_version: str = ""
    strategy: str = ""

    def __post_init__(self) -> None:
        """Check the score."""
        if not (math.isnan(self.score) or 0 <= self.score <= 1):
            raise InvalidInputError(f"score must be in [0, 1] or NaN, got {self.score}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelEvent:
    """One act of one labeller on one candidate.

    Parameters
    ----------
    survey : str
        Survey of the candidate, in lower case.
    candidate_id : int or str
        The survey's identifier; with `survey` it names the candidate.
    object_id : int, str or None
        Its object; None = not known.
    labeller : str
        Who labels: a person, a model, a catalogue. Not empty.
    action : LabelAction
        LABEL gives `value`; UNDO takes back the event whose key is `undoes`.
    value : LabelValue or None
        None exactly where the action is UNDO.
    subclass : str
        Finer class; empty = not given.
    confidence : float
        The labeller's own, in [0, 1]; NaN = not given.
    comment : str
        Free text; empty = none.
    labelled_at : datetime
        Time of the act, with a time zone; in UTC its year is from 1 to 9999.
    time_taken_s : float
        Time that the candidate was on screen [s], >= 0; NaN = not known.
    shown : Shown
        What the labeller saw.
    undoes : str
        Key of the event that is taken back; empty where the action is LABEL.
    event_key : str
        Unique, made where the act happens: an event that is delivered twice is stored once.

    Raises
    ------
    InvalidInputError
        If a field contradicts these rules.

    Examples
    --------
    >>> event = LabelEvent(survey="ztf", candidate_id=7, labeller="ada", value=LabelValue.REAL)
    >>> event.action, event.value
    (<LabelAction.LABEL: 'label'>, <LabelValue.REAL: 'real'>)
    """

    survey: str
    candidate_id: Identifier
    labeller: str
    value: LabelValue | None
    object_id: Identifier | None = None
    action: LabelAction = LabelAction.LABEL
    subclass: str = ""
    confidence: float = math.nan
    comment: str = ""
    labelled_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    time_taken_s: float = math.nan
    shown: Shown = Shown()
    undoes: str = ""
    event_key: str = field(default_factory=new_event_key)

    def __post_init__(self) -> None:
        """Check what belongs together."""
        self._check_names()
        is_undo = self.action is LabelAction.UNDO
        if is_undo != (self.value is None) or is_undo != bool(self.undoes):
            raise InvalidInputError(
                "an event is a LABEL with a value or an UNDO with the key of what it takes back, "
                f"got {self.action.value} with value={self.value!r}, undoes={self.undoes!r}"
            )
        if not (math.isnan(self.confidence) or 0 <= self.confidence <= 1):
            raise InvalidInputError(f"confidence must be in [0, 1] or NaN, got {self.confidence}")
        if not (math.isnan(self.time_taken_s) or 0 <= self.time_taken_s < math.inf):
            raise InvalidInputError(f"time_taken_s must be >= 0 or NaN, got {self.time_taken_s}")
        if self.labelled_at.tzinfo is None:
            raise InvalidInputError(f"labelled_at needs a time zone, got {self.labelled_at}")
        try:
            self.labelled_at.astimezone(dt.UTC)
        except OverflowError:
            raise InvalidInputError(
                f"labelled_at {self.labelled_at} lies outside the years 1 to 9999 of UTC"
            ) from None

    def _check_names(self) -> None:
        for name in ("survey", "labeller", "event_key"):
            if not getattr(self, name).strip():
                raise InvalidInputError(f"a label event needs a {name}, got an empty one")
        if isinstance(self.candidate_id, bool) or not isinstance(self.candidate_id, (int, str)):
            raise InvalidInputError(
                "candidate_id must be a whole number or text, got "
                f"{type(self.candidate_id).__name__} {self.candidate_id!r}"
            )
        if self.candidate_id == "":
            raise InvalidInputError("a label event needs a candidate_id, got an empty one")
