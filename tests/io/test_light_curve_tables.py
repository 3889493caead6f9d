"""Light-curve tables come back as they were written."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import DatasetError
from skyvet.io.light_curve_tables import LightCurveRow, read_light_curves, write_light_curves
from skyvet.records.light_curve import LightCurve


def make_row(i, n_epochs=5):
    rng = np.random.default_rng(i)
    curve = LightCurve(
        mjd_tai=59000.0 + np.sort(rng.random(n_epochs)),
        flux_njy=rng.standard_normal(n_epochs),
        flux_err_njy=rng.random(n_epochs),
        band=rng.choice(["g", "r"], n_epochs),
        is_upper_limit=rng.random(n_epochs) < 0.2,
        is_difference=bool(i % 2),
    )
    return LightCurveRow(
        object_id=f"sim-{i}",
        light_curve=curve,
        class_name="agn",
        parameters={"tau_d": 1 / 3, "period_d": math.nan},
    )


@pytest.mark.parametrize("n_epochs", [0, 1, 7])
def test_rows_come_back_bit_for_bit(tmp_path, n_epochs):
    rows = [make_row(i, n_epochs) for i in range(3)]
    path = tmp_path / "curves.parquet"
    assert write_light_curves(path, rows) == 3
    back = list(read_light_curves(path))
    assert [row.object_id for row in back] == ["sim-0", "sim-1", "sim-2"]
    for before, after in zip(rows, back, strict=True):
        for name in ("mjd_tai", "flux_njy", "flux_err_njy", "band", "is_upper_limit"):
            one, two = getattr(before.light_curve, name), getattr(after.light_curve, name)
            np.testing.assert_array_equal(one, two)
        assert after.light_curve.is_difference == before.light_curve.is_difference
        assert after.parameters["tau_d"] == 1 / 3
        assert math.isnan(after.parameters["period_d"])


def test_times_are_float64_in_the_file(tmp_path):
    path = tmp_path / "curves.parquet"
    write_light_curves(path, [make_row(0)])
    assert pq.read_schema(path).field("mjd_tai").type == pa.list_(pa.float64())


def test_a_failing_source_leaves_no_file(tmp_path):
    def rows():
        yield make_row(0)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_light_curves(tmp_path / "curves.parquet", rows())
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_or_missing_file_is_refused(tmp_path):
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"a": [1]}), foreign)
    with pytest.raises(DatasetError, match="it lacks"):
        list(read_light_curves(foreign))
    with pytest.raises(DatasetError, match="no light-curve table"):
        list(read_light_curves(tmp_path / "absent.parquet"))


def test_an_empty_table_has_no_rows(tmp_path):
    path = tmp_path / "curves.parquet"
    assert write_light_curves(path, []) == 0
    assert list(read_light_curves(path)) == []
