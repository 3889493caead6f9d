"""What a person chooses for one evaluation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from skyvet.core.configs import Config

__all__ = ["EvaluationConfig"]

OpenFraction = Annotated[float, Field(gt=0.0, lt=1.0)]


class EvaluationConfig(Config):
    """Settings of a report.

    Parameters
    ----------
    title : str
        Heading of the page; empty for one made from the bundle's name.
    prior : float, default 0.1
        Fraction of REAL in the stream that the classifier will see, in (0, 1); 0.1 is Rubin's
        nine artefacts per real source.
    snr_cuts : tuple of float, default (0, 5, 6)
        Curves are drawn for candidates above each of these, rising; the requirement has its own.
    threshold : float, default 0.5
        ``score >= threshold`` is taken for REAL; used where `target` is ``none``.
    target : str, default "none"
        Instead of a threshold: choose the one that gives this much ``purity`` (at the prior),
        ``completeness``, ``fpr`` (false positive rate) or ``workload`` (fraction of the stream
        selected). It is then tuned on the very labels that judge it, which the page says.
    target_value : float, default 0.95
        The value to reach, in (0, 1).
    min_completeness : float, default 0.90
        Share of the real ones that the requirement asks to keep, in (0, 1); OSS-REQ-0353: 0.90.
    min_purity : float, default 0.95
        Share of real ones that it asks for among those kept, in (0, 1); OSS-REQ-0353: 0.95.
    min_snr : float, default 6
        The requirement speaks of candidates with an S/N above this; OSS-REQ-0353: 6.
    confidence : float, default 0.95
        Coverage of every interval, in (0, 1).
    n_resamples : int, default 500
        Bootstrap resamples (of whole objects); fewer, at least 100, for samples beyond some
        thousand candidates.
    seed : int, default 0
        Seed of the bootstrap: the same input and seed give the same report.
    n_bins : int, default 10
        Bins of calibration figures and histograms.
    n_examples : int, default 6
        Candidates in each row of the picture wall.
    min_slice : int, default 10
        Slices with fewer labelled candidates, or fewer than five of a class, are listed without
        an AUC.

    Examples
    --------
    >>> EvaluationConfig(prior=0.2).snr_cuts
    (0.0, 5.0, 6.0)
    """

    title: str = ""
    prior: OpenFraction = 0.1
    snr_cuts: tuple[float, ...] = (0.0, 5.0, 6.0)
    threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    target: Literal["none", "purity", "completeness", "fpr", "workload"] = "none"
    target_value: OpenFraction = 0.95
    min_completeness: OpenFraction = 0.90
    min_purity: OpenFraction = 0.95
    min_snr: float = Field(default=6.0, ge=0.0)
    confidence: float = Field(default=0.95, ge=0.5, le=0.9999)
    n_resamples: int = Field(default=500, ge=20)
    seed: int = Field(default=0, ge=0)
    n_bins: int = Field(default=10, ge=2, le=100)
    n_examples: int = Field(default=6, ge=0, le=50)
    min_slice: int = Field(default=10, ge=2)

    @model_validator(mode="after")
    def _check_cuts(self) -> EvaluationConfig:
        if not self.snr_cuts or list(self.snr_cuts) != sorted(set(self.snr_cuts)):
            raise ValueError(f"snr_cuts must rise and not be empty, got {self.snr_cuts}")
        return self
