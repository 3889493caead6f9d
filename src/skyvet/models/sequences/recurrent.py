"""Recurrent networks: the final state of a GRU or LSTM decides.

The four classifiers of Semenikhin (2024, Systems and Means of Informatics 34(1)) are of this form:
one layer of 128 units, read out at its final state by one linear layer with two logits. There,
padding ran through the state; here it never does.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from skyvet.models.sequences.network_interface import (
    SequenceNetwork,
    SequenceNetworkSettings,
    SequenceOutput,
    SequenceShape,
)

__all__ = ["RecurrentNetwork", "RecurrentSettings"]


class RecurrentSettings(SequenceNetworkSettings):
    """Settings of a recurrent network."""

    kind: Literal["recurrent"] = "recurrent"
    cell: Literal["gru", "lstm"] = Field(default="gru", description="kind of recurrent unit")
    is_bidirectional: bool = Field(
        default=False, description="a second network reads from the last frame to the first"
    )
    hidden: int = Field(default=128, ge=1, description="units in each direction")

    def build(self, shape: SequenceShape) -> RecurrentNetwork:
        """Return the untrained network.

        Examples
        --------
        >>> settings = RecurrentSettings(is_bidirectional=True)
        >>> network = settings.build(SequenceShape(n_inputs=36))
        >>> sum(weights.numel() for weights in network.parameters())
        128002
        """
        return RecurrentNetwork(self, shape)


class RecurrentNetwork(SequenceNetwork):
    """One recurrent layer in one or both directions, its final state, one linear layer.

    Each direction reads an object from its first or from its last frame, and its state is taken
    where the object ends: what follows is padding, which no state before it has seen. That equals
    packed sequences and is several times faster.

    Parameters
    ----------
    settings : RecurrentSettings
        Cell and width.
    shape : SequenceShape
        Context, where there is any, joins the final state.
    """

    def __init__(self, settings: RecurrentSettings, shape: SequenceShape) -> None:
        super().__init__(shape)
        layer = nn.LSTM if settings.cell == "lstm" else nn.GRU
        n_directions = 2 if settings.is_bidirectional else 1
        self.directions = nn.ModuleList(
            layer(shape.n_inputs, settings.hidden, batch_first=True) for _ in range(n_directions)
        )
        width = settings.hidden * n_directions + shape.n_context
        self.head = nn.Linear(width, 2 + shape.n_subtypes)

    def forward(self, frames: Tensor, valid_mask: Tensor, context: Tensor) -> SequenceOutput:
        """Judge a batch; the state of each object is that after its own last frame."""
        n_frames = valid_mask.sum(dim=1)
        rows = torch.arange(len(frames), device=frames.device)
        finals = []
        for i_direction, layer in enumerate(self.directions):
            ordered = frames if i_direction == 0 else _backwards(frames, n_frames)
            states, _ = layer(ordered)
            finals.append(states[rows, n_frames - 1])
        return SequenceOutput.of(self.head(torch.cat([*finals, context], dim=1)))


def _backwards(frames: Tensor, n_frames: Tensor) -> Tensor:
    """Return each object from its last frame to its first; padding stays at the end."""
    position = torch.arange(frames.shape[1], device=frames.device)[None]
    last = n_frames[:, None] - 1
    source = torch.where(position <= last, last - position, position)
    return frames.gather(1, source[..., None].expand_as(frames))
