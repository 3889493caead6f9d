"""The polite client against every way in which a server misbehaves."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest
from tests.archive_server import Fault
from tests.io.archives.conftest import FAST, OID, add_object

from skyvet.core.errors import (
    ArchiveError,
    ArchiveOutageError,
    InvalidInputError,
    MissingDependencyError,
)
from skyvet.io.archives.http_client import ArchiveClient, HttpConfig
from skyvet.io.archives.irsa_cutouts import IrsaCutouts
from skyvet.io.fits_stamps import read_fits_images


def ask(server, client, *, size_px=28):
    """Fetch the first cutout of the object."""
    served = server.objects[OID]
    image = f"{server.products_url}/sci/{OID}/ztf_000000_sciimg.fits"
    return IrsaCutouts(client).cutout(image, (served.ra_deg, served.dec_deg), size_px)


def test_a_healthy_answer_is_taken_at_the_first_attempt(server, client):
    add_object(server)
    assert read_fits_images(ask(server, client))[0].pixels.shape == (29, 29)
    assert server.n_requests() == client.n_requests == 1
    assert server.user_agents.pop().startswith("skyvet/")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=500),
        Fault(kind="status", status=503),
        Fault(kind="status", status=429),
        Fault(kind="truncate"),
        Fault(kind="cut"),
        Fault(kind="html"),
        Fault(kind="garbage"),
        Fault(kind="close"),
        Fault(kind="stall", seconds=10.0),
        Fault(kind="drip"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}" if fault.kind == "status" else fault.kind,
)
def test_a_passing_fault_is_overcome(server, fault):
    add_object(server)
    whole = server.answer(f"/x/{OID}/ztf_000000_sciimg.fits?center=210.0,30.0&size=28pix")[2]
    server.fail("sciimg", fault)
    hasty = FAST.model_copy(update={"timeout_s": 0.3, "total_timeout_s": 0.5})
    with ArchiveClient(rate=500, config=hasty) as client:
        assert ask(server, client) == whole
    assert server.n_requests() == 2


@pytest.mark.parametrize(
    ("fault", "is_permanent", "n_requests"),
    [
        (Fault(kind="status", status=404), True, 1),
        (Fault(kind="status", status=403), True, 1),
        (Fault(kind="status", status=500), False, 3),
        (Fault(kind="status", status=204), False, 3),
        (Fault(kind="status", status=429), False, 3),
        (Fault(kind="truncate"), False, 3),
        (Fault(kind="close"), False, 3),
        (Fault(kind="cut"), True, 3),
        (Fault(kind="html"), True, 3),
        (Fault(kind="garbage"), True, 3),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else None,
)
def test_a_lasting_fault_says_whether_another_run_may_help(
    server, client, fault, is_permanent, n_requests
):
    add_object(server)
    server.always_fail("sciimg", fault)
    with pytest.raises(ArchiveError) as raised:
        ask(server, client)
    assert raised.value.is_permanent is is_permanent
    assert "sciimg.fits" in raised.value.url
    assert server.n_requests() == n_requests


@pytest.mark.parametrize("status", [429, 500])
def test_retry_after_in_seconds_is_kept(server, client, status):
    add_object(server)
    server.fail("sciimg", Fault(kind="status", status=status, retry_after="1"))
    started = time.monotonic()
    ask(server, client)
    assert server.times[1] - started >= 0.99


def test_retry_after_as_a_date_is_kept(server, client):
    add_object(server)
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    server.fail("sciimg", Fault(kind="status", status=503, retry_after=date))
    started = time.monotonic()
    ask(server, client)
    assert server.times[1] - started >= 0.9  # a date has whole seconds


def test_one_told_to_wait_makes_all_wait(server, client):
    add_object(server)
    server.fail("sciimg", Fault(kind="status", status=429, retry_after="1"))
    threads = [threading.Thread(target=ask, args=(server, client)) for _ in range(3)]
    threads[0].start()
    while server.n_requests() < 1:
        time.sleep(0.01)
    time.sleep(0.1)
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.n_requests() == 4
    assert min(server.times[1:]) - server.times[0] >= 0.9


def test_an_archive_that_asks_for_a_long_wait_is_left_alone(server):
    add_object(server)
    server.always_fail("sciimg", Fault(kind="status", status=503, retry_after="86400"))
    with ArchiveClient(rate=500, config=FAST) as client, pytest.raises(ArchiveError) as raised:
        ask(server, client)
    assert not raised.value.is_permanent
    assert server.n_requests() == 1


@pytest.mark.parametrize("text", ["", "soon", "-5", "nan", "1e400"])
def test_a_retry_after_that_says_nothing_is_no_wait(server, client, text):
    add_object(server)
    server.fail("sciimg", Fault(kind="status", status=503, retry_after=text))
    started = time.monotonic()
    ask(server, client)
    assert time.monotonic() - started < 1


def test_redirects_are_followed(server, client):
    add_object(server)
    server.fail("sciimg", Fault(kind="redirect"))
    ask(server, client)
    assert server.n_requests() == 2


def test_redirects_in_circles_are_a_permanent_failure(server, client):
    add_object(server)
    server.always_fail("sciimg", Fault(kind="redirect"))
    with pytest.raises(ArchiveError, match="circles") as raised:
        ask(server, client)
    assert raised.value.is_permanent


def test_redirects_to_other_protocols_are_refused(server, client):
    add_object(server)
    server.always_fail("sciimg", Fault(kind="redirect", location="file:///etc/hostname"))
    with pytest.raises(ArchiveError, match="leads to") as raised:
        ask(server, client)
    assert raised.value.is_permanent


def test_nobody_there_is_a_failure_that_may_pass(client):
    with pytest.raises(ArchiveError, match="Connect") as raised:
        client.get("http://127.0.0.1:9/x", bytes)
    assert not raised.value.is_permanent


@pytest.mark.parametrize(
    "url", ["", "ftp://x/y", "file:///etc/hostname", "host/path", "http://[::1", "http://:80/x"]
)
def test_other_addresses_are_refused(client, url):
    with pytest.raises(InvalidInputError, match="http"):
        client.get(url, bytes)


def test_an_endless_answer_is_cut_off(server, client):
    add_object(server)
    url = f"{server.products_url}/sci/{OID}/ztf_000000_sciimg.fits?center=210,30&size=28pix"
    with pytest.raises(ArchiveError, match="more than 1000 bytes") as raised:
        client.get(url, bytes, max_bytes=1000)
    assert raised.value.is_permanent


def test_requests_of_all_threads_keep_one_rate(server):
    add_object(server)
    with ArchiveClient(rate=40, config=FAST) as client:
        threads = [threading.Thread(target=ask, args=(server, client)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert server.times[-1] - server.times[0] >= 11 / 40 - 0.05


def test_a_host_that_fails_over_and_over_ends_the_run(server):
    add_object(server)
    server.always_fail("sciimg", Fault(kind="status", status=503))
    config = FAST.model_copy(update={"max_attempts": 1, "n_failures_to_stop": 3})
    with ArchiveClient(rate=500, config=config) as client:
        for _ in range(2):
            with pytest.raises(ArchiveError) as raised:
                ask(server, client)
            assert not isinstance(raised.value, ArchiveOutageError)
        with pytest.raises(ArchiveOutageError, match=r"3 times in a row.*same command later"):
            ask(server, client)


def test_a_success_in_between_forgives_failures(server):
    add_object(server)
    config = FAST.model_copy(update={"max_attempts": 1, "n_failures_to_stop": 2})
    with ArchiveClient(rate=500, config=config) as client:
        for _ in range(3):
            server.fail("sciimg", Fault(kind="status", status=503))
            with pytest.raises(ArchiveError) as raised:
                ask(server, client)
            assert not isinstance(raised.value, ArchiveOutageError)
            ask(server, client)


@pytest.mark.parametrize("status", [403, 404])
def test_a_host_that_refuses_everything_from_the_start_ends_the_run(server, status):
    add_object(server)
    server.always_fail("sciimg", Fault(kind="status", status=status))
    config = FAST.model_copy(update={"n_failures_to_stop": 3})
    with ArchiveClient(rate=500, config=config) as client:
        for _ in range(2):
            with pytest.raises(ArchiveError) as raised:
                ask(server, client)
            assert raised.value.is_permanent
        with pytest.raises(ArchiveOutageError, match="refused the first 3 requests") as outage:
            ask(server, client)
    assert not outage.value.is_permanent


def test_a_host_that_has_answered_may_refuse_as_often_as_it_likes(server):
    add_object(server)
    config = FAST.model_copy(update={"n_failures_to_stop": 3})
    with ArchiveClient(rate=500, config=config) as client:
        ask(server, client)
        server.always_fail("sciimg", Fault(kind="status", status=404))
        for _ in range(5):
            with pytest.raises(ArchiveError) as raised:
                ask(server, client)
            assert raised.value.is_permanent


def test_waits_double_and_spread(server, monkeypatch):
    add_object(server)
    server.always_fail("sciimg", Fault(kind="status", status=500))
    waits = []
    config = HttpConfig(max_attempts=5, backoff_s=1.0, max_wait_s=3.0)
    with ArchiveClient(rate=1e6, config=config, rng=np.random.default_rng(1)) as client:
        monkeypatch.setattr(client, "_sleep", waits.append)
        with pytest.raises(ArchiveError):
            ask(server, client)
    backed_off = [wait for wait in waits if wait > 0.01]
    low, high = [0.5, 1.0, 2.0, 3.0], [1.5, 3.0, 3.0, 3.0]
    assert all(a <= w <= b for a, w, b in zip(low, backed_off, high, strict=True))


def test_a_stopped_client_gives_up_at_once(server):
    add_object(server)
    server.fail("sciimg", Fault(kind="status", status=503, retry_after="100"))
    with ArchiveClient(rate=500, config=FAST) as client:
        threading.Timer(0.2, client.stop).start()
        started = time.monotonic()
        with pytest.raises(ArchiveError, match="stopped"):
            ask(server, client)
    assert time.monotonic() - started < 2


def test_the_contact_address_is_told(server):
    add_object(server)
    config = FAST.model_copy(update={"contact": "me@observatory.org"})
    with ArchiveClient(rate=500, config=config) as client:
        ask(server, client)
    assert "me@observatory.org" in server.user_agents.pop()


def test_without_httpx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    with pytest.raises(MissingDependencyError, match=r"skyvet\[fetch\]"):
        ArchiveClient(rate=1)
