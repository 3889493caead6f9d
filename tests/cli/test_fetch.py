"""The commands `skyvet fetch ztf-frames` and `skyvet fetch ztf-light-curves`."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.archive_server import ArchiveServer, Fault
from tests.io.archives.conftest import OID, add_object

from skyvet.cli.main import build_app
from skyvet.io.frame_store import FrameStore
from skyvet.io.light_curve_tables import read_light_curves


@pytest.fixture
def server():
    with ArchiveServer() as archive:
        for oid in (OID, OID + 1):
            add_object(archive, oid, n=3)
        yield archive


@pytest.fixture
def oids(tmp_path):
    path = tmp_path / "oids.csv"
    path.write_text(f"oid\n{OID}\n{OID}\nnonsense\n{OID + 1}\n12\n")
    return path


def call(*words):
    with pytest.raises(SystemExit) as ended:
        build_app(words)(args=list(words))
    return ended.value.code


def frames_words(server, oids, out):
    return (
        "fetch", "ztf-frames", "--oids", str(oids), "--out", str(out), "--finder-url", server.url,
        "--base-url", server.products_url, "--rate", "100", "--http.backoff-s", "0.01",
    )  # fmt: skip


def test_frames_are_fetched_and_counted(server, oids, tmp_path, capsys):
    out = tmp_path / "frames"
    assert call(*frames_words(server, oids, out), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["is_complete"]
    assert (found["n_duplicate_oids"], found["n_unusable_oids"]) == (1, 1)
    summary = found["summary"]
    assert (summary["n_objects"], summary["n_stored"], summary["n_rejected"]) == (3, 2, 1)
    assert [(f["kind"], f["n"]) for f in summary["failures"]] == [("unknown_object (permanent)", 1)]
    assert len(FrameStore(out)) == 2
    assert found["failures_table"] == str(out / "failures.parquet")


def test_people_are_told_what_was_odd_and_how_to_go_on(server, oids, tmp_path, capsys):
    server.always_fail(f"{OID}/ztf_000001", Fault(kind="status", status=503))
    out = tmp_path / "frames"
    assert call(*frames_words(server, oids, out)) == 0
    printed = capsys.readouterr()
    assert "1 repeated objects are fetched once" in printed.err
    assert "1 entries are no whole numbers and left out: 'nonsense'" in printed.err
    assert "1 objects are not complete" in printed.err
    assert "run the same command to go on" in printed.err
    assert "unavailable (try again)" in printed.out
    assert "HTTP 503" in printed.out


def test_an_archive_out_of_order_ends_with_3_and_one_line(server, oids, tmp_path, capsys):
    server.always_fail("/", Fault(kind="close"))
    words = (*frames_words(server, oids, tmp_path / "frames"), "--http.n-failures-to-stop", "2")
    assert call(*words, "--http.max-attempts", "1") == 3
    assert "run the same command later" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"), [("oid\n1.5e14\n", "lose digits"), ("name\n1\n", "needs a column 'oid'")]
)
def test_lists_of_no_use_end_with_3(server, tmp_path, capsys, text, said):
    path = tmp_path / "oids.csv"
    path.write_text(text)
    assert call(*frames_words(server, path, tmp_path / "frames")) == 3
    assert said in capsys.readouterr().err
    assert server.n_requests() == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [("http://127.0.0.1:9", "error: cannot reach 127.0.0.1:9"),
     ("http://[::1", "error: an http:// or https:// address is needed, got 'http://[::1")],
)  # fmt: skip
@pytest.mark.parametrize("what", ["frames", "light curves"])
def test_a_fetch_that_reaches_nobody_ends_with_3_and_one_line(
    oids, tmp_path, capsys, what, url, said
):
    if what == "frames":
        words = ("ztf-frames", "--out", str(tmp_path / "frames"), "--finder-url", url)
    else:
        words = ("ztf-light-curves", "--out", str(tmp_path / "curves.parquet"), "--url", url)
    fast = ("--rate", "100", "--http.backoff-s", "0.01", "--http.max-attempts", "2")
    assert call("fetch", *words, "--oids", str(oids), *fast) == 3
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(errors) == 1
    assert errors[0].startswith(said)


def test_light_curves_are_fetched_and_counted(server, oids, tmp_path, capsys):
    server.objects[OID].light_curve = [
        {"oid": OID, "mjd": 58300.0, "mag": 18.0, "magerr": 0.1, "filtercode": "zr"}
    ]
    out = tmp_path / "curves.parquet"
    words = ("fetch", "ztf-light-curves", "--oids", str(oids), "--out", str(out), "--url",
             server.light_curve_url, "--rate", "100", "--json")  # fmt: skip
    assert call(*words) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["summary"]["n_new"], found["summary"]["n_unknown"]) == (1, 2)
    assert [row.object_id for row in read_light_curves(out)] == [str(OID)]


def test_light_curves_at_hand_need_no_archive(oids, tmp_path, capsys):
    bulk = tmp_path / "bulk.parquet"
    columns = {"objectid": [OID], "hmjd": [[58300.0]], "mag": [[18.0]], "magerr": [[0.1]]}
    pq.write_table(pa.table(columns), bulk)
    out = tmp_path / "curves.parquet"
    words = ("fetch", "ztf-light-curves", "--oids", str(oids), "--out", str(out))
    assert call(*words, "--local", str(bulk)) == 0
    (row,) = read_light_curves(out)
    np.testing.assert_allclose(row.light_curve.flux_njy, [10 ** (0.4 * 13.4)])
    assert "1 new epochs with 0 requests" in capsys.readouterr().out


def test_tables_must_be_parquet(oids, tmp_path, capsys):
    words = ("fetch", "ztf-light-curves", "--oids", str(oids), "--out", str(tmp_path / "a.csv"))
    assert call(*words) == 3
    assert "must end in .parquet" in capsys.readouterr().err
