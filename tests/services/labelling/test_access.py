"""Nobody reads or writes without the right to."""

from __future__ import annotations

import datetime as dt

import pytest
from tests.services.labelling.conftest import label

from skyvet.core.errors import InvalidInputError
from skyvet.services.labelling.access import Gate, refuse_open_door
from skyvet.services.labelling.guard import MAX_BODY_BYTES, SECURITY_HEADERS

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
KEY = "ztf:1095578115815010000"
READS = ["/api/session", "/api/progress", "/api/recent", f"/api/stamps/{KEY}"]
WRITES = [
    ("/api/queue", {"n": 1}),
    ("/api/queue/release", {"keys": None}),
    ("/api/labels", {"events": []}),
    ("/api/items", {"keys": []}),
]


@pytest.fixture
def tokens(store):
    return {
        "ada": store.add_labeller("ada", role="label", now=NOW),
        "eve": store.add_labeller("eve", role="read", now=NOW),
    }


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", READS)
def test_nothing_is_read_without_a_valid_token(serve, tokens, path):
    client = serve(needs_token=True).client
    assert client.get(path).status_code == 401
    assert client.get(path, headers=bearer("no-such-token")).status_code == 401
    assert client.get(path, headers={"Authorization": "Basic YTpi"}).status_code == 401
    assert client.get(path, headers=bearer(tokens["eve"])).status_code == 200


@pytest.mark.parametrize(("path", "document"), WRITES)
def test_nothing_is_written_without_a_valid_token(serve, tokens, path, document):
    client = serve(needs_token=True).client
    assert client.post(path, json=document).status_code == 401
    answer = client.post(path, json=document, headers=bearer("wrong"))
    assert answer.status_code == 401
    assert answer.json()["code"] == "token"
    assert client.post(path, json=document, headers=bearer(tokens["ada"])).status_code == 200


def test_read_only_accounts_look_but_do_not_write(serve, tokens):
    client = serve(needs_token=True).client
    eve = bearer(tokens["eve"])
    assert client.get("/api/session", headers=eve).json()["can_label"] is False
    looked = client.post("/api/queue", json={"n": 3}, headers=eve)
    assert len(looked.json()["items"]) == 3
    key = looked.json()["items"][0]["key"]
    for path, document in (
        ("/api/labels", {"events": [label(key)]}),
        ("/api/queue/release", {"keys": [key]}),
    ):
        refused = client.post(path, json=document, headers=eve)
        assert (refused.status_code, refused.json()["code"]) == (403, "read_only")
    taken = client.post("/api/queue", json={"n": 1}, headers=bearer(tokens["ada"])).json()
    assert taken["items"][0]["key"] == key, "looking reserves nothing"


def test_withdrawn_account_is_out(serve, tokens, monkeypatch):
    served = serve(needs_token=True)
    assert served.client.get("/api/session", headers=bearer(tokens["ada"])).status_code == 200
    served.store.revoke("ada")
    monkeypatch.setattr("skyvet.services.labelling.access.time.monotonic", lambda: 1e12)
    assert served.client.get("/api/session", headers=bearer(tokens["ada"])).status_code == 401


