"""Settings of the consensus, beside it so that a command's help need not load what it runs."""

from __future__ import annotations

from pydantic import Field

from skyvet.core.configs import Config

__all__ = ["DawidSkeneConfig"]


class DawidSkeneConfig(Config):
    """Settings of the consensus."""

    smoothing: float = Field(
        default=0.5,
        gt=0,
        description="Strength of the prior: in its unit, a labeller is right twice and wrong once "
        "in each class before the first label.",
    )
    n_iterations: int = Field(default=500, ge=1, description="Most rounds of EM.")
    tolerance: float = Field(
        default=1e-9, gt=0, description="Stop when no probability moves by more than this."
    )
