"""What a person chooses for a labelling session."""

from __future__ import annotations

from pydantic import Field

from skyvet.core.configs import MAX_SEED, Config

__all__ = ["DEFAULT_PORT", "LabellingConfig"]

DEFAULT_PORT = 8765
"""Where the page is unless a person chooses."""


class LabellingConfig(Config):
    """How candidates are queued and shown."""

    strategy: str = Field(
        "auto",
        description="query strategy; auto takes diverse candidates until both classes are "
        "labelled or a bundle scores them, then the uncertain ones",
    )
    audit: bool = Field(default=False, description="begin with labels that look wrong")
    blind: bool = Field(default=False, description="hide every score until the label is given")
    labels_wanted: int = Field(1, ge=1, le=20, description="labellers for each candidate")
    refit_every: int = Field(
        20, ge=1, le=100_000, description="new labels after which the queue is ranked again"
    )
    lease_s: float = Field(
        900.0,
        ge=5.0,
        le=86_400.0,
        description="time that a candidate stays reserved for one labeller [s]",
    )
    ahead: int = Field(
        500, ge=1, le=100_000, description="candidates that the strategy itself puts in order"
    )
    seed: int = Field(1, ge=0, le=MAX_SEED, description="everything random follows from it")
