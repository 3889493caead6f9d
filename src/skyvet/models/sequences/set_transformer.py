"""A small set transformer: frames look at each other through a few inducing points.

Lee et al. (2019, arXiv:1810.00825): induced set attention blocks (cost linear in the number of
frames), then pooling by the attention of learnt seeds, joined here by the mean and the maximum over
frames. Permuting the inputs changes nothing.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from skyvet.models.sequences.network_interface import (
    SequenceNetwork,
    SequenceNetworkSettings,
    SequenceOutput,
    SequenceShape,
    mean_and_maximum,
)

__all__ = ["SetTransformerNetwork", "SetTransformerSettings"]


class SetTransformerSettings(SequenceNetworkSettings):
    """Settings of a set transformer."""

    kind: Literal["set_transformer"] = "set_transformer"
    width: int = Field(default=64, ge=1, description="width of an encoded frame")
    n_heads: int = Field(default=4, ge=1, description="attention heads; divides the width")
    n_blocks: int = Field(default=2, ge=0, description="induced set attention blocks")
    n_inducing: int = Field(default=16, ge=1, description="inducing points of a block")
    n_seeds: int = Field(default=4, ge=1, description="seeds that pool the frames")
    head_width: int = Field(default=64, ge=1, description="hidden layer over the pooled row")
    dropout: float = Field(default=0.25, ge=0, lt=1, description="dropout of the hidden layer")

    @model_validator(mode="after")
    def _check_heads(self) -> SetTransformerSettings:
        if self.width % self.n_heads:
            raise ValueError(f"n_heads={self.n_heads} must divide width={self.width}")
        return self

    @property
    def has_evidence(self) -> bool:
        """True: the attention of the seeds."""
        return True

    def build(self, shape: SequenceShape) -> SetTransformerNetwork:
        """Return the untrained network."""
        return SetTransformerNetwork(self, shape)


class SetTransformerNetwork(SequenceNetwork):
    """Encoder of frames, induced set attention blocks, pooling, one hidden layer.

    Parameters
    ----------
    settings : SetTransformerSettings
        Widths, blocks, heads.
    shape : SequenceShape
        Context, where there is any, joins the pooled row.
    """

    def __init__(self, settings: SetTransformerSettings, shape: SequenceShape) -> None:
        super().__init__(shape)
        width, n_heads = settings.width, settings.n_heads
        self.encoder = nn.Sequential(
            nn.Linear(shape.n_inputs, width), nn.GELU(), nn.Linear(width, width)
        )
        self.blocks = nn.ModuleList(
            _InducedBlock(width, n_heads, settings.n_inducing) for _ in range(settings.n_blocks)
        )
        self.seeds = nn.Parameter(torch.randn(settings.n_seeds, width))
        self.pooling = _Attention(width, n_heads)
        pooled_width = width * (settings.n_seeds + 2) + shape.n_context
        self.head = nn.Sequential(
            nn.LayerNorm(pooled_width),
            nn.Linear(pooled_width, settings.head_width),
            nn.GELU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.head_width, 2 + shape.n_subtypes),
        )

    def forward(self, frames: Tensor, valid_mask: Tensor, context: Tensor) -> SequenceOutput:
        """Judge a batch; nothing looks at padding."""
        return self._judge(frames, valid_mask, context, with_evidence=False)

    def forward_one(self, frames: Tensor, context: Tensor) -> SequenceOutput:
        """Judge one object, and how much its result looks at each one of its frames."""
        valid_mask = torch.ones_like(frames[:, :, 0], dtype=torch.bool)
        return self._judge(frames, valid_mask, context, with_evidence=True)

    def _judge(
        self, frames: Tensor, valid_mask: Tensor, context: Tensor, *, with_evidence: bool
    ) -> SequenceOutput:
        """Return the output, with the seeds' mean attention where wanted."""
        encoded = self.encoder(frames)
        for block in self.blocks:
            encoded = block(encoded, valid_mask)
        seeds = self.seeds.expand(len(frames), -1, -1)
        pooled, attention = self.pooling(seeds, encoded, valid_mask)
        row = torch.cat([pooled.flatten(1), *mean_and_maximum(encoded, valid_mask), context], dim=1)
        logits = self.head(row)
        return SequenceOutput.of(logits, attention.mean(dim=(1, 2)) if with_evidence else None)


class _Attention(nn.Module):
    """Multi-head attention of queries on keys, each with a residual layer behind (MAB)."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_of_query = nn.LayerNorm(width)
        self.norm_of_key = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_and_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)
        )

    def forward(
        self, queries: Tensor, keys: Tensor, valid_mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return what each query becomes (n, q, width), and its attention (n, heads, q, t)."""
        query = self._split(self.query(self.norm_of_query(queries)))
        key, value = self.key_and_value(self.norm_of_key(keys)).chunk(2, dim=2)
        scores = query @ self._split(key).transpose(2, 3) * query.shape[3] ** -0.5
        if valid_mask is not None:
            scores = scores.masked_fill(~valid_mask[:, None, None, :], -torch.inf)
        attention = torch.softmax(scores, dim=3)
        mixed = (attention @ self._split(value)).transpose(1, 2).flatten(2)
        queries = queries + self.out(mixed)
        return queries + self.feed_forward(queries), attention

    def _split(self, values: Tensor) -> Tensor:
        """Return (n, q, width) as (n, heads, q, width / heads)."""
        shape = (*values.shape[:2], self.n_heads, values.shape[2] // self.n_heads)
        return values.reshape(shape).transpose(1, 2)


class _InducedBlock(nn.Module):
    """Frames look at inducing points that looked at the frames (ISAB)."""

    def __init__(self, width: int, n_heads: int, n_inducing: int) -> None:
        super().__init__()
        self.points = nn.Parameter(torch.randn(n_inducing, width))
        self.gather = _Attention(width, n_heads)
        self.spread = _Attention(width, n_heads)

    def forward(self, encoded: Tensor, valid_mask: Tensor) -> Tensor:
        """Return the frames after the block, shape (n, t, width)."""
        points, _ = self.gather(self.points.expand(len(encoded), -1, -1), encoded, valid_mask)
        spread, _ = self.spread(encoded, points, None)
        result: Tensor = spread
        return result
