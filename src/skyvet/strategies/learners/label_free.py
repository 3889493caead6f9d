"""Ranks the pool before the first label, and starts from that once labels are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.strategies.learners.networks import NetworkClassifier
from skyvet.strategies.learners.semi_supervised import SemiSupervisedLearner
from skyvet.strategies.pretraining.configs import LabelFreeStart
from skyvet.strategies.queries.interface import Opinion
from skyvet.training.splits import objects_of_scarcer_class

__all__ = ["LabelFreeClassifier", "LabelFreeLearner"]

_LEAST_OBJECTS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelFreeClassifier(NetworkClassifier):
    """A network that no label went into; it does not look at metadata.

    Parameters
    ----------
    prior_estimate : float
        Estimated fraction of REAL in the pool.
    """

    prior_estimate: float

    def judge(self, rows: CandidatePool) -> Opinion:
        """Return what the network thinks of each row's stamps."""
        images = CandidatePool(
            stamps=rows.stamps, candidate_ids=rows.candidate_ids, object_ids=rows.object_ids
        )
        return NetworkClassifier.judge(self, images)


class LabelFreeLearner(Config):
    """Sources put into the pool's own stamps first; labels, once both classes have some, after."""

    kind: Literal["label_free"] = "label_free"
    first: LabelFreeStart = Field(
        default=LabelFreeStart(), description="what ranks candidates before there are labels"
    )
    then: SemiSupervisedLearner = Field(
        default=SemiSupervisedLearner(),
        description="what learns from labels; its network is used throughout, and `first` takes "
        "the place of its start",
    )

    def fit(
        self,
        pool: CandidatePool,
        bought: BoughtLabels,
        *,
        seed: int,
        work_dir: Path | None = None,
        progress: Progress | None = None,
    ) -> NetworkClassifier:
        """Learn from the pool and, where both classes have labels, from these.

        Parameters
        ----------
        pool, bought, seed, work_dir, progress
            As `skyvet.strategies.learners.interface.FewLabelLearner.fit`; `bought` may be empty.

        Returns
        -------
        NetworkClassifier
            With labels of fewer than 2 objects of a class, a `LabelFreeClassifier`: nothing was
            learnt from them, and nothing is held out.

        Raises
        ------
        InvalidInputError
            If `first` names no dataset, or the pool cannot be used.
        """
        if self.first.data is None:
            raise InvalidInputError(
                "learner 'label_free' needs the raw stamps: set first.data, the dataset of the pool"
            )
        if objects_of_scarcer_class(pool.labelled(bought)) >= _LEAST_OBJECTS:
            learner = self.then.model_copy(update={"start": self.first})
            return learner.fit(pool, bought, seed=seed, work_dir=work_dir, progress=progress)
        from skyvet.strategies.pretraining.label_free import (  # noqa: PLC0415 - loads lightning
            fit_label_free,
            stamps_of_dataset,
        )

        network = self.then.member.network
        found = fit_label_free(
            pool,
            stamps_of_dataset(self.first.data, pool),
            network,
            config=self.first,
            seed=seed,
            checkpoint_dir=work_dir and work_dir / "start",
            progress=progress,
        )
        return LabelFreeClassifier(
            networks=(found.fitted.build(),),
            network_config=network,
            held_out_logits=np.full(len(bought), np.nan, dtype=np.float32),
            prior_estimate=found.prior_estimate,
        )
