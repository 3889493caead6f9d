r"""Multiple-instance learning with gated attention: a few frames may decide about the whole object.

Each frame is encoded alone; heads of gated attention, the mean and the maximum over frames form one
row an object (Ilse, Tomczak & Welling 2018, arXiv:1802.04712):

.. math:: a_t \propto \exp\{ w^\top [\tanh(V z_t) \odot \sigma(U z_t)] \}

A set of frames has no order: permuting the inputs changes nothing. Since the pooled row is a sum,
the network also tells exactly what it would say without each one of the frames.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from skyvet.models.sequences.network_interface import (
    FAR_BELOW,
    SequenceNetwork,
    SequenceNetworkSettings,
    SequenceOutput,
    SequenceShape,
    mean_and_maximum,
)

__all__ = ["AttentionMilNetwork", "AttentionMilSettings"]

_LEAST_REST = 1e-3  # attention left to the other frames


class AttentionMilSettings(SequenceNetworkSettings):
    """Settings of gated attention over frames."""

    kind: Literal["attention_mil"] = "attention_mil"
    width: int = Field(default=64, ge=1, description="width of an encoded frame")
    n_heads: int = Field(default=4, ge=1, description="attention heads")
    gate_width: int = Field(default=32, ge=1, description="width of a head's gate")
    head_width: int = Field(default=64, ge=1, description="hidden layer over the pooled row")
    dropout: float = Field(default=0.25, ge=0, lt=1, description="dropout of the hidden layer")

    @property
    def has_evidence(self) -> bool:
        """True: leaving out a frame is exact and cheap."""
        return True

    def build(self, shape: SequenceShape) -> AttentionMilNetwork:
        """Return the untrained network."""
        return AttentionMilNetwork(self, shape)


class _Pooled(NamedTuple):
    """Frames pooled over one axis: attended (n, heads, width), mean and maximum (n, width)."""

    attended: Tensor
    mean: Tensor
    largest: Tensor


class AttentionMilNetwork(SequenceNetwork):
    """Encoder of frames, gated attention, mean, maximum, one hidden layer.

    Parameters
    ----------
    settings : AttentionMilSettings
        Widths and heads.
    shape : SequenceShape
        Context, where there is any, joins the pooled row.
    """

    def __init__(self, settings: AttentionMilSettings, shape: SequenceShape) -> None:
        super().__init__(shape)
        width, n_heads = settings.width, settings.n_heads
        self.encoder = nn.Sequential(
            nn.Linear(shape.n_inputs, width), nn.GELU(), nn.Linear(width, width), nn.GELU()
        )
        self.content = nn.Linear(width, n_heads * settings.gate_width)
        self.gate = nn.Linear(width, n_heads * settings.gate_width)
        self.score = nn.Parameter(0.1 * torch.randn(n_heads, settings.gate_width))
        pooled_width = width * (n_heads + 2) + shape.n_context
        self.head = nn.Sequential(
            nn.LayerNorm(pooled_width),
            nn.Linear(pooled_width, settings.head_width),
            nn.GELU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.head_width, 2 + shape.n_subtypes),
        )

    def forward(self, frames: Tensor, valid_mask: Tensor, context: Tensor) -> SequenceOutput:
        """Judge a batch; padding has no attention and enters neither mean nor maximum."""
        encoded = self.encoder(frames)
        attention = self._attention(encoded, valid_mask)
        pooled = _pool(encoded, attention, valid_mask)
        return SequenceOutput.of(self._judge(pooled, context))

    def forward_one(self, frames: Tensor, context: Tensor) -> SequenceOutput:
        """Judge one object, and how the logit would rise without each one of its frames."""
        encoded = self.encoder(frames)
        valid_mask = torch.ones_like(frames[:, :, 0], dtype=torch.bool)
        attention = self._attention(encoded, valid_mask)
        pooled = _pool(encoded, attention, valid_mask)
        logits = self._judge(pooled, context)
        without = _pool_without_each(encoded[0], attention[0], pooled)
        others = self._judge(without, context.expand(frames.shape[1], -1))
        rise = (others[:, 1] - others[:, 0]) - (logits[:, 1] - logits[:, 0])
        is_alone = valid_mask.sum() < 2
        return SequenceOutput.of(logits, torch.where(is_alone, torch.zeros_like(rise), rise)[None])

    def _attention(self, encoded: Tensor, valid_mask: Tensor) -> Tensor:
        """Return the attention of each head over frames, shape (n, t, heads)."""
        gated = torch.tanh(self.content(encoded)) * torch.sigmoid(self.gate(encoded))
        gated = gated.reshape(*gated.shape[:2], *self.score.shape)
        scores = (gated * self.score).sum(dim=3)
        scores = scores.masked_fill(~valid_mask[..., None], -torch.inf)
        return torch.softmax(scores, dim=1)

    def _judge(self, pooled: _Pooled, context: Tensor) -> Tensor:
        """Return the head's logits, shape (n, 2 + n_subtypes)."""
        row = torch.cat([pooled.attended.flatten(1), pooled.mean, pooled.largest, context], dim=1)
        logits: Tensor = self.head(row)
        return logits


def _pool(encoded: Tensor, attention: Tensor, valid_mask: Tensor) -> _Pooled:
    """Pool the frames of each object of a batch."""
    mean, largest = mean_and_maximum(encoded, valid_mask)
    return _Pooled(attended=attention.transpose(1, 2) @ encoded, mean=mean, largest=largest)


def _pool_without_each(encoded: Tensor, attention: Tensor, pooled: _Pooled) -> _Pooled:
    """Pool one object's t frames t times, each time without one of them.

    `encoded` has shape (t, width), `attention` (t, heads), `pooled` is that of all frames. A lone
    frame leaves nothing to pool; the caller discards that result.
    """
    weight = attention[:, :, None]
    rest = (1.0 - weight).clamp_min(_LEAST_REST)
    n_others = torch.ones_like(encoded[:, 0]).sum().sub(1.0).clamp_min(1.0)
    padded = torch.cat([encoded, torch.full_like(encoded[:1], FAR_BELOW)])
    largest, second = padded.topk(2, dim=0).values
    return _Pooled(
        attended=(pooled.attended - weight * encoded[:, None, :]) / rest,
        mean=(pooled.mean * (n_others + 1.0) - encoded) / n_others,
        largest=torch.where(encoded >= largest, second, largest),
    )
