"""Positives made of unlabelled stamps."""

from __future__ import annotations

import numpy as np
import pytest
from tests.strategies.sky import CENTRE, FWHM_PX, raw_survey, star

from skyvet.core.errors import InvalidInputError
from skyvet.strategies.pretraining.label_free_positives import (
    PositivesConfig,
    inject_positives,
    measure_detections,
)

QUICK = PositivesConfig(
    n_positives=40, n_measured=40, erased_widths=1.5, min_radius_px=4.0, gain=None
)


@pytest.fixture(scope="module")
def survey():
    return raw_survey(120)


def injected(stamps, config=QUICK, *, rows=None, seed=0):
    rows = np.arange(len(stamps)) if rows is None else rows
    return inject_positives(
        lambda chosen: stamps[chosen], rows, config, prepare=lambda raw: raw, seed=seed
    )


def significance(stamps):
    """Peak of the difference around the centre over its scatter elsewhere."""
    near = stamps[:, 2, CENTRE - 1 : CENTRE + 2, CENTRE - 1 : CENTRE + 2].reshape(len(stamps), -1)
    peak = np.take_along_axis(near, np.abs(near).argmax(axis=1)[:, None], axis=1)[:, 0]
    return peak / stamps[:, 2, :8].std(axis=(1, 2))


def test_width_is_that_of_the_stars_and_significance_that_of_the_detections(survey):
    stamps, truth = survey
    found = measure_detections(stamps)
    assert found.fwhm_px == pytest.approx(FWHM_PX, rel=0.15)
    assert len(found.significance) == len(stamps)
    # matched filter of a Gaussian: flux error = 2 sqrt(pi) sigma for unit noise
    expected = 130 / (2 * np.sqrt(np.pi) * FWHM_PX / 2.3548)
    assert np.median(found.significance[truth == 1]) == pytest.approx(expected, rel=0.3)


def test_so_many_as_wanted_each_from_its_host(survey):
    stamps, _ = survey
    found = injected(stamps)
    assert found.stamps.shape == (40, *stamps.shape[1:])
    np.testing.assert_array_equal(found.stamps[:, 1], stamps[found.hosts, 1])
    assert found.n_tried >= found.n_erased >= 40


def test_hosts_are_rows_that_were_offered(survey):
    assert set(injected(survey[0], rows=np.arange(30, 60)).hosts) <= set(range(30, 60))


def test_a_source_as_significant_as_detections_replaces_the_hot_pixel(survey):
    stamps, truth = survey
    hot = stamps[truth == 0]
    found = injected(hot, QUICK.model_copy(update={"negative_fraction": 0.0}))
    assert (significance(found.stamps) > 3).all()
    middle = found.stamps[:, 2, CENTRE, CENTRE]
    side = found.stamps[:, 2, CENTRE, [CENTRE - 1, CENTRE + 1]].mean(axis=1)
    # half a width from the centre a point source has about half its height, a hot pixel nothing
    assert np.median(side / middle) > 0.4
    before = hot[found.hosts, 2]
    assert np.median(before[:, CENTRE, CENTRE - 1] / before[:, CENTRE, CENTRE]) < 0.1


def test_the_wanted_share_is_negative(survey):
    config = QUICK.model_copy(update={"negative_fraction": 0.5, "n_positives": 100})
    stamps = survey[0].copy()
    stamps[:, :2] += star(CENTRE, CENTRE, 2500.0)  # something that can fade
    share = (significance(injected(stamps, config).stamps) < 0).mean()
    assert 0.3 < share < 0.7


def test_a_seed_repeats_itself_and_another_differs(survey):
    first, again, other = (injected(survey[0], seed=seed).stamps for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_photon_noise_goes_into_science_and_difference_alike(survey):
    config = QUICK.model_copy(update={"negative_fraction": 0.0})
    plain, noisy = (
        injected(survey[0], config.model_copy(update={"gain": gain})).stamps for gain in (None, 0.5)
    )
    grains = noisy - plain
    assert np.abs(grains[:, 0]).max() > 1
    np.testing.assert_allclose(grains[:, 0], grains[:, 2], atol=1e-2)
    np.testing.assert_array_equal(grains[:, 1], 0)


def test_refused_hosts_are_counted(survey):
    stamps = survey[0].copy()
    stamps[::2, 2, CENTRE - 1 : CENTRE + 2] += 200  # a trail through every other stamp
    found = injected(stamps)
    assert found.n_erased < found.n_tried
    assert (found.hosts % 2 == 1).all()


def test_no_clean_host_at_all_is_an_error_that_says_so(survey):
    stamps = survey[0].copy()
    stamps[:, 2, CENTRE - 1 : CENTRE + 2] += 200
    with pytest.raises(InvalidInputError, match="erased cleanly"):
        injected(stamps)


def test_wide_stars_are_erased_as_far_as_the_stamps_have_room(survey):
    # 30 widths are 72 px, the stamps have 41
    found = injected(survey[0], QUICK.model_copy(update={"erased_widths": 30.0}))
    assert len(found.hosts) == 40


def test_rows_without_a_star_are_hosts_where_others_are_measured(survey):
    stamps = survey[0].copy()
    stamps[0, 0] = np.random.default_rng(1).normal(size=stamps[0, 0].shape)
    with pytest.raises(InvalidInputError, match="no star"):
        injected(stamps, rows=np.array([0]))
    found = inject_positives(
        lambda rows: stamps[rows],
        np.array([0]),
        QUICK,
        prepare=lambda raw: raw,
        seed=0,
        n_wanted=3,
        measured_rows=np.arange(1, 60),
    )
    assert found.hosts.tolist() == [0, 0, 0]


def test_no_rows_are_an_error(survey):
    with pytest.raises(InvalidInputError, match="at least one stamp"):
        injected(survey[0], rows=np.zeros(0, dtype=np.intp))


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_blank_stamps_are_an_error(value):
    with pytest.raises(InvalidInputError, match="no star"):
        measure_detections(np.full((3, 3, 41, 41), value, np.float32))


def test_faint_detections_alone_are_an_error(survey):
    with pytest.raises(InvalidInputError, match="min_significance"):
        injected(survey[0], QUICK.model_copy(update={"min_significance": 1e6}))
