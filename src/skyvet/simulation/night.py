"""One night of a simulated survey: candidate number i, with its truth, from a seed alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.optional import require
from skyvet.records.candidate import Candidate
from skyvet.records.identifiers import Identifier
from skyvet.records.labels import LabelValue
from skyvet.records.taxonomy import CandidateClass
from skyvet.simulation.surveys import SurveyName, SurveyTraits, survey_traits

__all__ = [
    "DEFAULT_RATES",
    "NightConfig",
    "SimulatedCandidate",
    "Truth",
    "simulate_candidate",
    "simulate_chunk",
]

DEFAULT_RATES: dict[CandidateClass, float] = {
    CandidateClass.SUPERNOVA: 20.0,
    CandidateClass.HOSTLESS: 8.0,
    CandidateClass.NUCLEAR: 10.0,
    CandidateClass.VARIABLE_STAR: 18.0,
    CandidateClass.NEGATIVE_VARIABLE: 12.0,
    CandidateClass.ASTEROID: 28.0,
    CandidateClass.FLARE: 4.0,
    CandidateClass.DIPOLE: 42.0,
    CandidateClass.BRIGHT_STAR_RESIDUAL: 10.0,
    CandidateClass.SPIKE: 5.0,
    CandidateClass.COSMIC_RAY: 4.0,
    CandidateClass.TRAIL: 14.0,
    CandidateClass.BAD_COLUMN: 4.0,
    CandidateClass.HOT_PIXEL: 5.0,
    CandidateClass.BLEEDING: 3.0,
    CandidateClass.GHOST: 2.0,
    CandidateClass.DEFOCUS: 1.0,
    CandidateClass.TEMPLATE_DEFECT: 3.0,
    CandidateClass.NOISE_PEAK: 3.0,
    CandidateClass.CROSSTALK: 2.0,
    CandidateClass.DETECTOR_EDGE: 2.0,
}
"""Relative rates within REAL and within BOGUS; the bogus ones follow vetted ZTF alerts."""


class NightConfig(Config):
    """What a simulated night holds.

    Parameters
    ----------
    survey : {"ztf", "lsst"}
        Whose packets, noise and seeing.
    n : int
        Number of candidates, >= 1.
    prior : float
        Probability that a candidate is REAL, strictly inside (0, 1).
    seed : int
        Everything follows from it, >= 0.
    stamp_px : int or None
        Stamp size [pixels]; None takes the survey's own (ZTF 63; LSST draws 30 to 102).
    rates : mapping of CandidateClass to float
        Relative rates, within REAL and within BOGUS separately; classes left out keep their
        default rate, 0 switches a class off.
    mjd_tai : float
        Start of the night [d, TAI].

    Raises
    ------
    InvalidInputError
        If a rate is negative, the prior lies outside (0, 1), a side has no class left, or the
        stamp is smaller than the survey's PSF.
    """

    survey: SurveyName = SurveyName.ZTF
    n: int = 1000
    prior: float = 0.1
    seed: int = 1
    stamp_px: int | None = None
    rates: dict[CandidateClass, float] = Field(default_factory=dict)
    mjd_tai: float = 60600.2

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.n < 1 or self.seed < 0:
            raise InvalidInputError(
                f"n must be at least 1 and seed at least 0, got n={self.n}, seed={self.seed}"
            )
        if not 0 < self.prior < 1:
            raise InvalidInputError(
                f"prior must lie inside (0, 1), got {self.prior}; "
                "to leave out a side, lower its class rates or choose 0.001 or 0.999"
            )
        self._check_rates()
        self._check_stamp()
        return self

    def _check_rates(self) -> None:
        for name, rate in self.rates.items():
            if not 0 <= rate < np.inf:
                raise InvalidInputError(
                    f"the rate of {name} must be finite and not negative, got {rate}; "
                    "0 switches a class off"
                )
        for side in (LabelValue.REAL, LabelValue.BOGUS):
            if not any(rate > 0 for name, rate in self.all_rates.items() if name.label is side):
                raise InvalidInputError(
                    f"every {side} class has rate 0; give at least one of them a positive rate"
                )

    def _check_stamp(self) -> None:
        traits = survey_traits(self.survey)
        smallest = int(np.ceil(4 * traits.fwhm_px)) | 1
        if self.stamp_px is not None and not smallest <= self.stamp_px <= 256:
            raise InvalidInputError(
                f"stamp_px must hold the PSF of {self.survey}: {smallest} to 256 pixels, "
                f"got {self.stamp_px}; the survey sends {traits.stamp_px}"
            )

    @property
    def all_rates(self) -> dict[CandidateClass, float]:
        """Default rates with the chosen ones in their place."""
        return {**DEFAULT_RATES, **self.rates}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What was put in.

    Parameters
    ----------
    i_candidate : int
        Number within the night.
    candidate_id, object_id : int or str
        Identifiers of the packet.
    candidate_class : CandidateClass
        Sub-class; its label is the truth.
    snr : float
        Significance that the simulated pipeline measured, >= 5.
    injected_flux_njy : float
        Signed flux change put in [nJy]; NaN for artefacts without a flux.
    host : str
        ``galaxy``, ``star`` or empty.
    x, y : float
        Where it was put, in pixels of the science cutout (column, row).
    """

    i_candidate: int
    candidate_id: Identifier
    object_id: Identifier
    candidate_class: CandidateClass
    snr: float
    injected_flux_njy: float
    host: str
    x: float
    y: float

    @property
    def label(self) -> LabelValue:
        """REAL or BOGUS."""
        return self.candidate_class.label

    def as_row(self) -> dict[str, Any]:
        """Return the row of the truth table."""
        return {
            "i_candidate": self.i_candidate,
            "candidate_id": self.candidate_id,
            "object_id": self.object_id,
            "label": self.label.value,
            "subclass": self.candidate_class.value,
            "snr": self.snr,
            "injected_flux_njy": self.injected_flux_njy,
            "host": self.host,
            "x": self.x,
            "y": self.y,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedCandidate:
    """A candidate with its truth.

    Parameters
    ----------
    candidate : Candidate
        As a survey would send it; its pixels may hold the survey's fill value (-3.4e38).
    truth : Truth
        What it is.
    packet_fields : mapping of str to float
        Further fields of the survey's packet: Solar System match, zero point.
    """

    candidate: Candidate
    truth: Truth
    packet_fields: Mapping[str, float] = field(default_factory=dict)


def simulate_chunk(
    config: NightConfig, start: int, stop: int
) -> list[tuple[Candidate, dict[str, float], dict[str, Any]]]:
    """Simulate candidates start to stop for `skyvet.io.nights.write_night`.

    Parameters
    ----------
    config : NightConfig
        The night.
    start, stop : int
        First number, and one past the last.

    Returns
    -------
    list of tuple
        Candidate, further packet fields and truth row of each.

    Examples
    --------
    >>> len(simulate_chunk(NightConfig(n=10), 2, 4))
    2
    """
    made = (simulate_candidate(config, i) for i in range(start, stop))
    return [(item.candidate, dict(item.packet_fields), item.truth.as_row()) for item in made]


def _draw_class(config: NightConfig, rng: np.random.Generator) -> CandidateClass:
    """Draw REAL or BOGUS by the prior, then the class by its rate."""
    side = LabelValue.REAL if rng.random() < config.prior else LabelValue.BOGUS
    rates = {name: rate for name, rate in config.all_rates.items() if name.label is side}
    weights = np.array(list(rates.values()))
    return list(rates)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def simulate_candidate(config: NightConfig, i_candidate: int) -> SimulatedCandidate:
    """Simulate one candidate of a night; depends on the seed and its number alone.

    Parameters
    ----------
    config : NightConfig
        The night.
    i_candidate : int
        Number of the candidate, 0 <= i_candidate < config.n.

    Returns
    -------
    SimulatedCandidate

    Raises
    ------
    InvalidInputError
        If the number lies outside the night.
    MissingDependencyError
        If numba (extra ``simulate``) is not installed.

    Examples
    --------
    >>> night = NightConfig(n=10, seed=3)
    >>> simulate_candidate(night, 4).candidate.cutouts.science.shape
    (63, 63)
    """
    if not 0 <= i_candidate < config.n:
        raise InvalidInputError(
            f"the night holds candidates 0 to {config.n - 1}, not {i_candidate}"
        )
    rng = np.random.default_rng([config.seed, i_candidate])
    name = _draw_class(config, rng)
    traits = survey_traits(config.survey)
    size = config.stamp_px or _draw_stamp_px(traits, rng)
    made = _assembly().make_candidate(
        traits, name, stamp_px=size, rng=rng, number=(config.seed, i_candidate),
        mjd_tai=config.mjd_tai,
    )  # fmt: skip
    truth = Truth(
        i_candidate=i_candidate,
        candidate_id=made.candidate.candidate_id,
        object_id=made.candidate.object_id,
        candidate_class=name,
        snr=made.candidate.snr,
        injected_flux_njy=made.injected_flux_njy,
        host=made.host,
        x=made.x,
        y=made.y,
    )
    return SimulatedCandidate(
        candidate=made.candidate, truth=truth, packet_fields=made.packet_fields
    )


def _assembly() -> ModuleType:
    """Import rendering only when it is used: it needs numba."""
    require("numba", extra="simulate")
    return require("skyvet.simulation.assembly", extra="simulate")


def _draw_stamp_px(traits: SurveyTraits, rng: np.random.Generator) -> int:
    """Most stamps have the nominal size; LSST's grow with the footprint."""
    if traits.max_stamp_px == traits.stamp_px or rng.random() < 0.8:
        return traits.stamp_px
    grown = traits.stamp_px + rng.exponential(14.0)
    return int(min(grown, traits.max_stamp_px))