def test_link_with_a_token_becomes_a_cookie_that_scripts_cannot_read(serve, tokens):
    client = serve(needs_token=True).client
    assert client.get("/api/session").json()["code"] == "no_token"
    answer = client.get("/", params={"token": tokens["ada"]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    session = client.get("/api/session").json()
    assert session["labeller"] == "ada"


def test_link_that_is_not_valid_opens_a_page_that_says_so(serve, tokens, tmp_path):
    client = serve(needs_token=True).client
    answer = client.get("/", params={"token": "wrong"})
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    assert "set-cookie" not in answer.headers
    (tmp_path / "labels.db").rename(tmp_path / "away.db")
    answer = client.get("/", params={"token": tokens["ada"]})
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(("path", "document"), WRITES)
@pytest.mark.parametrize("sent", [{}, {"X-Skyvet-CSRF": ""}, {"X-Skyvet-CSRF": "gu\xebssed"}])
def test_cookie_alone_writes_nothing(serve, tokens, path, document, sent):
    client = serve(needs_token=True).client
    client.get("/", params={"token": tokens["ada"]})
    raw = {name: value.encode("latin-1") for name, value in sent.items()}
    answer = client.post(path, json=document, headers=raw)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


@pytest.mark.parametrize(("path", "document"), WRITES)
def test_page_without_account_needs_the_csrf_token_too(serve, path, document):
    served = serve()
    assert served.client.post(path, json=document).json()["code"] == "csrf"
    assert served.post(path, document).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_page_of_another_origin_writes_nothing(serve, origin):
    served = serve()
    answer = served.post("/api/queue", {"n": 1}, Origin=origin)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")
    assert served.post("/api/queue", {"n": 1}, Origin="http://127.0.0.1:8765").status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/session", "/api/health", "/assets/js/main.js"])
def test_foreign_host_name_is_refused(serve, path):
    client = serve().client
    for host in ("evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "10.0.0.7"):
        answer = client.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (403, "host")
    for host in ("localhost:8765", "127.0.0.1", "[::1]:8765"):
        assert client.get(path, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "[::1", "::1]", "[]", "[x]", "127.0.0.1:abc", "127.0.0.1:99999", "127.0.0.1:80:80",
        "evil@127.0.0.1", "127.0.0.1/x", "127.0.0.1#x", "127.0.0.1?x", "[::1]x", "\xff",
        "127.0.0.1:\xb2",
    ],
)  # fmt: skip
def test_host_that_is_none_is_refused_in_plain_words(serve, host):
    answer = serve().client.get("/api/session", headers={"Host": host.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (403, "host")


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "[", "", "http://"])
def test_origin_that_is_none_writes_nothing(serve, origin):
    answer = serve().post("/api/queue", {"n": 1}, Origin=origin)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")


@pytest.mark.parametrize("name", ["%00", "js%00/main.js", "a" * 5000, "%ff", "a/" * 3000, "%0a"])
@pytest.mark.parametrize("folder", ["/assets/", "/api/stamps/"])
def test_name_that_no_file_has_is_not_found(serve, folder, name):
    answer = serve().client.get(folder + name)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_server_with_accounts_is_called_by_address_or_known_name(store):
    gate = Gate(store, labeller="", needs_token=True, known_hosts=["Labels.example.org"])
    for host in ("10.0.0.7:80", "labels.example.org", "[fe80::1]:8765"):
        gate.check_host(host)
    with pytest.raises(Exception, match="--known-host"):
        gate.check_host("evil.example")


def test_other_machines_are_let_in_only_where_somebody_has_an_account(store):
    refuse_open_door(store, "127.0.0.1")
    with pytest.raises(InvalidInputError, match="no account yet"):
        refuse_open_door(store, "0.0.0.0")
    store.add_labeller("ada", now=NOW)
    refuse_open_door(store, "0.0.0.0")


@pytest.mark.parametrize("path", ["/", "/api/session", "/api/none", "/assets/js/main.js"])
def test_every_answer_has_the_security_headers(serve, path):
    headers = serve().client.get(path).headers
    assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_policy_lets_nothing_in_from_elsewhere(serve):
    policy = serve().client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_too_long_a_body_is_refused_declared_or_not(serve):
    served = serve()
    body = b" " * (MAX_BODY_BYTES + 1)
    headers = {**served.headers(), "Content-Type": "application/json"}

    async def piecewise():
        yield body

    for content in (body, piecewise()):
        answer = served.client.post("/api/labels", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "name", ["../conftest.py", "..%2f..%2fpage.py", "js", "none.js", "/etc/passwd"]
)
def test_assets_stay_in_their_folder(serve, name):
    assert serve().client.get(f"/assets/{name}").status_code == 404


def test_page_and_scripts_are_served_with_their_types(serve):
    client = serve().client
    assert client.get("/").headers["content-type"].startswith("text/html")
    script = client.get("/assets/js/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "no-cache"
    assert script.headers["etag"]
