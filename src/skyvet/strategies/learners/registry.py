"""Every few-label learner behind one config union; adding one is one file and one row here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from skyvet.strategies.learners.supervised import SupervisedLearner

__all__ = ["LEARNERS", "LearnerConfig", "LearnerRow"]

LearnerConfig = SupervisedLearner
"""Any learner's settings, which is the learner itself; ``kind`` says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerRow:
    """One learner of the table.

    Parameters
    ----------
    title : str
        For people.
    learner : type
        Its settings class, with `fit`.
    starts_without_labels : bool, default False
        Whether it can be fitted before there is any label.
    """

    title: str
    learner: type[SupervisedLearner]
    starts_without_labels: bool = False


LEARNERS: Mapping[str, LearnerRow] = MappingProxyType(
    {
        "supervised": LearnerRow(
            title="networks trained on the bought labels alone", learner=SupervisedLearner
        ),
    }
)
"""The learners by kind."""
