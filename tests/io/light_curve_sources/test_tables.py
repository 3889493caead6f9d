"""Tables in every form give the same light curves, whole, and what is bad is counted."""

from __future__ import annotations

import gzip
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tests.io.light_curve_sources.made_tables import (
    FIRST_ID,
    epochs_by_source,
    long_rows,
    nested_table,
    read_all,
)

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.light_curve_sources import blocks
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves
from skyvet.io.light_curve_sources.writing import write_light_curve_batches
from skyvet.records.rejections import RejectionReason

TWO_EACH = LightCurveInputConfig(sources_per_partition=2)


def write_parquet(path, rows, *, rows_per_group=40):
    table = rows if isinstance(rows, pa.Table) else pa.table(rows)
    pq.write_table(table, path, row_group_size=rows_per_group)
    return path


@pytest.fixture
def rows():
    return long_rows()


@pytest.fixture
def expected(tmp_path, rows):
    batches, _ = read_all(open_light_curves([write_parquet(tmp_path / "plain.parquet", rows)]))
    found = epochs_by_source(batches)
    # Independent of the reader: epochs of one source straight from the rows.
    chosen = rows["star_id"] == FIRST_ID
    times = np.sort(rows["time"][chosen]) + 37 / 86_400
    np.testing.assert_allclose([epoch[0] for epoch in found[FIRST_ID]], times, rtol=0, atol=1e-8)
    return found


def as_long(tmp_path, rows):
    return [write_parquet(tmp_path / "a.parquet", rows, rows_per_group=17)]


def as_shuffled(tmp_path, rows):
    order = np.random.default_rng(1).permutation(len(rows["time"]))
    mixed = {name: values[order] for name, values in rows.items()}
    return [write_parquet(tmp_path / "a.parquet", mixed, rows_per_group=17)]


def as_a_file_a_band(tmp_path, rows):
    paths = []
    for band in ("g", "r"):
        chosen = rows["band"] == band
        part = {name: values[chosen] for name, values in rows.items()}
        paths.append(write_parquet(tmp_path / f"{band}.parquet", part))
    return paths


def as_nested(tmp_path, rows):
    return [write_parquet(tmp_path / "a.parquet", nested_table(rows), rows_per_group=7)]


def as_nested_inside(tmp_path, rows):
    return [write_parquet(tmp_path / "a.parquet", nested_table(rows, inside="lightcurve"))]


def as_list_of_structs(tmp_path, rows):
    nested = nested_table(rows)
    offsets = nested["time"].combine_chunks().offsets
    names = ["time", "mag", "magerr", "band"]
    struct = pa.StructArray.from_arrays([pa.array(rows[name]) for name in names], names=names)
    lists = pa.ListArray.from_arrays(offsets, struct)
    return [write_parquet(tmp_path / "a.parquet",
                          pa.table({"star_id": nested["star_id"], "lc": lists}))]  # fmt: skip


def as_csv(tmp_path, rows):
    pyarrow.csv.write_csv(pa.table(rows), tmp_path / "a.csv")
    return [tmp_path / "a.csv"]


def as_packed_tsv(tmp_path, rows):
    pyarrow.csv.write_csv(pa.table(rows), tmp_path / "a", pyarrow.csv.WriteOptions(delimiter="\t"))
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress((tmp_path / "a").read_bytes()))
    return [tmp_path / "a.tsv.gz"]


def as_own_form(tmp_path, rows):
    batches, _ = read_all(open_light_curves(as_long(tmp_path, rows)))
    write_light_curve_batches(tmp_path / "own.parquet", batches)
    return [tmp_path / "own.parquet"]


