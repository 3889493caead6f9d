"""All strategies that stand alone, as one union: what `mixture` may be built on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from skyvet.strategies.queries.anomaly import AnomalyQuery
from skyvet.strategies.queries.badge import BadgeQuery
from skyvet.strategies.queries.disagreement import DisagreementQuery
from skyvet.strategies.queries.diverse_uncertain import DiverseUncertainQuery
from skyvet.strategies.queries.entropy import EntropyQuery
from skyvet.strategies.queries.high_confidence import HighConfidenceQuery
from skyvet.strategies.queries.k_center import KCenterQuery
from skyvet.strategies.queries.least_confidence import LeastConfidenceQuery
from skyvet.strategies.queries.margin import MarginQuery
from skyvet.strategies.queries.random_choice import RandomQuery
from skyvet.strategies.queries.stratified import StratifiedQuery

__all__ = ["SINGLE_STRATEGIES", "SingleQueryConfig"]

SingleQueryConfig = Annotated[
    RandomQuery
    | StratifiedQuery
    | LeastConfidenceQuery
    | MarginQuery
    | EntropyQuery
    | DisagreementQuery
    | KCenterQuery
    | BadgeQuery
    | DiverseUncertainQuery
    | HighConfidenceQuery
    | AnomalyQuery,
    Field(discriminator="kind"),
]
"""Any strategy that stands alone; ``kind`` says which."""

SINGLE_STRATEGIES = (
    RandomQuery,
    StratifiedQuery,
    LeastConfidenceQuery,
    MarginQuery,
    EntropyQuery,
    DisagreementQuery,
    KCenterQuery,
    BadgeQuery,
    DiverseUncertainQuery,
    HighConfidenceQuery,
    AnomalyQuery,
)
"""The same as a table, in the order in which a list shows them."""
