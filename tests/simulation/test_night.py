"""Nights: settings, determinism, every class of both surveys."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.records.cutouts import CutoutKind
from skyvet.records.labels import LabelValue
from skyvet.records.taxonomy import CandidateClass
from skyvet.simulation.classes import PREPARE
from skyvet.simulation.measurement import DETECTION_SNR
from skyvet.simulation.night import (
    DEFAULT_RATES,
    NightConfig,
    SimulatedCandidate,
    simulate_candidate,
    simulate_chunk,
)


def one_class(name: CandidateClass, *, survey: str = "ztf", seed: int = 2) -> SimulatedCandidate:
    rates = {other: 0.0 if other.label is name.label else 1.0 for other in CandidateClass}
    prior = 0.999 if name.label is LabelValue.REAL else 0.001
    config = NightConfig(survey=survey, n=50, seed=seed, prior=prior, rates={**rates, name: 1.0})
    found = (simulate_candidate(config, i) for i in range(config.n))
    return next(item for item in found if item.truth.candidate_class is name)


def test_every_class_has_a_recipe_and_a_rate() -> None:
    assert set(PREPARE) == set(DEFAULT_RATES) == set(CandidateClass)


@pytest.mark.parametrize("survey", ["ztf", "lsst"])
@pytest.mark.parametrize("name", list(CandidateClass))
def test_every_class_becomes_a_detected_candidate(name: CandidateClass, survey: str) -> None:
    item = one_class(name, survey=survey)
    candidate, truth = item.candidate, item.truth
    assert candidate.survey == survey
    assert candidate.snr >= DETECTION_SNR
    assert truth.label is name.label
    assert candidate.cutouts is not None
    for kind in CutoutKind:
        cutout = candidate.cutouts.get(kind)
        assert cutout is not None
        row, column = cutout.centre
        assert np.isfinite(cutout.pixels[row, column])
        assert min(cutout.shape) > 8
        assert max(cutout.shape) <= (63 if survey == "ztf" else 102)
        assert (cutout.variance is not None) == (survey == "lsst")


@pytest.mark.parametrize("name", [c for c in CandidateClass if c.label is LabelValue.REAL], ids=str)
def test_real_sources_lie_at_the_centre_of_their_stamp(name: CandidateClass) -> None:
    item = one_class(name)
    row, column = item.candidate.cutouts.science.centre
    limit = 8.0 if name is CandidateClass.ASTEROID else 3.0  # trails peak off their middle
    assert math.hypot(item.truth.x - column, item.truth.y - row) < limit


def test_same_number_gives_the_same_candidate() -> None:
    config = NightConfig(n=30, seed=9, prior=0.5)
    for i_candidate in (0, 17):
        first, second = (simulate_candidate(config, i_candidate) for _ in range(2))
        assert first.truth == second.truth or math.isnan(first.truth.injected_flux_njy)
        for kind in ("science", "template", "difference"):
            a, b = (getattr(item.candidate.cutouts, kind).pixels for item in (first, second))
            np.testing.assert_array_equal(a, b)


def test_other_seed_gives_another_candidate() -> None:
    first, second = (simulate_candidate(NightConfig(n=5, seed=s), 3) for s in (1, 2))
    assert first.candidate.candidate_id != second.candidate.candidate_id
    assert first.candidate.ra_deg != second.candidate.ra_deg


def test_chunk_equals_its_parts() -> None:
    config = NightConfig(n=10, seed=4)
    whole = simulate_chunk(config, 2, 6)
    parts = simulate_chunk(config, 2, 3) + simulate_chunk(config, 3, 6)
    assert [row["candidate_id"] for *_, row in whole] == [row["candidate_id"] for *_, row in parts]


def test_prior_sets_the_share_of_real() -> None:
    rates = {CandidateClass.GHOST: 1.0, CandidateClass.HOSTLESS: 1.0}
    rates = {name: rates.get(name, 0.0) for name in CandidateClass}
    config = NightConfig(n=200, seed=3, prior=0.3, rates=rates)
    rows = [row for *_, row in simulate_chunk(config, 0, 200)]
    n_real = sum(row["label"] == "real" for row in rows)
    assert 60 - 4 * 6.5 < n_real < 60 + 4 * 6.5  # four standard deviations of the binomial
    assert {row["subclass"] for row in rows} == {"ghost", "hostless"}


def test_negative_variables_are_fainter_and_ztf_turns_their_difference() -> None:
    item = one_class(CandidateClass.NEGATIVE_VARIABLE)
    assert item.candidate.flux_njy < 0
    assert item.truth.injected_flux_njy < 0
    difference = item.candidate.cutouts.difference
    row, column = difference.centre
    assert difference.pixels[row - 1 : row + 2, column - 1 : column + 2].sum() > 0
    lsst = one_class(CandidateClass.NEGATIVE_VARIABLE, survey="lsst").candidate
    row, column = lsst.cutouts.difference.centre
    assert lsst.cutouts.difference.pixels[row - 2 : row + 3, column - 2 : column + 3].sum() < 0


def test_measured_flux_follows_injected_flux() -> None:
    ratios = []
    for seed in range(12):
        item = one_class(CandidateClass.HOSTLESS, seed=seed)
        ratios.append(item.candidate.flux_njy / item.truth.injected_flux_njy)
    # Wrong PSF models and a peak between pixels bias PSF photometry by a tenth or so.
    assert np.median(ratios) == pytest.approx(1.0, abs=0.15)


def test_edge_stamps_are_undersized_for_ztf() -> None:
    sizes = [one_class(CandidateClass.DETECTOR_EDGE, seed=s).candidate for s in range(6)]
    shapes = {candidate.cutouts.science.shape for candidate in sizes}
    assert all(min(shape) < 63 for shape in shapes)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"prior": 0.0}, "inside"),
        ({"prior": 1.0}, "inside"),
        ({"n": 0}, "at least 1"),
        ({"rates": {"dipole": -1.0}}, "switches a class off"),
        ({"rates": {c.value: 0.0 for c in CandidateClass if c.label == "real"}}, "positive rate"),
        ({"stamp_px": 5}, "hold the PSF"),
    ],
)
def test_impossible_settings_are_refused_with_advice(
    setting: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        NightConfig.model_validate(setting)


def test_number_outside_the_night_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="0 to 9"):
        simulate_candidate(NightConfig(n=10), 10)
