"""From identifiers to a table of light curves, from IRSA and from files at hand."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.archive_server import Fault
from tests.io.archives.conftest import FAST, OID, add_object, frames_config

from skyvet.core.errors import ArchiveError, ArchiveOutageError, DatasetError
from skyvet.features.frame_epochs import attach_light_curve
from skyvet.io.archives.fetch_frames import fetch_ztf_frames
from skyvet.io.archives.fetch_light_curves import (
    ZtfLightCurvesConfig,
    collect_local_light_curves,
    fetch_ztf_light_curves,
)
from skyvet.io.frame_store import FrameStore
from skyvet.io.light_curve_tables import read_light_curves


def add_curves(server, n_objects, *, n=4):
    for oid in range(OID, OID + n_objects):
        served = add_object(server, oid, n=n)
        served.light_curve = [
            {
                "oid": oid, "expid": i, "hjd": served.hjd(i), "mjd": exposure.mjd_utc_start,
                "mag": 18.0 + 0.1 * i, "magerr": 0.02, "catflags": 0, "filtercode": "zr",
                "ra": served.ra_deg, "dec": served.dec_deg, "exptime": 30,
            }
            for i, exposure in enumerate(served.exposures)
        ]  # fmt: skip


def fetch(server, out, n_objects, **changes):
    values = {"rate": 100, "per_request": 3, "url": server.light_curve_url, "http": FAST}
    config = ZtfLightCurvesConfig.model_validate(values | changes)
    return fetch_ztf_light_curves(range(OID, OID + n_objects), out, config=config)


def names(path):
    return [row.object_id for row in read_light_curves(path)]


def test_every_object_is_a_row_of_its_epochs(server, tmp_path):
    add_curves(server, 7)
    out = tmp_path / "curves.parquet"
    summary = fetch(server, out, 7)
    assert names(out) == [str(OID + i) for i in range(7)]
    assert {len(row.light_curve) for row in read_light_curves(out)} == {4}
    assert (summary.n_new, summary.n_epochs, summary.n_requests) == (7, 28, 3)
    assert summary.is_complete
    assert not (tmp_path / "curves.parts").exists()


def test_a_second_call_asks_for_nothing_and_more_objects_extend(server, tmp_path):
    add_curves(server, 5)
    out = tmp_path / "curves.parquet"
    fetch(server, out, 3)
    n_before = server.n_requests()
    assert fetch(server, out, 3).n_there_before == 3
    assert server.n_requests() == n_before
    summary = fetch(server, out, 5)
    assert (summary.n_there_before, summary.n_new) == (3, 2)
    assert names(out) == [str(OID + i) for i in range(5)]


def test_unknown_objects_are_confirmed_listed_and_not_asked_for_again(server, tmp_path):
    add_curves(server, 4)
    del server.objects[OID + 1]
    out = tmp_path / "curves.parquet"
    summary = fetch(server, out, 4)
    assert (summary.n_new, summary.n_unknown, summary.is_complete) == (3, 1, True)
    (row,) = pq.read_table(tmp_path / "curves.failures.parquet").to_pylist()
    assert (row["object_id"], row["reason"]) == (str(OID + 1), "unknown_object")
    assert server.n_requests(f"ID={OID + 1}") == 2  # an answer may have been cut: asked once more
    n_before = server.n_requests()
    assert fetch(server, out, 4).n_unknown == 1
    assert server.n_requests() == n_before
    add_curves(server, 4)
    assert fetch(server, out, 4, retry_failed=True).n_new == 1


def test_a_table_waits_until_all_is_there(server, tmp_path):
    add_curves(server, 6)
    server.always_fail(f"ID={OID + 4}", Fault(kind="status", status=503))
    out = tmp_path / "curves.parquet"
    first = fetch(server, out, 6)
    assert (first.n_new, first.n_unfinished, first.is_complete) == (3, 3, False)
    assert not out.exists()
    server.heal()
    n_before = server.n_requests()
    second = fetch(server, out, 6)
    assert server.n_requests() - n_before == 1
    assert (second.n_new, second.is_complete) == (6, True)
    assert len(names(out)) == 6


def test_one_object_that_is_refused_does_not_take_its_group_along(server, tmp_path):
    add_curves(server, 6)
    server.always_fail(f"ID={OID + 4}", Fault(kind="status", status=400))
    summary = fetch(server, tmp_path / "curves.parquet", 6)
    assert (summary.n_new, summary.n_unknown, summary.is_complete) == (5, 1, True)
    assert {c.kind: c.n for c in summary.failures} == {"unavailable (permanent)": 1}


@pytest.mark.parametrize("kind", ["truncate", "cut", "html", "close"])
def test_passing_faults_are_overcome(server, tmp_path, kind):
    add_curves(server, 3)
    server.fail("nph_light_curves", Fault(kind=kind))
    summary = fetch(server, tmp_path / "curves.parquet", 3)
    assert (summary.n_new, summary.n_epochs, summary.is_complete) == (3, 12, True)


@pytest.mark.parametrize("n_objects", [1, 2, 3])
def test_an_answer_cut_within_a_line_is_not_taken(server, tmp_path, n_objects):
    add_curves(server, n_objects, n=5)
    server.fail("nph_light_curves", Fault(kind="cut"))
    out = tmp_path / "curves.parquet"
    fetch(server, out, n_objects)
    assert [len(row.light_curve) for row in read_light_curves(out)] == [5] * n_objects


@pytest.mark.parametrize("n_lines", range(1, 11))
def test_an_answer_cut_between_lines_loses_nothing_of_the_objects_before_the_last(
    server, tmp_path, monkeypatch, n_lines
):
    add_curves(server, 3, n=5)
    healthy = server.answer
    answers = []

    def answer(address):
        status, kind, body = healthy(address)
        answers.append(address)
        if len(answers) == 1:
            body = b"".join(body.splitlines(keepends=True)[:n_lines])
        return status, kind, body

    monkeypatch.setattr(server, "answer", answer)
    out = tmp_path / "curves.parquet"
    fetch(server, out, 3)
    assert {row.object_id: len(row.light_curve) for row in read_light_curves(out)} == {
        str(OID + i): 5 for i in range(3)
    }


def test_a_page_of_html_says_nothing_of_the_objects(server, tmp_path):
    add_curves(server, 3)
    server.always_fail("nph_light_curves", Fault(kind="html"))
    first = fetch(server, tmp_path / "curves.parquet", 3)
    assert (first.n_unknown, first.n_unfinished, first.n_requests) == (0, 3, 3)
    server.heal()
    assert fetch(server, tmp_path / "curves.parquet", 3).n_new == 3


@pytest.mark.parametrize("status", [204, 403, 404])
def test_a_service_that_refuses_everything_says_nothing_of_the_objects(server, tmp_path, status):
    add_curves(server, 7)
    server.always_fail("nph_light_curves", Fault(kind="status", status=status))
    out = tmp_path / "curves.parquet"
    first = fetch(server, out, 7)
    assert (first.n_unknown, first.n_unfinished, first.is_complete) == (0, 7, False)
    http = FAST.model_copy(update={"n_failures_to_stop": 2})
    with pytest.raises(ArchiveOutageError):
        fetch(server, out, 7, http=http)
    server.heal()
    assert fetch(server, out, 7).n_new == 7


def test_a_service_that_calls_every_request_bad_marks_no_object_as_lost(server, tmp_path):
    add_curves(server, 7)
    server.always_fail("nph_light_curves", Fault(kind="status", status=400))
    http = FAST.model_copy(update={"n_failures_to_stop": 6})
    with pytest.raises(ArchiveOutageError, match="refused the first 6"):
        fetch(server, tmp_path / "curves.parquet", 7, http=http)
    server.heal()
    assert fetch(server, tmp_path / "curves.parquet", 7).n_new == 7


def test_without_a_network_the_run_ends_with_an_error_and_nothing_is_lost(server, tmp_path):
    add_curves(server, 4)
    out = tmp_path / "curves.parquet"
    with pytest.raises(ArchiveError, match=r"cannot reach 127.0.0.1:9: Connect.*nothing is lost"):
        fetch(server, out, 4, url="http://127.0.0.1:9/x")
    assert fetch(server, out, 4).n_new == 4


def test_an_archive_that_is_down_ends_the_run(server, tmp_path):
    add_curves(server, 9)
    server.always_fail("nph_light_curves", Fault(kind="close"))
    http = FAST.model_copy(update={"max_attempts": 1, "n_failures_to_stop": 2})
    with pytest.raises(ArchiveOutageError):
        fetch(server, tmp_path / "curves.parquet", 9, http=http)
    server.heal()
    assert fetch(server, tmp_path / "curves.parquet", 9).n_new == 9


def test_a_file_that_is_no_table_of_light_curves_is_not_touched(server, tmp_path):
    out = tmp_path / "curves.parquet"
    out.write_text("mine")
    with pytest.raises(DatasetError, match="no light-curve table"):
        fetch(server, out, 1)
    assert out.read_text() == "mine"


def test_an_object_is_in_the_table_once_though_a_run_was_killed_at_its_end(server, tmp_path):
    """Killed between the table's last byte and the removal of its parts."""
    add_curves(server, 3)
    out = tmp_path / "curves.parquet"
    fetch(server, out, 2)
    parts = tmp_path / "curves.parts"
    parts.mkdir()
    (parts / "part-000000.parquet").write_bytes(out.read_bytes())
    assert fetch(server, out, 3).n_new == 1
    assert names(out) == [str(OID + i) for i in range(3)]


