"""Learning from positives and unlabelled rows, which hold positives, too."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["positive_unlabelled_risk"]


def positive_unlabelled_risk(positive: Tensor, unlabelled: Tensor, *, prior: float) -> Tensor:
    r"""Return the risk of a classifier that knows positives and unlabelled rows alone, shape ().

    .. math:: \pi\, E_P[\ell(f)] + \left| E_U[\ell(-f)] - \pi\, E_P[\ell(-f)] \right|

    with the symmetric loss :math:`\ell(f) = \sigma(-f)`. The second term is the risk on the
    unlabelled negatives; it cannot be negative, so a batch where it is has been learnt by heart,
    and the sign turns (non-negative risk of Kiryo et al. 2017; absolute value: Hammoudeh & Lowd
    2020). Since the loss is bounded, REAL among the unlabelled rows costs little.

    Parameters
    ----------
    positive, unlabelled : Tensor, shape (n,) and (m,)
        Logits, at least one of each.
    prior : float
        Fraction of positives among the unlabelled rows, in (0, 1).

    Examples
    --------
    >>> far = torch.tensor([50.0])
    >>> mixed = torch.tensor([50.0, -50.0])
    >>> positive_unlabelled_risk(far, mixed, prior=0.5).item()
    0.0
    """
    positive, unlabelled = positive.float(), unlabelled.float()
    missed = torch.sigmoid(-positive).mean()
    negatives = torch.sigmoid(unlabelled).mean() - prior * torch.sigmoid(positive).mean()
    return prior * missed + negatives.abs()
