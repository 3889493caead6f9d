"""Losses of networks of sources: votes, classes that were not inspected, rare classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["non_negative_risk", "vote_loss"]

_TINY = 1e-6


def vote_loss(logits: Tensor, votes: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy to votes between 0 and 1; classes count alike.

    Parameters
    ----------
    logits : Tensor, shape (n, n_classes)
        Of the classes.
    votes : Tensor, shape (n, n_classes)
        Share of votes for the class, in [0, 1]; NaN = not inspected, counts nothing.
    weights : Tensor, shape (n, n_classes)
        >= 0.

    Returns
    -------
    Tensor, shape ()

    Examples
    --------
    >>> votes = torch.tensor([[1.0, float("nan")]])
    >>> float(vote_loss(torch.zeros(1, 2), votes, torch.ones(1, 2)))
    0.69...
    """
    is_known = torch.isfinite(votes)
    targets = torch.where(is_known, votes, torch.zeros_like(votes))
    used = torch.where(is_known, weights, torch.zeros_like(weights))
    losses = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (used * losses).sum() / used.sum().clamp(min=_TINY)


def non_negative_risk(logits: Tensor, votes: Tensor, weights: Tensor, *, priors: Tensor) -> Tensor:
    r"""Risk of learning from positive and not inspected sources (Kiryo et al. 2017, eq. 6).

    .. math:: R = \pi R_p^+ + \max(0, R_u^- - \pi R_p^-)

    for each class, with the cross-entropy; sources inspected and found not to be of the class add
    their plain loss, by their share among all.

    Parameters
    ----------
    logits : Tensor, shape (n, n_classes)
        Of the classes.
    votes : Tensor, shape (n, n_classes)
        In [0, 1]; NaN = not inspected.
    weights : Tensor, shape (n, n_classes)
        >= 0.
    priors : Tensor, shape (n_classes,)
        Fraction of each class among the sources that were not inspected, in (0, 1).

    Returns
    -------
    Tensor, shape ()
        Mean over classes.

    Examples
    --------
    >>> nan = float("nan")
    >>> sure = torch.tensor([[9.0], [9.0], [-9.0]])
    >>> votes, priors = torch.tensor([[1.0], [nan], [nan]]), torch.tensor([0.5])
    >>> float(non_negative_risk(sure, votes, torch.ones(3, 1), priors=priors)) < 0.01
    True
    """
    is_known = torch.isfinite(votes)
    share = torch.where(is_known, votes, torch.zeros_like(votes))
    loss_if_of = nn.functional.softplus(-logits)
    loss_if_not = nn.functional.softplus(logits)
    positive = weights * share
    negative = weights * torch.where(is_known, 1 - share, torch.zeros_like(share))
    unknown = weights * (~is_known)
    risk_of = _mean(loss_if_of, positive)
    risk_not_of_positive = _mean(loss_if_not, positive)
    risk_unknown = _mean(loss_if_not, unknown)
    risk_negative = _mean(loss_if_not, negative)
    n_known_negative, n_unknown = negative.sum(dim=0), unknown.sum(dim=0)
    from_unknown = torch.clamp(risk_unknown - priors * risk_not_of_positive, min=0.0)
    share_known = n_known_negative / (n_known_negative + n_unknown).clamp(min=_TINY)
    of_negatives = share_known * (1 - priors) * risk_negative + (1 - share_known) * from_unknown
    return (priors * risk_of + of_negatives).mean()


def _mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean over sources of each class; 0 where no source counts."""
    return (weights * losses).sum(dim=0) / weights.sum(dim=0).clamp(min=_TINY)
