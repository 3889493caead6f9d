"""Light curves of many partitions become those of sources, as if read at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.io.light_curve_sources.made_tables import epochs_by_source, long_rows, read_all

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.inference import consolidating_light_curves
from skyvet.inference.consolidating_light_curves import consolidate_light_curves
from skyvet.inference.consolidation_config import ConsolidationConfig
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves
from skyvet.io.light_curve_sources.writing import write_light_curve_batches

CONFIG = ConsolidationConfig()


@pytest.fixture
def path(tmp_path):
    """Twenty stars, each with one light curve a band under an identifier of its own."""
    rows = long_rows(20)
    star = rows["star_id"] - rows["star_id"].min()
    rows["ra"] = 359.99 + 0.001 * star
    rows["dec"] = np.full(len(star), 20.0)
    rows["star_id"] = 2 * star + (rows["band"] == "r")
    order = np.argsort(rows["star_id"], kind="stable")
    pq.write_table(pa.table({k: v[order] for k, v in rows.items()}), tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


@pytest.mark.parametrize("sources_per_partition", [3, 1000])
@pytest.mark.parametrize("at_once", [4, 5000])
def test_bands_are_joined_whatever_the_partitions(
    path, tmp_path, monkeypatch, sources_per_partition, at_once
):
    monkeypatch.setattr(consolidating_light_curves, "_LIGHT_CURVES_AT_ONCE", at_once)
    config = LightCurveInputConfig(sources_per_partition=sources_per_partition)
    source = open_light_curves([path], config)
    made = consolidate_light_curves(source, CONFIG)
    write_light_curve_batches(tmp_path / "out.parquet", made.batches)
    batches, _ = read_all(open_light_curves([tmp_path / "out.parquet"]))
    single, _ = read_all(source)
    n_curves = sum(map(len, single))
    assert made.counts.n_light_curves == n_curves
    assert made.counts.n_sources == sum(map(len, batches)) == 20
    before, after = epochs_by_source(single), epochs_by_source(batches)
    members = {
        int(id_): [int(member) for member in text.split()]
        for batch in batches
        for id_, text in zip(batch.source_ids, batch.columns["light_curve_ids"], strict=True)
    }
    assert sorted(id_ for ids in members.values() for id_ in ids) == sorted(before)
    for id_, ids in members.items():
        assert sorted(after[id_]) == sorted(epoch for one in ids for epoch in before[one])
        assert len({one // 2 for one in ids}) == 1, "light curves of two stars were joined"


def test_light_curves_without_position_or_identifier_are_refused(tmp_path):
    pq.write_table(pa.table(long_rows(3)), tmp_path / "a.parquet")
    with pytest.raises(InvalidInputError, match="neither identifiers"):
        consolidate_light_curves(open_light_curves([tmp_path / "a.parquet"]), CONFIG)


def test_nothing_to_read_is_an_error(tmp_path):
    rows = {name: values[:1] for name, values in long_rows(1).items()}
    pq.write_table(pa.table({**rows, "mag": [99.0]}), tmp_path / "a.parquet")
    with pytest.raises(DatasetError, match="no light curve could be read"):
        consolidate_light_curves(open_light_curves([tmp_path / "a.parquet"]), CONFIG)
