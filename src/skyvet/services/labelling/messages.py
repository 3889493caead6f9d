"""What the page and the server say to each other; the outside is checked here, once."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from skyvet.core.configs import Config
from skyvet.records.label_events import LabelAction
from skyvet.records.labels import LabelValue
from skyvet.services.labelling.subclasses import Subclass

__all__ = [
    "DatasetMessage",
    "Epoch",
    "HealthMessage",
    "Item",
    "ItemsAnswer",
    "ItemsRequest",
    "LabelMessage",
    "LabelsAnswer",
    "LabelsRequest",
    "LimitsMessage",
    "NamedNumber",
    "ProgressMessage",
    "QueueAnswer",
    "QueueName",
    "QueueRequest",
    "RecentAnswer",
    "RecentLabel",
    "Refusal",
    "ReleaseRequest",
    "RoundMessage",
    "SessionMessage",
    "SourceBand",
    "SourceClass",
    "SourceMessage",
    "SourcePeriod",
    "StrategyMessage",
]

MAX_ITEMS = 200
MAX_EVENTS = 500
_Text = Field("", max_length=2000)

QueueName = Literal["strategy", "audit", "all"]


class StrategyMessage(Config):
    """A query strategy that may be chosen."""

    kind: str
    title: str


class DatasetMessage(Config):
    """What is being labelled."""

    name: str
    n_candidates: int
    surveys: tuple[str, ...]


class LimitsMessage(Config):
    """How much one request may hold."""

    n_queue: int = MAX_ITEMS
    n_events: int = MAX_EVENTS


class SourceClass(Config):
    """A class of the tree by which sources are labelled; a parent stands before its children."""

    tag: str
    name: str
    parent: str
    meaning: str
    can_vote: bool


class SessionMessage(Config):
    """Answer of ``/api/session``: who looks at what; sources are labelled with ``classes``."""

    labeller: str
    can_label: bool
    csrf_token: str
    page_version: str
    dataset: DatasetMessage
    bundle: str | None
    strategy: str
    strategies: tuple[StrategyMessage, ...]
    default_queue: QueueName
    subclasses: tuple[Subclass, ...]
    is_blind: bool
    n_labels_wanted: int
    refit_every: int
    n_listed: int | None = None
    classes: tuple[SourceClass, ...] = ()
    limits: LimitsMessage = LimitsMessage()


class NamedNumber(Config):
    """A number of the packet with its unit; None = missing."""

    name: str
    value: float | str | None
    unit: str = ""


class Epoch(Config):
    """One point of a light curve; an upper limit has ``is_detection`` false."""

    band: str
    mjd_tai: float
    flux_njy: float | None
    flux_error_njy: float | None
    is_detection: bool
    is_candidate: bool = False


class Item(Config):
    """One candidate as the page shows it, or one source.

    A candidate has ``stamps`` (an address) and its time; a source has ``source`` (the address of
    its measurements) and, unless hidden, the probability of each class.
    """

    key: str
    candidate_id: str
    object_id: str
    survey: str
    band: str = ""
    mjd_tai: float | None = None
    score: float | None
    suspicion: float | None = None
    given_label: LabelValue | None = None
    given_by: str = ""
    strategy: str = ""
    numbers: tuple[NamedNumber, ...]
    stamps: str | None = None
    light_curve: tuple[Epoch, ...] | None = None
    cutout_px: int | None = None
    pixel_scale_arcsec: float | None = None
    source: str | None = None
    classes: dict[str, float] | None = None


class SourceBand(Config):
    """Measurements in one band: times [d, at the Sun where the position is known], magnitudes."""

    band: str
    mjd: tuple[float, ...]
    magnitude: tuple[float, ...]
    magnitude_err: tuple[float, ...]
    n_left_out: int


class SourcePeriod(Config):
    """A period to fold with."""

    name: str
    period_d: float
    note: str = ""


class SourceMessage(Config):
    """What is measured of one source.

    The periodogram holds the largest power of each of its steps, so that no peak is lost.
    """

    key: str
    bands: tuple[SourceBand, ...]
    periods: tuple[SourcePeriod, ...]
    false_alarm_probability: float | None
    remarks: tuple[str, ...]
    frequency_per_d: tuple[float, ...]
    power: tuple[float, ...]


class QueueRequest(Config):
    """Asks for the next candidates."""

    n: int = Field(20, ge=0, le=MAX_ITEMS)
    queue: QueueName = "strategy"
    strategy: str | None = Field(None, max_length=60)
    exclude: tuple[str, ...] = Field((), max_length=2000)


class QueueAnswer(Config):
    """The next candidates, and which of those at hand another labeller has taken meanwhile."""

    items: tuple[Item, ...]
    lost: tuple[str, ...]
    n_left: int
    round: int
    strategy: str


class ItemsRequest(Config):
    """Asks for candidates by their keys."""

    keys: tuple[str, ...] = Field(max_length=MAX_ITEMS)


class ItemsAnswer(Config):
    """The candidates asked for; unknown keys are left out."""

    items: tuple[Item, ...]


class ReleaseRequest(Config):
    """Gives candidates back; None = all. Skipped ones come last for this labeller."""

    keys: tuple[str, ...] | None = Field(None, max_length=2000)
    is_skipped: bool = False


class LabelMessage(Config):
    """One act of the labeller, as the page saw it."""

    event_key: str = Field(min_length=8, max_length=80)
    key: str = Field(min_length=1, max_length=300)
    action: LabelAction = LabelAction.LABEL
    value: LabelValue | None = None
    subclass: str = Field("", max_length=200)
    confidence: float | None = Field(None, ge=0, le=1)
    comment: str = _Text
    time_taken_s: float | None = Field(None, ge=0, lt=1e7)
    labelled_at: AwareDatetime | None = None
    is_score_hidden: bool = False
    strategy: str = Field("", max_length=60)
    undoes: str = Field("", max_length=80)


class LabelsRequest(Config):
    """Events to store; each is checked on its own, so that one bad one stops no other."""

    events: tuple[dict[str, Any], ...] = Field(max_length=MAX_EVENTS)


class Refusal(Config):
    """An event that will never be stored as it is."""

    event_key: str
    reason: str


class LabelsAnswer(Config):
    """What the store holds now, what it never will, and the scores that may be seen now."""

    acknowledged: tuple[str, ...]
    refused: tuple[Refusal, ...]
    scores: dict[str, float | None]


class RoundMessage(Config):
    """One refit: with how many labels, and how well the labels before had foreseen the new."""

    round: int
    n_labels: int
    n_real: int
    n_bogus: int
    agreement: float | None
    seconds: float


class ProgressMessage(Config):
    """Where the labelling stands.

    ``n_total`` candidates are to be labelled; of them ``n_begun`` have a label, ``n_done`` as many
    as are wanted, ``n_left`` fewer, and ``n_open`` still want one of the labeller who asks.
    ``n_labelled`` counts labels, of which one candidate may have several.
    """

    n_total: int
    n_labelled: int
    n_begun: int
    n_done: int
    n_left: int
    n_open: int
    n_suspects: int
    n_by_value: dict[str, int]
    n_by_labeller: dict[str, int]
    pace_per_minute: float
    round: int
    n_labels_to_next_round: int
    is_refitting: bool
    history: tuple[RoundMessage, ...]


class RecentLabel(Config):
    """A standing label of the labeller."""

    event_key: str
    key: str
    value: LabelValue
    subclass: str
    confidence: float | None
    comment: str
    labelled_at: dt.datetime
    score: float | None
    item: Item


class RecentAnswer(Config):
    """Standing labels, the newest first."""

    labels: tuple[RecentLabel, ...]


class HealthMessage(Config):
    """Whether the server runs and the store answers."""

    ok: bool
    store_ok: bool