def test_frames_get_the_brightness_of_their_own_exposure(server, tmp_path):
    """Fetched apart, from headers and from the catalogue, both tell one time."""
    add_curves(server, 1, n=6)
    del server.objects[OID].light_curve[2]
    fetch_ztf_frames([OID], tmp_path / "frames", config=frames_config(server))
    fetch(server, tmp_path / "curves.parquet", 1)
    (row,) = read_light_curves(tmp_path / "curves.parquet")
    sequence = FrameStore(tmp_path / "frames").sequence(0).sequence
    found = attach_light_curve(sequence.mjd_tai, row.light_curve)
    np.testing.assert_allclose(
        found.magnitude, [18.0, 18.1, np.nan, 18.3, 18.4, 18.5], rtol=0, atol=1e-6
    )
    assert np.nanmax(np.abs(found.gap_s)) < 0.01
    assert (found.n_attached, found.n_without, found.n_epochs_unused) == (5, 1, 0)


def test_light_curves_at_hand_make_the_same_table(tmp_path):
    bulk = pa.table(
        {
            "objectid": [OID, OID + 1],
            "filterid": [2, 2],
            "objra": [210.0, 210.0],
            "objdec": [30.0, 30.0],
            "hmjd": [[58300.0, 58301.0], [58300.0]],
            "mag": [[18.0, 18.1], [17.0]],
            "magerr": [[0.1, 0.1], [0.1]],
            "catflags": [[0, 0], [0]],
        }
    )
    pq.write_table(bulk, tmp_path / "bulk.parquet")
    out = tmp_path / "curves.parquet"
    summary = collect_local_light_curves(tmp_path / "bulk.parquet", [OID, OID + 1, 5], out)
    assert (summary.n_new, summary.n_unknown, summary.n_epochs) == (2, 1, 3)
    assert names(out) == [str(OID), str(OID + 1)]


PROGRAM = """
import sys
from pathlib import Path
from skyvet.io.archives.fetch_light_curves import ZtfLightCurvesConfig, fetch_ztf_light_curves
url, out, first, n = sys.argv[1:]
config = ZtfLightCurvesConfig(url=url, rate=40, per_request=1)
print("begun", flush=True)
fetch_ztf_light_curves(range(int(first), int(first) + int(n)), Path(out), config=config)
"""


@pytest.mark.integration
def test_a_killed_run_continues(server, tmp_path):
    add_curves(server, 30)
    out = tmp_path / "curves.parquet"
    words = [server.light_curve_url, str(out), str(OID), "30"]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while server.n_requests() < 10:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    n_before = server.n_requests()
    assert not out.exists()
    summary = fetch(server, out, 30, per_request=1)
    assert (summary.n_new, summary.is_complete) == (30, True)
    assert server.n_requests() - n_before <= 30 - n_before + 4  # 2 under way, 2 not yet written
    assert len(names(out)) == 30