FORMS = [
    as_long, as_shuffled, as_a_file_a_band, as_nested, as_nested_inside, as_list_of_structs,
    as_csv, as_packed_tsv, as_own_form,
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sources_per_partition", [1, 3, 1000])
def test_every_form_gives_the_same_whole_sources(
    tmp_path, rows, expected, form, sources_per_partition
):
    config = LightCurveInputConfig(sources_per_partition=sources_per_partition)
    source = pickle.loads(pickle.dumps(open_light_curves(form(tmp_path, rows), config)))
    batches, rejections = read_all(source)
    assert not rejections
    assert epochs_by_source(batches) == expected
    assert len({partition.name for partition in source.partitions}) == len(source.partitions)
    stated = [partition.n_sources for partition in source.partitions if partition.spans]
    if stated:
        assert sum(stated) == len(expected)
        assert max(stated) <= sources_per_partition


@pytest.mark.parametrize("block_bytes", [200, 1000])
@pytest.mark.parametrize("form", [as_csv, as_packed_tsv])
def test_blocks_of_a_csv_cut_no_line(tmp_path, rows, expected, monkeypatch, form, block_bytes):
    monkeypatch.setattr(blocks, "_CSV_BYTES", block_bytes)
    source = open_light_curves(form(tmp_path, rows), TWO_EACH)
    assert len(source.blocks) > 3
    batches, _ = read_all(source)
    assert epochs_by_source(batches) == expected


def test_partitions_of_a_long_table_keep_to_their_number_of_epochs(tmp_path, rows):
    config = LightCurveInputConfig(epochs_per_partition=30)
    source = open_light_curves(as_long(tmp_path, rows), config)
    assert len(source.partitions) > 1
    assert max(partition.n_epochs for partition in source.partitions) <= 30
    assert sum(partition.n_epochs for partition in source.partitions) == len(rows["time"])


def test_names_of_partitions_are_the_same_when_opened_again(tmp_path, rows):
    paths = as_long(tmp_path, rows)
    first, second = (open_light_curves(paths, TWO_EACH) for _ in range(2))
    assert [p.name for p in first.partitions] == [p.name for p in second.partitions]


def test_identifiers_of_a_csv_are_exact_whole_numbers(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("oid,mjd,mag,magerr,band\n1095578115815010002,58000,18,0.1,g\n,58001,18,.1,g\n")
    batches, rejections = read_all(open_light_curves([path]))
    assert batches[0].source_ids.tolist() == [1095578115815010002]
    assert [(r.reason, r.detail) for r in rejections] == [
        (RejectionReason.MISSING_FIELD, "1 rows have no identifier")
    ]


def test_identifiers_with_leading_zeros_stay_text_in_all_partitions(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "_CSV_BYTES", 40)
    path = tmp_path / "a.csv"
    lines = [f"{name},{58000 + i},18,0.1,g" for i, name in enumerate(["11", "12", "007", "13"])]
    path.write_text("id,mjd,mag,magerr,band\n" + "\n".join(lines) + "\n")
    config = LightCurveInputConfig(sources_per_partition=1)
    batches, _ = read_all(open_light_curves([path], config))
    assert {id_ for batch in batches for id_ in batch.source_ids.tolist()} == {
        "11", "12", "007", "13",
    }  # fmt: skip


def test_floating_point_identifiers_are_refused(tmp_path, rows):
    path = write_parquet(tmp_path / "a.parquet", {**rows, "star_id": rows["star_id"] * 1.0})
    with pytest.raises(InvalidInputError, match=r"loses digits .* columns.source_id"):
        open_light_curves([path])


def test_missing_columns_are_named_with_what_there_is_and_what_to_set(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", {"star": [1], "when": [1.0], "mag": [18.0]})
    with pytest.raises(InvalidInputError) as caught:
        open_light_curves([path])
    message = str(caught.value)
    assert "time, error" in message
    assert "star, when, mag" in message
    assert "columns.time" in message


def test_a_named_column_that_is_not_there_is_an_error(tmp_path, rows):
    path = write_parquet(tmp_path / "a.parquet", rows)
    with pytest.raises(InvalidInputError, match=r"columns\.time names 'when'"):
        open_light_curves([path], LightCurveInputConfig(columns={"time": "when"}))


def test_named_columns_are_taken(tmp_path, rows):
    renamed = {"who": rows["star_id"], "when": rows["time"], "what": rows["mag"],
               "how": rows["magerr"], "colour": rows["band"]}  # fmt: skip
    path = write_parquet(tmp_path / "a.parquet", renamed)
    columns = {"source_id": "who", "time": "when", "brightness": "what", "error": "how",
               "band": "colour"}  # fmt: skip
    batches, _ = read_all(open_light_curves([path], LightCurveInputConfig(columns=columns)))
    assert sum(len(batch.mjd_tai) for batch in batches) == len(rows["time"])
    assert batches[0].bands == ("g", "r")


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({"mag": np.nan}, "n_epochs_unusable"),
        ({"mag": 99.99}, "n_epochs_unusable"),
        ({"mag": -999.0}, "n_epochs_unusable"),
        ({"magerr": 9.999}, "n_epochs_unusable"),
        ({"time": np.nan}, "n_epochs_unusable"),
        ({"time": np.inf}, "n_epochs_unusable"),
        ({"band": ""}, "n_epochs_other_band"),
        ({"catflags": 32_768}, "n_epochs_flagged"),
    ],
)
def test_an_epoch_that_cannot_be_used_is_left_out_and_counted(tmp_path, change, count):
    rows = long_rows(3)
    rows["catflags"] = np.zeros(len(rows["time"]), dtype=int)
    for name, value in change.items():
        rows[name] = rows[name].astype(object if isinstance(value, str) else None)
        rows[name][0] = value
    path = write_parquet(tmp_path / "a.parquet", {**rows, "band": rows["band"].astype(str)})
    (batch,), rejections = read_all(open_light_curves([path]))
    assert batch.columns[count].tolist() == [1, 0, 0]
    read = batch.columns["n_epochs_read"]
    left_out = sum(
        batch.columns[f"n_epochs_{reason}"]
        for reason in ("flagged", "unusable", "other_band", "repeated")
    )
    np.testing.assert_array_equal(batch.n_epochs, read - left_out)
    assert not rejections


def test_a_source_without_usable_epochs_is_a_rejection_that_says_why(tmp_path):
    table = pa.table({
        "objectid": [1, 2, 3, 4], "filterid": [1, 1, 2, 1],
        "hmjd": [[58000.0], [], [58000.0, 58001.0], None],
        "mag": [[18.0], [], [18.0, np.nan], None], "magerr": [[0.1], [], [0.1, 0.1], None],
        "catflags": [[0], [], [32768, 0], None],
    })  # fmt: skip
    (batch,), rejections = read_all(open_light_curves([write_parquet(tmp_path / "a.pq", table)]))
    assert batch.source_ids.tolist() == [1]
    assert {r.candidate_id: r.detail for r in rejections} == {
        2: "it has no epochs",
        3: "none of its 2 epochs can be used: 1 flagged, 1 without time or brightness",
        4: "it has no epochs",
    }
    assert {r.reason for r in rejections} == {RejectionReason.NO_EPOCHS}


def test_zero_and_negative_errors_are_missing(tmp_path):
    rows = {"id": [1, 1, 1], "mjd": [58000.0, 58001, 58002], "mag": [18.0, 18, 18],
            "magerr": [0.0, -1.0, 0.1], "band": ["g"] * 3}  # fmt: skip
    (batch,), _ = read_all(open_light_curves([write_parquet(tmp_path / "a.parquet", rows)]))
    assert np.isnan(batch.flux_err_njy).tolist() == [True, True, False]


def test_lists_of_different_lengths_are_counted_and_the_rest_goes_on(tmp_path):
    table = pa.table({
        "objectid": [1, 2], "hmjd": [[58000.0], [58000.0, 58001.0]], "mag": [[18.0], [18.0]],
        "magerr": [[0.1], [0.1]], "catflags": [[0], [0]], "filterid": [1, 1],
    })  # fmt: skip
    (batch,), rejections = read_all(open_light_curves([write_parquet(tmp_path / "a.pq", table)]))
    assert batch.source_ids.tolist() == [1]
    assert [r.detail for r in rejections] == ["1 rows have lists of different lengths"]


def test_a_source_in_two_files_is_joined_and_equal_epochs_count_once(tmp_path, rows):
    first = write_parquet(tmp_path / "a.parquet", nested_table(rows))
    second = write_parquet(tmp_path / "b.parquet", nested_table(rows))
    source = open_light_curves([first, second], TWO_EACH)
    batches, _ = read_all(source)
    once, _ = read_all(open_light_curves([first]))
    assert epochs_by_source(batches) == epochs_by_source(once)
    repeated = np.concatenate([batch.columns["n_epochs_repeated"] for batch in batches])
    assert repeated.sum() == len(rows["time"])
    assert "do not stand together" in source.notes[0]


def test_a_damaged_row_group_is_a_rejection_and_the_rest_goes_on(tmp_path, rows):
    path = write_parquet(tmp_path / "a.parquet", nested_table(rows), rows_per_group=5)
    group = pq.ParquetFile(path).metadata.row_group(1)
    place = next(
        column
        for column in (group.column(i) for i in range(group.num_columns))
        if column.path_in_schema.startswith("mag.")
    )
    content = bytearray(path.read_bytes())
    start = place.dictionary_page_offset or place.data_page_offset
    content[start : start + place.total_compressed_size] = b"\xff" * place.total_compressed_size
    path.write_bytes(content)
    config = LightCurveInputConfig(sources_per_partition=5)
    batches, rejections = read_all(open_light_curves([path], config))
    assert sum(map(len, batches)) == 15
    assert [r.reason for r in rejections] == [RejectionReason.UNREADABLE_FILE]
    assert "a.parquet:1" in rejections[0].source


def test_a_damaged_file_among_others_is_a_rejection(tmp_path, rows):
    good = write_parquet(tmp_path / "a.parquet", rows)
    bad = tmp_path / "b.parquet"
    bad.write_bytes(good.read_bytes()[:500])
    batches, rejections = read_all(open_light_curves([tmp_path]))
    assert sum(map(len, batches)) == 20
    assert [r.source for r in rejections] == ["b.parquet:unreadable"]
    with pytest.raises(DatasetError, match="no light curves can be read"):
        open_light_curves([bad])


@pytest.mark.parametrize("config", [None, TWO_EACH])
def test_lines_of_a_csv_with_another_number_of_cells_are_counted_once(tmp_path, config):
    path = tmp_path / "a.csv"
    lines = ["1,58000,18,0.1,g", "1,58001", "1,58002,x,0.1,g", *(f"{i},5e4,18,.1,g,9" for i in
             (2, 3)), *(f"{i},5e4,18,.1,g" for i in range(4, 9)), "1,58003,17,.1,g"]  # fmt: skip
    path.write_text(HEADING + "\n".join(lines) + "\n")
    batches, rejections = read_all(open_light_curves([path], config))
    found = epochs_by_source(batches)
    assert sorted(found) == [1, 4, 5, 6, 7, 8]
    assert len(found[1]) == 2
    assert [r.detail for r in rejections] == [
        "3 lines have another number of cells than the heading"
    ]


def test_float32_times_are_said_with_the_shortest_period_that_means_something(tmp_path, rows):
    path = write_parquet(
        tmp_path / "a.parquet", {**rows, "time": (rows["time"] + 2_400_000.5).astype(np.float32)}
    )
    source = open_light_curves([path])
    assert source.time_step_d == 0.25
    assert "periods below about 2.5 d mean nothing" in source.notes[0]
    batches, _ = read_all(source)
    assert batches[0].mjd_tai.dtype == np.float64


def test_only_bands_asked_for_are_taken_under_our_names(tmp_path, rows):
    path = write_parquet(tmp_path / "a.parquet", rows)
    config = LightCurveInputConfig(bands=("R",), band_names=("r=R",))
    batches, rejections = read_all(open_light_curves([path], config))
    assert {batch.bands for batch in batches} == {("R",)}
    kept = sum(len(batch.mjd_tai) for batch in batches)
    assert kept == (rows["band"] == "r").sum()
    assert len(rejections) + sum(map(len, batches)) == 20


def test_columns_of_one_value_a_source_are_carried(tmp_path):
    table = nested_table(long_rows(3)).append_column("field", pa.array([7, 8, 9]))
    table = table.append_column("Gaia_EDR3___id", pa.array([str(2**60), None, "5"]))
    (batch,), _ = read_all(open_light_curves([write_parquet(tmp_path / "a.parquet", table)]))
    assert batch.columns["field"].tolist() == [7, 8, 9]
    assert batch.columns["Gaia_EDR3___id"].tolist() == [str(2**60), "", "5"]


def test_an_empty_table_has_no_sources(tmp_path, rows):
    empty = pa.table(rows).slice(0, 0)
    path = write_parquet(tmp_path / "a.parquet", empty)
    other = write_parquet(tmp_path / "b.parquet", rows)
    batches, rejections = read_all(open_light_curves([path, other]))
    assert sum(map(len, batches)) == 20
    assert not rejections


@pytest.mark.parametrize(("form", "asked"), [(as_nested, "long"), (as_long, "nested")])
def test_another_form_than_the_one_asked_for_is_an_error(tmp_path, rows, form, asked):
    with pytest.raises(InvalidInputError, match=f"not the form '{asked}'"):
        open_light_curves(form(tmp_path, rows), LightCurveInputConfig(form=asked))


HEADING = "id,mjd,mag,magerr,band\n"


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (HEADING.replace("\n", "\r\n") + "1,58000,18,.1,g\r\n", [1]),
        (HEADING + "\n1,58000,18,.1,g\n\n", [1]),
        ("\ufeff# made by hand\n" + HEADING + "1,58000,18,.1,g", [1]),
        ("# made by hand\n" + HEADING + "-5,58000,18,.1,g\n", [-5]),
        ('"id","mjd","mag","magerr","band"\n"a,b",58000,18,.1,"g"\n', ["a,b"]),
        ("id; mjd; mag; magerr; band\n1; 58000; 18; .1; g\n", [1]),
        (HEADING + f"{2**64},58000,18,.1,g\n3,58000,18,.1,g\n", [str(2**64), "3"]),
    ],
)
def test_csv_as_people_write_it_is_read(tmp_path, text, ids):
    (tmp_path / "a.csv").write_bytes(text.encode())
    (batch,), rejections = read_all(open_light_curves([tmp_path / "a.csv"]))
    assert batch.source_ids.tolist() == ids
    assert batch.bands == ("g",)
    assert not rejections


