"""Score tables are read as written, and each candidate counts once."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.io.score_tables import read_scores


def written(path, **columns):
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), path)
    return path


@pytest.mark.parametrize("name", [7, "seven"])
def test_a_table_that_names_a_candidate_twice_is_refused(tmp_path, name) -> None:
    path = written(tmp_path / "s.parquet", candidate_id=[name] * 40, score=[0.5] * 40)
    with pytest.raises(InvalidInputError, match=r"39 of the 40 rows .* keep one row a candidate"):
        read_scores(path)


def test_one_number_in_two_surveys_is_two_candidates(tmp_path) -> None:
    path = written(
        tmp_path / "s.parquet", candidate_id=[7, 7], survey=["ztf", "lsst"], score=[0.5, 0.6]
    )
    assert read_scores(path).rows.num_rows == 2


def test_an_empty_table_is_read(tmp_path) -> None:
    path = written(tmp_path / "s.parquet", candidate_id=pa.array([], pa.int64()), score=[])
    assert read_scores(path).rows.num_rows == 0


@pytest.mark.parametrize("names", [[[1], [2]], [1.5, 2.5], [{"a": 1}, {"a": 2}]])
def test_identifiers_that_are_no_name_are_refused(tmp_path, names) -> None:
    path = written(tmp_path / "s.parquet", candidate_id=names, score=[0.5, 0.6])
    with pytest.raises(InvalidInputError, match="candidate_id"):
        read_scores(path)
