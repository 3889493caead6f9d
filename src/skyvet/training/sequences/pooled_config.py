"""What a user chooses about the default classifier; light, so that the help is fast."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from skyvet.core.configs import Config

__all__ = ["BoostingConfig", "KernelConfig", "PooledConfig"]

_SUBTYPES = (
    "ghost", "track", "column", "bright_star", "spike", "defocusing", "frame_edge", "cosmic",
)  # fmt: skip


class BoostingConfig(Config):
    """Gradient-boosted trees, averaged over several that see other rows and columns."""

    n_bags: int = Field(default=2, ge=1, description="boosted models averaged")
    n_rounds: int = Field(default=250, ge=1, description="trees of each")
    learning_rate: float = Field(default=0.05, gt=0, le=1, description="weight of a tree")
    n_leaves: int = Field(default=15, ge=2, description="most leaves of a tree")
    min_leaf: int = Field(default=15, ge=1, description="fewest objects in a leaf")
    l2: float = Field(default=1.0, ge=0, description="penalty on leaf values")
    column_fraction: float = Field(default=0.3, gt=0, le=1, description="columns tried per split")


class KernelConfig(Config):
    """Support-vector machine on ranks; groups of features count as their weights say.

    The squared distance of two objects is the sum over groups of weight times mean squared
    difference of normal scores; similarity is the exponential of minus the distance, and the mean
    of that over frames and over the light curve where there is one.
    """

    c: float = Field(default=6.0, gt=0, description="penalty on training errors")
    means: float = Field(default=0.13, ge=0, description="weight of statistics of latent means")
    spreads: float = Field(default=0.065, ge=0, description="... of log-variances")
    distances: float = Field(default=0.02, ge=0, description="... of distances to the median")
    correlations: float = Field(default=0.016, ge=0, description="... of correlations of means")
    segments: float = Field(default=0.13, ge=0, description="... of drift over the sequence")
    residuals: float = Field(default=0.1, ge=0, description="... of unexpected log-variances")
    looks: float = Field(default=0.065, ge=0, description="... of shares of kinds of frames")
    peaks: float = Field(default=0.065, ge=0, description="... of the likeliest frame of each kind")
    neighbours: float = Field(default=0.065, ge=0, description="... of how alone frames stand")
    light_curve: float = Field(default=1.4, ge=0, description="... of light-curve features")


class PooledConfig(Config):
    """Default classifier: pooled statistics of frames, a kernel machine and boosted trees."""

    kind: Literal["pooled"] = "pooled"
    kernel: KernelConfig = KernelConfig()
    boosting: BoostingConfig = BoostingConfig()
    kernel_weight: float = Field(default=2.0, ge=0, description="of the kernel machine's sum")
    boosting_weight: float = Field(default=0.32, ge=0, description="of the boosted logit")
    n_looks: int = Field(default=24, ge=1, description="kinds of frames found without labels")
    n_trees: int = Field(default=100, ge=1, description="randomised trees for sub-types")
    min_leaf: int = Field(default=4, ge=1, description="fewest objects in their leaves")
    subtypes: tuple[str, ...] = Field(default=_SUBTYPES, description="tags to tell apart")
