"""What every network of frame sequences has in common: its input, its output, its settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from skyvet.core.configs import Config

__all__ = [
    "FAR_BELOW",
    "SequenceNetwork",
    "SequenceNetworkSettings",
    "SequenceOutput",
    "SequenceShape",
    "mean_and_maximum",
]

FAR_BELOW = -1e4
"""Below any encoded value; finite, so that 16-bit arithmetic keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceShape:
    """What a network is fed and asked for.

    Parameters
    ----------
    n_inputs : int
        Columns of a frame.
    n_context : int
        Columns of an object; 0 = none.
    n_subtypes : int
        Kinds of artefacts to tell apart; 0 = none.
    """

    n_inputs: int
    n_context: int = 0
    n_subtypes: int = 0


class SequenceOutput(NamedTuple):
    """What a network says of n objects padded to t frames.

    Attributes
    ----------
    logit : Tensor, shape (n,)
        Logit of REAL.
    class_logits : Tensor, shape (n, 2)
        Logits of BOGUS and REAL, whose difference is `logit`.
    subtype_logits : Tensor, shape (n, n_subtypes)
        Logit of each kind of artefact.
    evidence : Tensor, shape (n, t), or None
        Larger = the frame speaks more for an artefact. None in training, and where the network has
        nothing to say of single frames.
    """

    logit: Tensor
    class_logits: Tensor
    subtype_logits: Tensor
    evidence: Tensor | None = None

    @classmethod
    def of(cls, logits: Tensor, evidence: Tensor | None = None) -> SequenceOutput:
        """Return the output that a head's logits stand for: BOGUS, REAL, kinds of artefacts."""
        return cls(
            logit=logits[:, 1] - logits[:, 0],
            class_logits=logits[:, :2],
            subtype_logits=logits[:, 2:],
            evidence=evidence,
        )


class SequenceNetworkSettings(Config):
    """Settings that all networks share."""

    kind: str

    @property
    def has_evidence(self) -> bool:
        """Whether the network says which frames are guilty."""
        return False

    def build(self, shape: SequenceShape) -> SequenceNetwork:
        """Return the untrained network; each network's settings class says how."""
        raise NotImplementedError


class SequenceNetwork(nn.Module):
    """A network that never lets padding into a result.

    Parameters
    ----------
    shape : SequenceShape
        What it is fed and asked for.
    """

    def __init__(self, shape: SequenceShape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, frames: Tensor, valid_mask: Tensor, context: Tensor) -> SequenceOutput:
        """Judge a batch of objects.

        Parameters
        ----------
        frames : Tensor, shape (n, t, n_inputs)
            Frames in time order, padding at the end.
        valid_mask : Tensor, shape (n, t), bool
            True = a frame, False = padding. At least one frame each.
        context : Tensor, shape (n, n_context)
            One row an object.

        Returns
        -------
        SequenceOutput
        """
        raise NotImplementedError

    def forward_one(self, frames: Tensor, context: Tensor) -> SequenceOutput:
        """Judge one object that has no padding, and its frames: what is exported.

        Parameters
        ----------
        frames : Tensor, shape (1, t, n_inputs)
            All its frames.
        context : Tensor, shape (1, n_context)
            Its row.
        """
        valid_mask = torch.ones_like(frames[:, :, 0], dtype=torch.bool)
        output: SequenceOutput = self(frames, valid_mask, context)
        return output


def mean_and_maximum(encoded: Tensor, valid_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Pool the frames of each object without their padding.

    Parameters
    ----------
    encoded : Tensor, shape (n, t, width)
        Encoded frames.
    valid_mask : Tensor, shape (n, t), bool
        True = a frame, False = padding. At least one frame each.

    Returns
    -------
    mean, maximum : Tensor, shape (n, width)

    Examples
    --------
    >>> mean, maximum = mean_and_maximum(
    ...     torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]]))
    >>> mean.item(), maximum.item()
    (2.0, 3.0)
    """
    is_valid = valid_mask[..., None]
    mean = (encoded * is_valid).sum(dim=1) / is_valid.sum(dim=1)
    return mean, encoded.masked_fill(~is_valid, FAR_BELOW).amax(dim=1)
