"""The probability that a strategy reads from logits: temperature and prior."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import expit, logit

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config

__all__ = ["ProbabilityConfig", "verdict_entropy"]


class ProbabilityConfig(Config):
    """From logit to probability of REAL in the pool.

    The defaults take the logits as they are. A network trained on a class ratio other than the
    pool's has its boundary in the wrong place: give both ratios (Saerens et al. 2002).
    """

    temperature: float = Field(
        default=1.0, gt=0, description="logits are divided by it; > 1 makes them less sure"
    )
    training_prior: float = Field(
        default=0.5, gt=0, lt=1, description="fraction REAL that the classifier was trained on"
    )
    pool_prior: float = Field(
        default=0.5, gt=0, lt=1, description="fraction REAL among the candidates of the pool"
    )

    def logits(self, logits: FloatArray) -> NDArray[np.float64]:
        """Return the logits at this temperature and at the pool's prior, any shape.

        Examples
        --------
        >>> ProbabilityConfig(temperature=2.0).logits(np.array([-4.0, 1.0]))
        array([-2. ,  0.5])
        """
        shift = float(logit(self.pool_prior) - logit(self.training_prior))
        return np.asarray(logits, dtype=np.float64) / self.temperature + shift


def verdict_entropy(logits: FloatArray) -> NDArray[np.float64]:
    """Return the entropy of REAL or BOGUS [nats], exact for sure verdicts too.

    Examples
    --------
    >>> verdict_entropy(np.array([0.0, 800.0]))
    array([0.6931..., 0.        ])
    """
    distance = np.abs(np.asarray(logits, dtype=np.float64))
    return np.asarray(np.logaddexp(0, -distance) + distance * expit(-distance), dtype=np.float64)
