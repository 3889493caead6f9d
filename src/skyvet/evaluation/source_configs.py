"""What a person chooses for one report on classes of sources."""

from __future__ import annotations

from pydantic import Field

from skyvet.core.configs import MAX_SEED, Config

__all__ = ["SourceReportConfig"]


class SourceReportConfig(Config):
    """Settings of a report on classes of sources.

    Parameters
    ----------
    title : str
        Heading of the page; empty for one made from the bundle's name.
    min_vote : float, default 0.7
        A source is of a class where the vote on it is at least this, and is not of it where the
        vote is at most one minus this; what lies between is undecided and left out. In (0.5, 1].
    threshold : float, optional
        One threshold for all classes, in [0, 1]; where not given, the classes' own from the score
        table, and one half where it has none.
    confidence : float, default 0.95
        Coverage of every interval, in (0, 1).
    n_resamples : int, default 300
        Bootstrap resamples of sources; fewer, at least 100, for samples beyond some ten thousand.
    seed : int, default 0
        Seed of the bootstrap: the same input and seed give the same report.
    n_bins : int, default 10
        Bins of calibration curves and histograms.
    n_examples : int, default 4
        Sources in each group of examples.
    n_importances : int, default 15
        Features shown a class.
    min_positives : int, default 5
        Classes with fewer sources of the class, or not of it, get counts and examples but no
        intervals.

    Examples
    --------
    >>> SourceReportConfig(min_vote=0.8).n_bins
    10
    """

    title: str = ""
    min_vote: float = Field(default=0.7, gt=0.5, le=1.0)
    threshold: float | None = Field(default=None, ge=0.0, le=1.0)
    confidence: float = Field(default=0.95, ge=0.5, le=0.9999)
    n_resamples: int = Field(default=300, ge=20)
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    n_bins: int = Field(default=10, ge=2, le=100)
    n_examples: int = Field(default=4, ge=0, le=30)
    n_importances: int = Field(default=15, ge=1, le=200)
    min_positives: int = Field(default=5, ge=1)
