"""What a user chooses about scoring; light, so that the command's help is fast."""

from __future__ import annotations

from pydantic import Field

from skyvet.core.configs import Config

__all__ = ["EmbedConfig", "ScoreConfig", "SequenceScoreConfig"]


class ScoreConfig(Config):
    """How a night, or a folder of frame sequences, is scored."""

    survey: str = Field(default="auto", description="adapter to use; auto looks at each packet")
    prior: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="fraction of REAL expected among the candidates; none = the bundle's own",
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="call REAL from this score on; none = the bundle's own",
    )
    alpha: float = Field(
        default=0.05, ge=0, lt=0.5, description="error level of verdicts; 0 = never answer 'review'"
    )
    n_per_part: int = Field(
        default=1024, ge=1, le=65_536, description="alerts or objects a part; bounds memory"
    )
    n_threads: int = Field(
        default=0, ge=0, le=512, description="threads of the network; 0 = all cores"
    )


class SequenceScoreConfig(Config):
    """What is particular to frame sequences."""

    n_top: int = Field(
        default=10, ge=0, le=100, description="suspicious frames to name for each object"
    )
    min_frames: int = Field(
        default=3, ge=1, description="objects with fewer usable frames are rejected, not scored"
    )


class EmbedConfig(Config):
    """How frames are embedded."""

    min_frames: int = Field(
        default=3, ge=1, description="objects with fewer usable frames are rejected"
    )
    frames_per_part: int = Field(
        default=65_536, ge=1, description="embedded frames a part; bounds memory"
    )
    n_threads: int = Field(
        default=0, ge=0, le=512, description="objects embedded at once; 0 = one a core"
    )
