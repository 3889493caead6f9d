"""Synthetic candidates: identity, truth and what they keep of their host."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout, CutoutTriplet
from skyvet.records.flags import CandidateFlag
from skyvet.simulation.injection_config import InjectionConfig
from skyvet.simulation.injection_night import inject_candidate
from skyvet.simulation.injection_psf import PsfSource, StampPsf
from skyvet.simulation.psf import Psf

PSF = StampPsf(profile=Psf(fwhm_px=2.2, beta=3.0), fwhm_px=2.2, source=PsfSource.STAMP)


def make_host(*, sign=1.0, flags=CandidateFlag.NONE, survey="ztf", flux_adu=4000.0):
    rng = np.random.default_rng(1)
    images = {k: rng.normal(0, 5.0, (63, 63)) for k in ("science", "template", "difference")}
    images["difference"] += flux_adu * PSF.place((63, 63), 31.0, 31.0)
    return Candidate(
        survey=survey,
        candidate_id=123,
        object_id="ZTF20abc",
        mjd_tai=59000.0,
        band="r",
        flux_njy=4000.0 * 100.0 * sign,
        flux_err_njy=2e3,
        snr=200.0,
        cutouts=CutoutTriplet(
            **{k: Cutout(pixels=v) for k, v in images.items()}, pixel_scale_arcsec=1.01
        ),
        survey_score=0.9,
        survey_score_version="d6_m7",
        flags=flags,
        features={"fwhm": 2.2, "distnr": 0.5, "diffmaglim": 20.5},
    )


def test_result_depends_on_seed_host_and_copy_alone():
    config = InjectionConfig(seed=4)
    one, two = (inject_candidate(config, make_host(), i_copy=3) for _ in range(2))
    assert one.truth == two.truth
    np.testing.assert_array_equal(
        one.candidate.cutouts.difference.pixels, two.candidate.cutouts.difference.pixels
    )
    others = {inject_candidate(config, make_host(), i_copy=i).truth.snr for i in range(5)}
    assert len(others) == 5


def test_identifiers_are_new_and_keep_their_type():
    made = inject_candidate(InjectionConfig(), make_host())
    assert 9 * 10**18 <= made.candidate.candidate_id < 2**63
    assert made.candidate.object_id == "INJ1.0.ZTF20abc"
    assert (made.truth.host_candidate_id, made.truth.host_object_id) == (123, "ZTF20abc")


def test_candidate_is_flagged_and_forgets_its_host():
    made = inject_candidate(InjectionConfig(), make_host(flags=CandidateFlag.SOLAR_SYSTEM))
    candidate = made.candidate
    assert candidate.flags == CandidateFlag.INJECTED
    assert math.isnan(candidate.survey_score)
    assert candidate.history is None
    assert math.isnan(candidate.features["distnr"])
    assert candidate.features["diffmaglim"] == 20.5


def test_flux_scale_follows_the_host():
    truth = inject_candidate(InjectionConfig(), make_host()).truth
    # host: 4000 ADU are 4e5 nJy; its PSF flux is measured to about 1 %
    assert truth.flux_njy / truth.flux == pytest.approx(100.0, rel=0.03)
    assert truth.flux == pytest.approx(truth.snr * truth.flux_err, rel=1e-12)


def test_a_faint_host_gives_no_flux_scale():
    truth = inject_candidate(InjectionConfig(), make_host(flux_adu=10.0)).truth
    assert math.isnan(truth.flux_njy)


def test_a_turned_difference_is_set_upright():
    host = make_host(sign=-1.0, flags=CandidateFlag.NEGATIVE_DIFFERENCE)
    config = InjectionConfig(where="centre", snr_min=5, snr_max=5)
    made = inject_candidate(config, host)
    before = host.cutouts.difference.pixels[0, 0]
    assert made.candidate.cutouts.difference.pixels[0, 0] == -before


def test_significances_fill_the_range_log_uniformly():
    config = InjectionConfig(snr_min=3, snr_max=30)
    snrs = [inject_candidate(config, make_host(), i_copy=i).truth.snr for i in range(150)]
    assert 3 <= min(snrs) < 4
    assert 25 < max(snrs) <= 30
    # standard error of a share of one half among 150 is 0.04
    assert np.mean(np.array(snrs) < np.sqrt(90)) == pytest.approx(0.5, abs=0.15)


def test_clean_source_stands_at_the_centre_and_the_host_does_not():
    config = InjectionConfig(snr_min=40, snr_max=40)
    made = inject_candidate(config, make_host())
    pixels = made.candidate.cutouts.difference.pixels
    row, column = 31 - made.truth.shift_row_px, 31 - made.truth.shift_col_px
    assert np.nanmax(pixels[row - 1 : row + 2, column - 1 : column + 2]) > 300
    centre = pixels[30:33, 30:33]
    # a source of S/N 40 has some 200 ADU in its 9 central pixels
    assert 100 < np.nansum(centre) < 1500


def test_a_given_width_is_used_and_named():
    truth = inject_candidate(InjectionConfig(fwhm_px=3.3), make_host()).truth
    assert (truth.psf_source, truth.psf_fwhm_px) == ("given", 3.3)


def test_hosts_without_images_are_refused():
    host = Candidate(survey="ztf", candidate_id=1, object_id="a", mjd_tai=59000.0)
    with pytest.raises(InvalidInputError, match="no cutouts"):
        inject_candidate(InjectionConfig(), host)


def test_a_range_upside_down_is_refused():
    with pytest.raises(ValueError, match="snr_min must not exceed"):
        InjectionConfig(snr_min=9, snr_max=3)
