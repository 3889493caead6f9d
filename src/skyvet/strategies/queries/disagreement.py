"""Ensemble disagreement (BALD): where each member is sure and the members differ."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skyvet.core.arrays import IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.strategies.queries.interface import QueryState
from skyvet.strategies.queries.probability import ProbabilityConfig, verdict_entropy
from skyvet.strategies.queries.scored import ScoredQuery

__all__ = ["DisagreementQuery"]


class DisagreementQuery(ScoredQuery):
    r"""Asks first where a label would tell most about which member is right.

    .. math:: I = H\left(\tfrac{1}{M} \sum_m p_m\right) - \tfrac{1}{M} \sum_m H(p_m)

    Unlike entropy it passes over candidates that all members agree to be undecidable.

    References
    ----------
    Houlsby et al. 2011, arXiv:1112.5745; with deep ensembles Beluch et al. 2018, CVPR.

    Examples
    --------
    >>> from skyvet.strategies.queries.interface import Opinion
    >>> members = np.array([[5.0, 0.0], [-5.0, 0.0]])
    >>> state = QueryState(
    ...     opinion=Opinion(logits=np.zeros(2), member_logits=members),
    ...     labels=np.full(2, -1),
    ...     is_available=np.ones(2, dtype=bool),
    ... )
    >>> DisagreementQuery().rank(state, 1, rng=np.random.default_rng(0))
    array([0])
    """

    title: ClassVar[str] = "Ensemble disagreement (BALD)"
    needs_members: ClassVar[bool] = True

    kind: Literal["disagreement"] = "disagreement"
    probability: ProbabilityConfig = ProbabilityConfig()

    def utility(
        self,
        state: QueryState,
        rows: IntArray,
        *,
        rng: np.random.Generator,  # noqa: ARG002 - nothing random in it
    ) -> NDArray[np.float64]:
        """Return the mutual information of label and member [nats], in [0, ln 2]."""
        members = state.opinion.member_logits
        if members is None:
            raise InvalidInputError(f"strategy {self.kind!r} needs member_logits of an ensemble")
        logits = self.probability.logits(members[:, rows])
        # The logit of the mean probability from the mean of each side: sure verdicts stay exact.
        mean = np.log(expit(logits).mean(axis=0)) - np.log(expit(-logits).mean(axis=0))
        gained = verdict_entropy(mean) - verdict_entropy(logits).mean(axis=0)
        return np.asarray(np.maximum(gained, 0.0), dtype=np.float64)