def test_a_strange_letter_spoils_no_other_line(tmp_path):
    lines = HEADING.encode() + b"\xe9toile,58000,18,.1,g\nb,58000,18,.1,g\n"
    (tmp_path / "a.csv").write_bytes(lines)
    (batch,), _ = read_all(open_light_curves([tmp_path / "a.csv"]))
    assert batch.source_ids.tolist() == ["\ufffdtoile", "b"]


def test_identifiers_of_a_csv_written_as_floats_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text(HEADING + "1.0955781158150100e+18,58000,18,.1,g\n")
    with pytest.raises(InvalidInputError, match="loses digits"):
        open_light_curves([tmp_path / "a.csv"])


def test_identifiers_beyond_63_bits_become_text(tmp_path):
    rows = {"id": pa.array([2**63 + 5, 1], pa.uint64()), "mjd": [58000.0, 58001.0],
            "mag": [18.0, 18.0], "magerr": [0.1, 0.1], "band": [b"g", b"g"]}  # fmt: skip
    (batch,), _ = read_all(open_light_curves([write_parquet(tmp_path / "a.parquet", rows)]))
    assert batch.source_ids.tolist() == [str(2**63 + 5), "1"]
    assert batch.bands == ("g",)


def test_dates_become_mjd(tmp_path):
    times = pa.array(np.array(["2018-09-26T12:00:00"], dtype="datetime64[ns]"))
    rows = {"id": [1], "time": times, "mag": [18.0], "magerr": [0.1], "band": ["g"]}
    (batch,), _ = read_all(open_light_curves([write_parquet(tmp_path / "a.parquet", rows)]))
    assert batch.mjd_tai[0] == pytest.approx(58387.5 + 37 / 86_400, abs=1e-9)


