"""Every few-label learner behind one config union; adding one is one file and one row here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from skyvet.core.configs import Config
from skyvet.strategies.learners.label_free import LabelFreeLearner
from skyvet.strategies.learners.rb_c1000 import RbC1000Learner
from skyvet.strategies.learners.semi_supervised import SemiSupervisedLearner
from skyvet.strategies.learners.supervised import SupervisedLearner

__all__ = ["LEARNERS", "LearnerConfig", "LearnerRow"]

LearnerConfig = Annotated[
    SupervisedLearner | SemiSupervisedLearner | LabelFreeLearner | RbC1000Learner,
    Field(discriminator="kind"),
]
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
    learner: type[Config]
    starts_without_labels: bool = False


LEARNERS: Mapping[str, LearnerRow] = MappingProxyType(
    {
        "supervised": LearnerRow(
            title="networks trained on the bought labels alone", learner=SupervisedLearner
        ),
        "semi_supervised": LearnerRow(
            title="pseudo-labels and consistency on the unlabelled pool",
            learner=SemiSupervisedLearner,
        ),
        "label_free": LearnerRow(
            title="sources put into the pool's own stamps before the first label, then "
            "semi-supervised",
            learner=LabelFreeLearner,
            starts_without_labels=True,
        ),
        "rb_c1000": LearnerRow(
            title="RB-C1000's training and self-training, as published", learner=RbC1000Learner
        ),
    }
)
"""The learners by kind."""
