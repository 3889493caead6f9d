"""A thousand simulated packets of each survey, read by skyvet and by plain libraries."""

from __future__ import annotations

import gzip
import io
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from astropy.io import fits

from skyvet.io.alerts import read_alerts
from skyvet.io.nights import write_night
from skyvet.io.surveys.lsst_packets import encode_lsst_alert
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import CutoutKind
from skyvet.simulation.night import NightConfig, simulate_chunk

N = 1000
ENCODERS = {"ztf": encode_ztf_alert, "lsst": encode_lsst_alert}


def plain_images(packet: dict[str, Any], kind: CutoutKind) -> dict[str, np.ndarray]:
    """Return the HDUs of a cutout by plain gzip and astropy."""
    cutout = packet[f"cutout{kind.field.capitalize()}"]
    raw = gzip.decompress(cutout["stampData"]) if isinstance(cutout, dict) else cutout
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy on cards of its own taste
        return {
            h.name or "PRIMARY": h.data for h in fits.open(io.BytesIO(raw)) if h.data is not None
        }


def assert_equal_pixels(ours: np.ndarray, theirs: np.ndarray) -> None:
    known = np.abs(theirs) <= 1e30
    np.testing.assert_array_equal(np.where(known, ours, 0), np.where(known, theirs, 0))
    assert np.isnan(ours[~known]).all()


@pytest.mark.integration
@pytest.mark.parametrize("survey", ["ztf", "lsst"])
def test_simulated_packets_read_alike_everywhere(survey: str, tmp_path: Path) -> None:
    config = NightConfig(survey=survey, n=N, seed=3, prior=0.3)
    write_night(
        tmp_path / "night",
        n=N,
        make_chunk=partial(simulate_chunk, config),
        encode=ENCODERS[survey],
        settings=config.model_dump(mode="json"),
        n_workers=2,
    )
    n_equal = 0
    for reading in read_alerts([tmp_path / "night" / "packets"]):
        candidate = reading.item
        assert isinstance(candidate, Candidate)
        path = tmp_path / "night" / "packets" / Path(reading.source).name
        with path.open("rb") as handle:
            (packet,) = fastavro.reader(handle)
        _compare_fields(survey, candidate, packet)
        assert candidate.cutouts is not None
        for kind in CutoutKind:
            images = plain_images(packet, kind)
            cutout = candidate.cutouts.get(kind)
            assert cutout is not None
            assert_equal_pixels(cutout.pixels, images["PRIMARY"])
            if survey == "lsst":
                np.testing.assert_array_equal(cutout.variance, images["UNCERT"])
                np.testing.assert_array_equal(cutout.psf, images["PSFIMAGE"].astype(np.float32))
        n_equal += 1
    assert n_equal == N


def _compare_fields(survey: str, candidate: Candidate, packet: dict[str, Any]) -> None:
    if survey == "ztf":
        alert = packet["candidate"]
        assert candidate.candidate_id == packet["candid"]
        assert candidate.object_id == packet["objectId"]
        assert candidate.ra_deg == alert["ra"]
        assert candidate.dec_deg == alert["dec"]
        assert {"g": 1, "r": 2, "i": 3}[candidate.band] == alert["fid"]
        assert candidate.snr == pytest.approx(1.0857 / alert["sigmapsf"], rel=1e-3)
        assert (candidate.flux_njy > 0) == (alert["isdiffpos"] in {"t", "1"})
        return
    source = packet["diaSource"]
    assert candidate.candidate_id == source["diaSourceId"] == packet["diaSourceId"]
    assert candidate.band == source["band"]
    assert candidate.ra_deg == source["ra"]
    assert candidate.mjd_tai == source["midpointMjdTai"]
    assert candidate.snr == pytest.approx(source["snr"], rel=1e-6)
    assert candidate.flux_njy == pytest.approx(source["psfFlux"], rel=1e-6)