def test_a_column_that_cannot_be_of_filters_is_said_to_be_none(tmp_path):
    n = 200
    rows = {"id": [1] * n, "mjd": 58_000.0 + np.arange(n), "mag": np.full(n, 18.0),
            "magerr": np.full(n, 0.1), "band": [f"exposure {i}" for i in range(n)]}  # fmt: skip
    source = open_light_curves([write_parquet(tmp_path / "a.parquet", rows)])
    with pytest.raises(InvalidInputError, match="200 different values"):
        source.read(source.partitions[0])


def test_rows_with_long_lists_are_read_a_few_at_a_time(tmp_path):
    n_rows, n_epochs = 40, 100_000
    offsets = pa.array(np.arange(n_rows + 1, dtype=np.int32) * n_epochs)
    values = pa.array(np.random.default_rng(0).random(n_rows * n_epochs))
    table = pa.table({"id": np.arange(n_rows), "mjd": pa.ListArray.from_arrays(offsets, values)})
    (block,) = blocks.blocks_of(str(write_parquet(tmp_path / "a.parquet", table)))
    tables = list(blocks.iter_block(block, None))
    assert sum(part.num_rows for part in tables) == n_rows
    assert max(part.nbytes for part in tables) <= 2 * blocks._BATCH_BYTES
