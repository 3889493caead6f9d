"""Feature tables as files: what is written comes back, and foreign files need names."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.feature_tables import (
    iter_feature_tables,
    join_feature_tables,
    read_feature_layout,
    read_feature_table,
    write_feature_table,
)
from skyvet.records.feature_table import FeatureTable


def _table(n=5, *, seed=0, ids=None, with_images=True):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 2))
    values[0::3, 1] = np.nan
    return FeatureTable(
        source_ids=np.arange(n) + 2**60 if ids is None else np.asarray(ids),
        names=("iqr_g", "period_d"),
        values=values,
        dmdt=rng.uniform(size=(n, 2, 3, 4)) if with_images else None,
        dmdt_names=("dmdt_g", "dmdt_r") if with_images else (),
        columns={"ra_deg": rng.uniform(size=n), "field": np.arange(n), "survey": np.full(n, "ztf")},
    )


def _assert_same(one, other):
    np.testing.assert_array_equal(one.source_ids, other.source_ids)
    assert one.names == other.names
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.dmdt, other.dmdt)
    assert one.dmdt_names == other.dmdt_names
    assert list(one.columns) == list(other.columns)
    for name in one.columns:
        np.testing.assert_array_equal(one.columns[name], other.columns[name])


@pytest.mark.parametrize("ids", [None, list("abcde")])
@pytest.mark.parametrize("with_images", [True, False])
def test_a_table_survives_its_file(tmp_path, ids, with_images):
    table = _table(ids=ids, with_images=with_images)
    assert write_feature_table(tmp_path / "f.parquet", table) == 5
    _assert_same(read_feature_table(tmp_path / "f.parquet"), table)


def test_an_empty_table_survives_its_file(tmp_path):
    table = _table().take(np.arange(0))
    write_feature_table(tmp_path / "f.parquet", table)
    back = read_feature_table(tmp_path / "f.parquet")
    assert len(back) == 0
    assert back.names == table.names
    assert back.dmdt.shape == (0, 2, 3, 4)


def test_pieces_are_bounded_and_together_the_whole(tmp_path):
    table = _table(11)
    write_feature_table(
        tmp_path / "f.parquet", (table.take(np.arange(6)), table.take(np.arange(6, 11)))
    )
    pieces = list(iter_feature_tables(tmp_path / "f.parquet", n_rows=4))
    assert max(map(len, pieces)) <= 4
    _assert_same(join_feature_tables(pieces), table)


def test_a_folder_of_parts_is_one_table(tmp_path):
    table = _table(6)
    write_feature_table(tmp_path / "a.parquet", table.take(np.arange(4)))
    write_feature_table(tmp_path / "b.parquet", table.take(np.arange(4, 6)))
    (tmp_path / ".c.parquet.1.part").write_bytes(b"")
    _assert_same(read_feature_table(tmp_path), table)


def test_tables_of_other_columns_are_refused(tmp_path):
    other = _table().select(("iqr_g",))
    with pytest.raises(DatasetError, match="differ"):
        write_feature_table(tmp_path / "f.parquet", (_table(), other))
    assert not (tmp_path / "f.parquet").exists()


def test_a_foreign_file_needs_the_names_of_its_features(tmp_path):
    path = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"id": [1, 2], "MAG": [1, None], "label": [0, 1]}), path)
    with pytest.raises(InvalidInputError, match="name them"):
        read_feature_table(path)
    table = read_feature_table(path, names=("MAG",))
    np.testing.assert_array_equal(table.values[:, 0], [1.0, np.nan])
    assert table.columns["label"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": [1.5], "MAG": [1.0]}, "64-bit identifiers"),
        ({"id": [1], "MAG": ["red"]}, "holds no numbers"),
        ({"MAG": [1.0]}, "no column an identifier"),
        ({"id": [1]}, "no column MAG"),
    ],
)
def test_columns_that_cannot_be_used_are_named(tmp_path, columns, message):
    path = tmp_path / "foreign.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(InvalidInputError, match=message):
        read_feature_table(path, names=("MAG",))


def test_the_layout_tells_what_is_what_without_reading(tmp_path):
    write_feature_table(tmp_path / "f.parquet", _table())
    layout = read_feature_layout(tmp_path / "f.parquet")
    assert layout.names == ("iqr_g", "period_d")
    assert (layout.dmdt_shape, layout.n_rows) == ((3, 4), 5)
    assert layout.columns == ("ra_deg", "field", "survey")


def test_two_columns_of_one_name_are_refused(tmp_path):
    table = _table(with_images=False)
    clash = FeatureTable(
        source_ids=table.source_ids,
        names=("ra_deg", "b"),
        values=table.values,
        columns=dict(table.columns),
    )
    with pytest.raises(InvalidInputError, match="two columns would be called ra_deg"):
        write_feature_table(tmp_path / "f.parquet", clash)


def test_joined_tables_keep_what_one_of_them_lacks_as_missing():
    first, second = _table(with_images=False), _table(with_images=False, ids=range(5))
    joined = join_feature_tables([first, second.select(("period_d",))])
    assert np.isnan(joined.column("iqr_g")[5:]).all()
    np.testing.assert_array_equal(joined.column("period_d")[5:], second.column("period_d"))


def test_no_file_is_told(tmp_path):
    with pytest.raises(DatasetError, match="no feature table at"):
        read_feature_table(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"not parquet")
    with pytest.raises(DatasetError, match="is no feature table"):
        read_feature_table(tmp_path / "bad.parquet")
