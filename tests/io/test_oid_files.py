"""Lists of object identifiers, tidy and untidy."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.io.oid_files import read_oids

A, B = 633207400004730, 1633207400004731


def written(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("oids.txt", f"{A}\n{B}\n"),
        ("oids.txt", f"\ufeffoid\n{A}\n{B}"),
        ("oids", f"# from the web\n{A}  # the first\n{B}\r\n"),
        ("oids.csv", f"label,oid\n1,{A}\n0,{B}\n"),
        ("oids.csv", f'OID,name\n"{A}",x\n"{B}",y\n'),
    ],
)
def test_text_and_csv_of_any_make_give_the_same(tmp_path, name, text):
    found = read_oids(written(tmp_path, name, text))
    assert found.oids == (A, B)
    assert (found.unusable, found.n_duplicates, found.n_blank) == ((), 0, 0)


@pytest.mark.parametrize("kind", [pa.int64(), pa.string()])
def test_parquet_columns_of_numbers_and_text(tmp_path, kind):
    path = tmp_path / "oids.parquet"
    values = pa.array([A, B, None, A], pa.int64()).cast(kind)
    pq.write_table(pa.table({"x": [1, 2, 3, 4], "oid": values}), path)
    found = read_oids(path)
    assert (found.oids, found.n_blank, found.n_duplicates) == ((A, B), 1, 1)


def test_repeated_blank_and_foreign_entries_are_counted(tmp_path):
    found = read_oids(written(tmp_path, "o.txt", f"{A}\n\n{A}\nZTF18abc\n-5\n0\n{B}\n   \n"))
    assert found.oids == (A, B)
    assert found.unusable == ("ZTF18abc", "-5", "0")
    assert (found.n_duplicates, found.n_blank) == (1, 2)


@pytest.mark.parametrize("text", ["6.3320740000473e14", "633207400004730.0", "6E14"])
def test_floats_are_refused_as_a_whole(tmp_path, text):
    with pytest.raises(InvalidInputError, match="lose digits"):
        read_oids(written(tmp_path, "o.txt", f"{A}\n{text}\n"))


def test_a_parquet_column_of_floats_is_refused(tmp_path):
    path = tmp_path / "oids.parquet"
    pq.write_table(pa.table({"oid": [float(A)]}), path)
    with pytest.raises(InvalidInputError, match="lose digits"):
        read_oids(path)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("o.txt", "", "holds no object identifier"),
        ("o.txt", "a\nb\n", "begins with 'a'"),
        ("o.csv", "label,name\n1,2\n", "needs a column 'oid', found label, name"),
        ("o.csv", "", "needs a column 'oid'"),
        ("o.parquet", "not parquet", "cannot be read"),
    ],
)
def test_lists_of_no_use_say_why(tmp_path, name, text, said):
    with pytest.raises(InvalidInputError, match=said):
        read_oids(written(tmp_path, name, text))


def test_a_list_that_is_not_there_says_so(tmp_path):
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_oids(tmp_path / "absent.txt")
