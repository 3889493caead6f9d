"""A labelling server that is killed again and again loses no label that it acknowledged."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import pytest

from skyvet.io.label_store.store import open_label_store

N_LABELS = 500
N_KILLS = 5
TIMEOUT_S = 240

pytestmark = pytest.mark.integration


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """The real program in a process of its own."""

    def __init__(self, dataset: Path, folder: Path) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self._command = [
            sys.executable, "-m", "skyvet.cli.main", "label", "--data", str(dataset),
            "--labels", str(folder / "labels.db"), "--cache", str(folder / "cache"),
            "--labels-wanted", "20", "--refit-every", "50", "--port", str(self.port),
            "--need-token", "--no-browser", "--json",
        ]  # fmt: skip
        self._log = (folder / "server.log").open("a", encoding="utf-8")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=self._log, text=True, env=environment
        )
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline())["address"] == f"{self.base}/"

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=30)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def interrupt(self) -> int:
        """End it as Ctrl-C does and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(timeout=60)

    def close(self) -> None:
        self.kill()
        self._log.close()


class LabellingScript(threading.Thread):
    """A labeller who keeps every event until it is acknowledged, as the page does."""

    def __init__(self, base: str, token: str, name: str, keys: list[str], n: int) -> None:
        super().__init__(name=name, daemon=True)
        self._client = httpx.Client(
            base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=20.0
        )
        rng = np.random.default_rng(len(name))
        # Candidates come again and again: later labels of one candidate are new events.
        self.pending = [
            {
                "event_key": f"{name}-event-{i:04d}",
                "key": keys[i % len(keys)],
                "value": ("real", "bogus", "unknown")[rng.integers(3)],
                "labelled_at": f"2026-01-01T00:00:{i % 60:02d}Z",
            }
            for i in range(n)
        ]
        self.acknowledged: list[str] = []
        self.n_failures = 0

    def run(self) -> None:
        while self.pending:
            batch = self.pending[:2]
            try:
                answer = self._client.post("/api/labels", json={"events": batch})
                answer.raise_for_status()
            except httpx.HTTPError:
                self.n_failures += 1
                time.sleep(0.02)
                continue
            known = answer.json()
            assert not known["refused"]
            self.acknowledged += known["acknowledged"]
            self.pending = [e for e in self.pending if e["event_key"] not in known["acknowledged"]]
        self._client.close()


def test_interrupt_ends_the_server_without_an_error(dataset: Path, tmp_path: Path) -> None:
    server = Server(dataset, tmp_path)
    server.start()
    assert httpx.get(f"{server.base}/api/health").json() == {"ok": True, "store_ok": True}
    assert server.interrupt() == 0
    server.close()
    assert not (tmp_path / "server.log").read_text()


def test_server_killed_at_random_loses_no_acknowledged_label(dataset: Path, tmp_path: Path) -> None:
    import datetime as dt

    with open_label_store(tmp_path / "labels.db") as store:
        now = dt.datetime.now(dt.UTC)
        tokens = {name: store.add_labeller(name, now=now) for name in ("ada", "grace")}
    server = Server(dataset, tmp_path)
    server.start()
    try:
        headers = {"Authorization": f"Bearer {tokens['ada']}"}
        asked = {"n": 40, "queue": "all"}
        items = httpx.post(f"{server.base}/api/queue", json=asked, headers=headers).json()["items"]
        keys = [item["key"] for item in items]
        scripts = [
            LabellingScript(server.base, token, name, keys, N_LABELS // 2)
            for name, token in tokens.items()
        ]
        for script in scripts:
            script.start()
        _kill_while_working(server, scripts)
        for script in scripts:
            script.join(timeout=TIMEOUT_S)
    finally:
        server.close()
    _check(tmp_path / "labels.db", scripts)


def _kill_while_working(server: Server, scripts: list[LabellingScript]) -> None:
    """Kill and restart the server each time when about a sixth more was acknowledged."""
    rng = np.random.default_rng(11)
    for i_kill in range(1, N_KILLS + 1):
        wanted = i_kill * N_LABELS // (N_KILLS + 1)
        deadline = time.monotonic() + TIMEOUT_S
        while sum(len(script.acknowledged) for script in scripts) < wanted:
            assert time.monotonic() < deadline, "the scripts do not get on"
            time.sleep(0.002)
        time.sleep(float(rng.uniform(0, 0.02)))
        server.kill()
        server.start()


def _check(labels: Path, scripts: list[LabellingScript]) -> None:
    assert not any(script.is_alive() for script in scripts)
    assert all(not script.pending for script in scripts)
    assert sum(script.n_failures for script in scripts) > 0, "no kill met a request: kill earlier"
    with open_label_store(labels) as store:
        history = [stored.event for stored in store.history()]
    times_stored = Counter(event.event_key for event in history)
    for script in scripts:
        assert len(script.acknowledged) >= N_LABELS // 2
        assert {times_stored[key] for key in script.acknowledged} == {1}
    assert len(history) == N_LABELS, "nothing is stored that nobody sent"
    assert Counter(event.labeller for event in history) == {"ada": 250, "grace": 250}
