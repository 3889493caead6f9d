"""From identifiers to a frame store, whatever the archives do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.archive_server import Fault
from tests.io.archives.conftest import FAST, OID, add_object, frames_config, sky

from skyvet.core.errors import (
    ArchiveError,
    ArchiveOutageError,
    DatasetError,
    InvalidInputError,
)
from skyvet.core.files import held_alone
from skyvet.core.times import mjd_utc_to_mjd_tai
from skyvet.io.archives import fetch_frames as module
from skyvet.io.archives.fetch_frames import fetch_ztf_frames
from skyvet.io.frame_folders import read_frame_sources
from skyvet.io.frame_store import FrameStore


def failures(out):
    return pq.read_table(out / "failures.parquet").to_pylist()


def fetch(server, out, oids=(OID,), **changes):
    return fetch_ztf_frames(oids, out, config=frames_config(server, **changes))


def test_a_store_holds_every_frame_where_and_when_it_was_taken(server, tmp_path):
    add_object(server, n=5, cards=[{"SEEING": 1.5 + i, "MAGZP": 26.0 + i / 10} for i in range(5)])
    summary = fetch(server, tmp_path / "frames", dtype="float32")
    store = FrameStore(tmp_path / "frames")
    assert store.is_complete
    stored = store.sequence(0)
    assert stored.sequence.object_id == str(OID)
    expected = [sky(OID % 1000 + i)[16:44, 16:44] for i in range(5)]
    np.testing.assert_array_equal(stored.sequence.frames, expected)
    times = [mjd_utc_to_mjd_tai(58300.25 + 3.0 * i + 15 / 86400) for i in range(5)]
    np.testing.assert_allclose(stored.sequence.mjd_tai, times, rtol=0, atol=1e-8)
    np.testing.assert_allclose(stored.seeing_arcsec, 1.5 + np.arange(5))
    np.testing.assert_allclose(stored.zero_point_mag, 26.0 + np.arange(5) / 10, rtol=1e-6)
    assert (stored.survey, stored.band) == ("ztf", "r")
    assert stored.sequence.pixel_scale_arcsec == pytest.approx(1.012)
    assert (summary.n_stored, summary.n_frames, summary.n_requests) == (1, 5, 6)
    assert summary.is_complete
    assert failures(tmp_path / "frames") == []


def test_a_store_read_as_a_source_is_the_same(server, tmp_path):
    add_object(server)
    fetch(server, tmp_path / "frames")
    (item,) = read_frame_sources(tmp_path / "frames")
    assert len(item.sequence) == 4


@pytest.mark.parametrize("centre", [(3.0, 30.0), (57.0, 30.0), (30.0, 2.0), (30.0, 58.0)])
def test_a_frame_at_the_detectors_edge_lies_where_the_sky_says(server, tmp_path, centre):
    add_object(server, n=1, centres=[centre])
    fetch(server, tmp_path / "frames", dtype="float32")
    frame = FrameStore(tmp_path / "frames").sequence(0).sequence.frames[0]
    whole = np.pad(sky(OID % 1000), 40, constant_values=np.nan)
    column, row = (int(c) + 40 - 13 for c in centre)
    shifts = [
        (i, j)
        for i in (-1, 0)
        for j in (-1, 0)
        if np.array_equal(
            whole[row + i : row + i + 28, column + j : column + j + 28], frame, equal_nan=True
        )
    ]
    assert len(shifts) == 1
    assert 0.2 < np.isfinite(frame).mean() < 0.8


def test_a_second_call_asks_for_nothing(server, tmp_path):
    add_object(server)
    oids = (OID, 5)
    first = fetch(server, tmp_path / "frames", oids)
    n_before = server.n_requests()
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "frames").glob("*")}
    second = fetch(server, tmp_path / "frames", oids, workers=1, rate=3.0)
    assert server.n_requests() == n_before
    files.pop(tmp_path / "frames" / "downloads")
    assert all(path.stat().st_mtime_ns == time_ns for path, time_ns in files.items())
    assert (first.n_stored, first.n_rejected) == (1, 1)
    assert (second.n_stored_before, second.n_rejected, second.n_requests) == (1, 1, 0)
    assert second.is_complete
    assert not any((tmp_path / "frames" / "downloads").glob("*/"))


def test_more_objects_extend_the_store_and_keep_their_order(server, tmp_path):
    for oid in range(OID, OID + 4):
        add_object(server, oid, n=2)
    out = tmp_path / "frames"
    fetch(server, out, (OID + 2,))
    fetch(server, out, (OID + 3, OID + 2, OID + 1, OID))
    names = FrameStore(out).objects()["object_id"].to_pylist()
    assert names == [str(OID + i) for i in (2, 3, 1, 0)]
    assert FrameStore(out).is_complete


def test_a_complete_store_that_grows_is_not_complete_until_all_is_there(server, tmp_path):
    for oid in range(OID, OID + 3):
        add_object(server, oid, n=2)
    server.always_fail(f"{OID + 2}/ztf_", Fault(kind="status", status=503))
    out = tmp_path / "frames"
    fetch(server, out, (OID,))
    assert FrameStore(out).is_complete
    fetch(server, out, range(OID, OID + 3))
    assert len(FrameStore(out)) == 2
    assert not FrameStore(out).is_complete


def test_an_unknown_object_stops_nothing(server, tmp_path):
    for oid in (OID, OID + 2):
        add_object(server, oid)
    summary = fetch(server, tmp_path / "frames", (OID, 77, OID + 2))
    assert len(FrameStore(tmp_path / "frames")) == 2
    (failure,) = failures(tmp_path / "frames")
    assert (failure["object_id"], failure["reason"]) == ("77", "unknown_object")
    assert failure["is_permanent"]
    assert failure["hmjd"] is None
    assert {c.kind: c.n for c in summary.failures} == {"unknown_object (permanent)": 1}


def test_frames_that_are_gone_for_good_are_listed_and_the_others_stored(server, tmp_path):
    served = add_object(server, n=5)
    server.always_fail("ztf_000001", Fault(kind="status", status=404))
    server.always_fail("ztf_000003", Fault(kind="html"))
    out = tmp_path / "frames"
    summary = fetch(server, out)
    assert len(FrameStore(out).sequence(0).sequence) == 3
    rows = sorted(failures(out), key=lambda row: row["hmjd"])
    assert [row["reason"] for row in rows] == ["unavailable", "unreadable_frame"]
    np.testing.assert_allclose([row["hmjd"] for row in rows], [served.hmjd(1), served.hmjd(3)])
    assert all(row["is_permanent"] and "sciimg.fits?center=" in row["url"] for row in rows)
    assert "404" in rows[0]["detail"]
    n_before = server.n_requests()
    assert fetch(server, out).is_complete
    assert server.n_requests() == n_before
    assert summary.is_complete


def test_a_frame_that_may_yet_come_keeps_its_object_for_the_next_run(server, tmp_path):
    for oid in (OID, OID + 1):
        add_object(server, oid)
    server.always_fail(f"{OID}/ztf_000002", Fault(kind="status", status=503))
    out = tmp_path / "frames"
    first = fetch(server, out, (OID, OID + 1))
    assert (first.n_stored, first.n_unfinished, first.is_complete) == (1, 1, False)
    assert not FrameStore(out).is_complete
    assert FrameStore(out).objects()["object_id"].to_pylist() == [str(OID + 1)]
    assert {c.kind: c.n for c in first.failures} == {"unavailable (try again)": 1}
    server.heal()
    n_before = server.n_requests()
    second = fetch(server, out, (OID, OID + 1))
    assert server.n_requests() - n_before == 1  # only what was missing
    assert server.requests[-1].count("ztf_000002") == 1
    assert (second.n_stored, second.is_complete, {c.kind: c.n for c in second.failures}) == (
        1,
        True,
        {},
    )
    assert FrameStore(out).is_complete
    assert len(FrameStore(out).sequence(1).sequence) == 4


def test_a_frame_lost_for_good_is_not_asked_for_while_its_object_waits(server, tmp_path):
    add_object(server)
    server.always_fail("ztf_000001", Fault(kind="status", status=404))
    server.always_fail("ztf_000002", Fault(kind="status", status=503))
    out = tmp_path / "frames"
    fetch(server, out)
    server.heal()
    n_before = server.n_requests()
    summary = fetch(server, out)
    assert server.n_requests() - n_before == 1
    assert (summary.n_stored, summary.n_frames) == (1, 3)


def test_missing_frames_can_be_accepted(server, tmp_path):
    add_object(server)
    server.always_fail("ztf_000002", Fault(kind="status", status=503))
    summary = fetch(server, tmp_path / "frames", accept_missing=True)
    assert summary.is_complete
    assert len(FrameStore(tmp_path / "frames").sequence(0).sequence) == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="html"),
        Fault(kind="cut"),
        Fault(kind="status", status=503),
        Fault(kind="status", status=403),
        Fault(kind="status", status=204),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}" if fault.kind == "status" else fault.kind,
)
def test_a_wrong_list_says_nothing_of_the_object(server, tmp_path, fault):
    add_object(server)
    server.always_fail("by/oid", fault)
    out = tmp_path / "frames"
    summary = fetch(server, out)
    assert (summary.n_rejected, summary.n_unfinished) == (0, 1)
    server.heal()
    assert fetch(server, out).n_stored == 1


def test_a_finder_that_knows_nothing_at_all_marks_no_object_as_lost(server, tmp_path):
    oids = range(OID, OID + 6)
    for oid in oids:
        add_object(server, oid)
    server.always_fail("by/oid", Fault(kind="status", status=404))
    out = tmp_path / "frames"
    http = FAST.model_copy(update={"n_failures_to_stop": 4})
    with pytest.raises(ArchiveOutageError, match="refused the first"):
        fetch(server, out, oids, http=http, workers=1)
    assert failures(out)
    assert not any(row["is_permanent"] for row in failures(out))
    server.heal()
    assert fetch(server, out, oids).n_stored == 6


@pytest.mark.parametrize("n_objects", [1, 3])
def test_without_a_network_the_run_ends_with_an_error_and_nothing_is_lost(
    server, tmp_path, n_objects
):
    oids = range(OID, OID + n_objects)
    for oid in oids:
        add_object(server, oid)
    out = tmp_path / "frames"
    with pytest.raises(ArchiveError, match=r"cannot reach 127.0.0.1:9: Connect.*nothing is lost"):
        fetch(server, out, oids, finder_url="http://127.0.0.1:9")
    assert fetch(server, out, oids).n_stored == n_objects


def test_an_address_that_is_none_is_one_clear_error(server, tmp_path):
    with pytest.raises(InvalidInputError, match=r"http:// or https:// address is needed"):
        fetch(server, tmp_path / "frames", finder_url="http://[::1")


def test_what_failed_for_good_can_be_tried_again(server, tmp_path):
    add_object(server)
    server.always_fail("by/oid", Fault(kind="status", status=404))
    out = tmp_path / "frames"
    assert fetch(server, out).n_rejected == 1
    server.heal()
    assert fetch(server, out).n_rejected == 1
    assert fetch(server, out, retry_failed=True).n_stored == 1
    assert failures(out) == []


def test_an_object_of_which_no_frame_is_left_is_rejected(server, tmp_path):
    add_object(server, n=2)
    server.always_fail("sciimg", Fault(kind="status", status=404))
    summary = fetch(server, tmp_path / "frames")
    assert (summary.n_rejected, summary.is_complete) == (1, True)
    reasons = [row["reason"] for row in failures(tmp_path / "frames")]
    assert sorted(reasons) == ["too_few_frames", "unavailable", "unavailable"]
    assert len(FrameStore(tmp_path / "frames")) == 0


def test_frames_of_another_place_are_kept_aside_and_the_object_is_rejected(server, tmp_path):
    served = add_object(server, n=2)
    for exposure in served.exposures:
        exposure.cards = {"CRVAL2": 35.0}  # the header says that the object is not on the image
    summary = fetch(server, tmp_path / "frames")
    assert (summary.n_rejected, summary.faults.n_unplaced) == (1, 2)
    (failure,) = failures(tmp_path / "frames")
    assert failure["reason"] == "too_few_frames"
    assert "none of 2 exposures" in failure["detail"]
    assert len(list((tmp_path / "frames" / "downloads" / str(OID)).glob("*.fits"))) == 2
    n_before = server.n_requests()
    assert fetch(server, tmp_path / "frames").is_complete
    assert server.n_requests() == n_before


@pytest.mark.parametrize("n", [1, 2])
def test_objects_of_one_or_two_frames_are_stored_and_counted(server, tmp_path, n):
    add_object(server, n=n)
    summary = fetch(server, tmp_path / "frames")
    assert (summary.n_stored, summary.n_few_frames, summary.n_frames) == (1, 1, n)


def test_objects_of_other_bands_are_passed_over_without_asking(server, tmp_path):
    g_band = 633_107_400_004_730
    add_object(server, g_band, band="g")
    add_object(server)
    summary = fetch(server, tmp_path / "frames", (g_band, OID), band="r")
    assert (summary.n_other_band, summary.n_stored, summary.is_complete) == (1, 1, True)
    assert server.n_requests(str(g_band)) == 0


def test_frames_of_one_time_are_stored_once(server, tmp_path):
    server.add_object(OID, [sky(1), sky(2), sky(3)], [58300.0, 58300.0, 58301.0])
    summary = fetch(server, tmp_path / "frames")
    assert len(FrameStore(tmp_path / "frames").sequence(0).sequence) == 2
    assert summary.n_unusable_exposures == 1


def test_an_archive_that_is_down_ends_the_run_and_keeps_what_was_fetched(server, tmp_path):
    for oid in range(OID, OID + 6):
        add_object(server, oid, n=3)
    for oid in range(OID + 1, OID + 6):
        server.always_fail(f"{oid}/ztf_", Fault(kind="close"))
    out = tmp_path / "frames"
    http = FAST.model_copy(update={"max_attempts": 1, "n_failures_to_stop": 4})
    with pytest.raises(ArchiveOutageError, match="run the same command later"):
        fetch(server, out, range(OID, OID + 6), workers=1, http=http)
    assert FrameStore(out).objects()["object_id"].to_pylist() == [str(OID)]
    assert not FrameStore(out).is_complete
    server.heal()
    summary = fetch(server, out, range(OID, OID + 6))
    assert (summary.n_stored_before, summary.n_stored, summary.is_complete) == (1, 5, True)
    assert server.n_requests(f"{OID}/ztf_") == 3


def test_a_page_of_html_to_everything_marks_nothing_as_lost(server, tmp_path):
    """A maintenance page with status 200 must not make thousands of frames permanent failures."""
    add_object(server, n=20)
    server.always_fail("sciimg", Fault(kind="html"))
    out = tmp_path / "frames"
    http = FAST.model_copy(update={"max_attempts": 1, "n_failures_to_stop": 5})
    with pytest.raises(ArchiveOutageError):
        fetch(server, out, http=http)
    server.heal()
    assert fetch(server, out).n_frames == 20


def test_another_folder_of_parts_or_other_settings_are_refused(server, tmp_path):
    add_object(server)
    fetch(server, tmp_path / "frames")
    with pytest.raises(DatasetError, match="other settings"):
        fetch(server, tmp_path / "frames", size_px=63)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("mine")
    with pytest.raises(DatasetError, match="choose another"):
        fetch(server, tmp_path / "full")


def test_two_runs_into_one_folder_do_not_meet(server, tmp_path):
    add_object(server)
    fetch(server, tmp_path / "frames")
    with held_alone(tmp_path / "frames" / "downloads"), pytest.raises(DatasetError, match="in use"):
        fetch(server, tmp_path / "frames")


def test_63_px_frames(server, tmp_path):
    server.add_object(OID, [sky(1, 90)], [58300.0])
    fetch(server, tmp_path / "frames", size_px=63)
    assert FrameStore(tmp_path / "frames").sequence(0).sequence.frames.shape == (1, 63, 63)


def test_leftovers_of_killed_runs_are_cleared_away(server, tmp_path):
    """A store that has an object needs no files of it; drafts are of no use."""
    add_object(server)
    out = tmp_path / "frames"
    fetch(server, out)
    left = out / "downloads" / str(OID)
    left.mkdir()
    (left / "58300.fits").write_bytes(b"x")
    other = out / "downloads" / "99"
    other.mkdir()
    (other / ".58300.fits.12.part").write_bytes(b"x")
    with (out / "downloads" / "failures.jsonl").open("a") as log:
        log.write('{"object_id": "1", "rea')  # cut off by a kill
    summary = fetch(server, out)
    assert summary.is_complete
    assert not left.exists()
    assert list(other.iterdir()) == []


def test_a_damaged_list_of_exposures_is_asked_for_again(server, tmp_path):
    add_object(server)
    server.always_fail("sciimg", Fault(kind="status", status=503))
    out = tmp_path / "frames"
    fetch(server, out)
    (out / "downloads" / str(OID) / "exposures.json").write_text('{"ra_deg": 1')
    server.heal()
    assert fetch(server, out).n_stored == 1
    assert server.n_requests("by/oid") == 2


def test_files_go_only_when_the_stores_part_is_on_disk(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PIXELS_PER_PART", 28 * 28 * 256)
    add_object(server, OID, n=2)
    add_object(server, OID + 1, n=2)
    server.always_fail(f"{OID + 1}/ztf_", Fault(kind="close"))
    out = tmp_path / "frames"
    seen = []
    true_flush = module.FrameStoreWriter.flush

    def flush(writer):
        seen.append((out / "downloads" / str(OID)).is_dir())
        true_flush(writer)

    monkeypatch.setattr(module.FrameStoreWriter, "flush", flush)
    fetch(server, out, (OID, OID + 1))
    assert seen == [True]
    assert not (out / "downloads" / str(OID)).exists()
    assert (out / "downloads" / str(OID + 1)).is_dir()


PROGRAM = """
import sys
from pathlib import Path
from skyvet.io.archives.fetch_frames import ZtfFramesConfig, fetch_ztf_frames
url, products, out, first, n = sys.argv[1:]
config = ZtfFramesConfig(finder_url=url, base_url=products, rate=100, workers=3)
print("begun", flush=True)
fetch_ztf_frames(range(int(first), int(first) + int(n)), Path(out), config=config)
"""


@pytest.mark.integration
def test_a_run_killed_at_any_point_continues_and_asks_for_no_frame_twice(server, tmp_path):
    n_objects, n_frames = 12, 10
    for oid in range(OID, OID + n_objects):
        add_object(server, oid, n=n_frames)
    out = tmp_path / "frames"
    words = [server.url, server.products_url, str(out), str(OID), str(n_objects)]
    n_killed = 0
    for delay_s in (0.15, 0.3, 0.25, 0.2):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, start_new_session=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        n_before = server.n_requests()
        deadline = time.monotonic() + 30
        while server.n_requests() == n_before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(delay_s)
        n_killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert n_killed >= 2
    summary = fetch(server, out, range(OID, OID + n_objects))
    assert summary.is_complete
    store = FrameStore(out)
    assert sorted(store.objects()["object_id"].to_pylist()) == [
        str(OID + i) for i in range(n_objects)
    ]
    assert store.n_frames == n_objects * n_frames
    for i in range(n_objects):
        oid = int(store.sequence(i).sequence.object_id)
        expected = [sky(oid % 1000 + k)[16:44, 16:44].astype("f2") for k in range(n_frames)]
        np.testing.assert_array_equal(store.sequence(i).sequence.frames, expected)
    # What was under way when a run was killed (3 workers) is all that may be asked for again.
    frames = [request for request in server.requests if "sciimg" in request]
    assert len(frames) <= n_objects * n_frames + 3 * n_killed
    assert not any(p for p in (out / "downloads").iterdir() if p.is_dir())


@pytest.mark.integration
def test_an_interrupt_ends_at_once_with_130_and_says_how_to_go_on(server, tmp_path):
    for oid in range(OID, OID + 3):
        add_object(server, oid, n=4)
    server.always_fail(f"{OID + 1}/ztf_", Fault(kind="stall", seconds=60.0))
    oids = tmp_path / "oids.txt"
    oids.write_text("".join(f"{oid}\n" for oid in range(OID, OID + 3)))
    out = tmp_path / "frames"
    command = [
        sys.executable, "-m", "skyvet.cli.main", "fetch", "ztf-frames", "--oids", str(oids),
        "--out", str(out), "--finder-url", server.url, "--base-url", server.products_url,
        "--rate", "100",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ})
    deadline = time.monotonic() + 120  # a loaded machine takes its time to start
    while server.n_requests(f"{OID + 1}/ztf_") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "run the same command to continue" in said
    assert "Traceback" not in said
    assert time.monotonic() - started < 5
    server.heal()
    summary = fetch(server, out, range(OID, OID + 3))
    assert summary.is_complete
    assert server.n_requests(f"{OID}/ztf_") == 4
