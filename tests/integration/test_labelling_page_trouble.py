"""The labelling page when things go away: no key press is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.conftest import bare_id

pytestmark = pytest.mark.integration


class Server:
    """`skyvet label` in a process of its own, on one port for all its lives."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.labels = folder / "labels.db"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._command = [
            *(sys.executable, "-m", "skyvet.cli.main", "label", "--data", str(data)),
            *("--labels", str(self.labels), "--labeller", "ada", "--no-browser", "--json"),
            *("--port", str(self.port), "--cache", str(data.with_name(f"cache of {data.name}"))),
        ]
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start it and return its address once it is ready."""
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdout is not None
        return str(json.loads(self.process.stdout.readline())["address"])

    def kill(self) -> None:
        """Kill it at once."""
        if self.process is None:
            return
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None


@pytest.fixture
def server(labelling_data: Path, tmp_path: Path) -> Iterator[Server]:
    pytest.importorskip("uvicorn")
    new = Server(labelling_data, tmp_path)
    yield new
    new.kill()


def stored_values(server: Server) -> dict[str, str]:
    from skyvet.io.label_store.store import open_label_store

    with open_label_store(server.labels) as store:
        return {str(e.candidate_id): e.value.value for e in store.current()}


def test_a_killed_server_loses_no_label_and_gets_the_waiting_ones(server, visit):
    opened = visit(may_fail=True).open(server.start())
    page = opened.page
    seen = opened.press("r", "r", "r")
    opened.wait_until_saved()
    server.kill()
    seen += opened.press("b", "b", "b", "b")
    page.get_by_text("The labelling server does not answer.").wait_for()
    assert "4 labels are kept safely in this browser" in page.locator(".banner").inner_text()
    assert stored_values(server) == dict.fromkeys(map(bare_id, seen[:3]), "real")
    server.start()
    opened.wait_until_saved()
    page.locator(".banner").wait_for(state="detached")
    expected = {bare_id(key): "real" if i < 3 else "bogus" for i, key in enumerate(seen)}
    assert stored_values(server) == expected
    assert opened.press("r")[0] not in seen


def test_a_page_closed_while_the_server_was_dead_delivers_at_its_next_visit(server, visit):
    opened = visit(may_fail=True).open(server.start())
    opened.page.wait_for_load_state("networkidle")  # the next candidates have come
    server.kill()
    seen = opened.press("r", "b")
    opened.page.get_by_text("2 waiting").wait_for()
    opened.page.goto("about:blank")
    opened.open(server.start())
    opened.wait_until_saved()
    assert stored_values(server) == dict(zip(map(bare_id, seen), ("real", "bogus"), strict=True))
    assert opened.key not in seen


def test_an_absent_database_is_told_and_gets_its_labels_later(open_desk, visit):
    desk = open_desk()
    opened = visit(may_fail=True).open(desk.address)
    desk.store.is_away = True
    seen = opened.press("r", "b", "z")
    page = opened.page
    page.get_by_text("The label database is away.").wait_for()
    assert "3 labels are kept safely in this browser" in page.locator(".banner").inner_text()
    assert page.locator("#delivery").inner_text() == "3 waiting"
    seen += opened.press("u")
    reason = page.locator(".banner-reason").inner_text()
    assert reason == "The label store is away."  # what the page does about it, it says itself
    desk.store.is_away = False
    page.get_by_role("button", name="Try now").click()
    opened.wait_until_saved()
    values = {key: event.value.value for key, event in desk.labels().items()}
    assert values == {bare_id(seen[0]): "real", bare_id(seen[1]): "unknown"}
    page.locator(".banner").wait_for(state="detached")


def test_a_page_reloaded_in_an_outage_recalls_all_labels_when_it_is_over(open_desk, visit):
    desk = open_desk()
    opened = visit(may_fail=True).open(desk.address)
    opened.press("r", "b")
    opened.wait_until_saved()
    desk.store.is_away = True
    opened.press("u")
    page = opened.page
    page.get_by_text("1 waiting").wait_for()
    page.reload()
    page.get_by_text("Candidates come when it is back.").wait_for()
    assert page.locator(".entry").count() == 1
    assert page.locator(".round").count() == 0, "what is not known is not told"
    desk.store.is_away = False
    opened.until("() => document.querySelectorAll('.entry').length === 3")
    words = page.locator(".entry span").all_inner_texts()
    assert words == ["unknown", "bogus", "real"]
    opened.wait_until_saved()


def test_two_pages_of_one_browser_deliver_each_label_once(open_desk, visit):
    desk = open_desk()
    opened = visit(may_fail=True).open(desk.address)
    desk.store.is_away = True
    seen = opened.press("r", "b")
    opened.page.get_by_text("2 waiting").wait_for()
    second = opened.page.context.new_page()
    desk.store.is_away = False
    second.goto(desk.address)
    opened.wait_until_saved()
    second.get_by_text("All saved").wait_for()
    assert sorted(desk.labels()) == sorted(map(bare_id, seen))
    assert len(desk.store.history()) == 2


def test_a_refused_label_is_told_with_its_reason(open_desk, visit):
    desk = open_desk()
    opened = visit().open(desk.address)
    first = opened.key

    def spoil(route) -> None:
        body = json.loads(route.request.post_data)
        body["events"][0]["key"] = "ztf:1"
        route.continue_(post_data=json.dumps(body))

    opened.page.route("**/api/labels", spoil, times=1)
    opened.press("r")
    banner = opened.page.locator(".banner-bad")
    banner.wait_for()
    assert "1 label was refused" in banner.inner_text()
    assert first in banner.inner_text()
    banner.get_by_role("button").click()
    banner.wait_for(state="detached")
    assert desk.labels() == {}
