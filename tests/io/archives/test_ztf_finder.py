"""Lists of exposures as the finder answers them."""

from __future__ import annotations

import json

import pytest
from tests.archive_server import ArchiveServer
from tests.io.archives.conftest import OID, add_object

from skyvet.core.errors import ArchiveError, InvalidInputError
from skyvet.io.archives.ztf_finder import ZtfFinder, band_of_oid, exposures_from_json


def item(hmjd=58300.5, url="https://host/a_sciimg.fits", ra=210.0, dec=30.0):
    return {"inputs": {"hmjd": hmjd, "ra": ra, "dec": dec}, "urls": {"sciimg": url}}


def test_exposures_come_by_time_with_the_position(server, client):
    served = add_object(server, n=3)
    found = ZtfFinder(client, url=server.url, base_url=server.products_url).exposures(OID)
    assert (found.ra_deg, found.dec_deg) == (210.0, 30.0)
    assert [e.hmjd for e in found.exposures] == [served.hmjd(i) for i in range(3)]
    assert all(e.url.startswith(server.products_url) for e in found.exposures)
    assert "dr=dr8&base_url=http%3A%2F%2F127.0.0.1" in server.requests[0]


@pytest.mark.parametrize("unknown_is_404", [False, True])
def test_an_unknown_object_is_a_permanent_404_either_way(client, unknown_is_404):
    with ArchiveServer(unknown_is_404=unknown_is_404) as server:
        with pytest.raises(ArchiveError) as raised:
            ZtfFinder(client, url=server.url).exposures(5)
        assert (raised.value.status, raised.value.is_permanent) == (404, True)
        assert server.n_requests() == 1


@pytest.mark.parametrize(
    "bad",
    [
        item(hmjd=None), item(hmjd="58300"), item(hmjd=float("nan")), item(url=None),
        item(url="ftp://x"),
        item(58301.5, url="http://[::1/a.fits"), item(58301.5, url="https:///a.fits"), {},
        {"inputs": 3, "urls": []}, item(hmjd=True),
    ],
)  # fmt: skip
def test_items_that_cannot_be_used_are_counted(bad):
    found = exposures_from_json(json.dumps([item(), bad]).encode())
    assert (len(found.exposures), found.n_unusable) == (1, 1)


def test_of_two_items_of_one_time_the_first_is_kept():
    items = [item(url="https://host/1"), item(url="https://host/2"), item(hmjd=58299.0)]
    found = exposures_from_json(json.dumps(items).encode())
    assert [e.url for e in found.exposures] == ["https://host/a_sciimg.fits", "https://host/1"]
    assert found.n_unusable == 1


def test_a_list_without_any_position_is_of_no_use():
    found = exposures_from_json(json.dumps([item(ra=None), item(dec=95.0)]).encode())
    assert (found.exposures, found.n_unusable) == ((), 2)


@pytest.mark.parametrize(
    "data", [b"<html>busy</html>", b"", b"{}", b"[1]", b'{"detail": "x"}', b"[" * 100_000]
)
def test_other_answers_are_no_list(data):
    with pytest.raises(InvalidInputError, match="the finder's list was expected"):
        exposures_from_json(data)


@pytest.mark.parametrize(
    ("oid", "band"),
    [(633207400004730, "r"), (1633307400004730, "i"), (633107400004730, "g"), (1, ""),
     (633907400004730, ""), (10**17, "")],
)  # fmt: skip
def test_the_identifier_names_the_band(oid, band):
    assert band_of_oid(oid) == band
