"""Light curves of any form come out the same."""

from __future__ import annotations

import pytest

from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves


def read_all(source):
    """Return all batches and all rejections of a source."""
    readings = [source.read(partition) for partition in source.partitions]
    batches = [batch for batch, _ in readings if len(batch)]
    return batches, [rejection for _, some in readings for rejection in some]


@pytest.mark.parametrize(
    ("file", "settings", "n_sources", "n_epochs"),
    [
        ("s82_rrlyrae/lightcurves.parquet", {"preset": "sdss"}, 253, 71_221),
        ("eros_variables/lightcurves.parquet", {"preset": "eros"}, 2912, 688_513),
        ("ztf_bts_snia/lightcurves.parquet", {"band_names": ("R=r",)}, 2289, 44_339),
        ("ztf_lightcurves_unlabelled/ztf_forced_examples_training.parquet", {}, 12, 7489),
    ],
)
def test_real_tables_are_read_whole(shared_data, file, settings, n_sources, n_epochs):
    source = open_light_curves([shared_data / file], LightCurveInputConfig(**settings))
    batches, rejections = read_all(source)
    assert not rejections
    ids = {id_ for batch in batches for id_ in batch.source_ids.tolist()}
    assert len(ids) == sum(map(len, batches)) == n_sources
    assert sum(len(batch.mjd_tai) for batch in batches) == n_epochs
