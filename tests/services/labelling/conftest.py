"""A labelling server over forty fake candidates, with and without HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from skyvet.io.dataset import Dataset
from skyvet.io.label_store.store import LabelStore, open_label_store
from skyvet.services.labelling.access import Gate, Viewer
from skyvet.services.labelling.app import create_app
from skyvet.services.labelling.bundle_scores import BundleScores
from skyvet.services.labelling.candidates import ShownCandidates
from skyvet.services.labelling.messages import QueueRequest
from skyvet.services.labelling.rankers import LinearRanker
from skyvet.services.labelling.rounds import RoundKeeper
from skyvet.services.labelling.service import LabellingService
from skyvet.services.labelling.settings import LabellingConfig
from skyvet.services.labelling.subclasses import default_subclasses
from skyvet.strategies.queries.registry import build_query, strategy_titles

ADA = Viewer(name="ada", can_label=True, csrf_token="c" * 24)
BO = Viewer(name="bo", can_label=True, csrf_token="d" * 24)
EVE = Viewer(name="eve", can_label=False, csrf_token="e" * 24)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    with open_label_store(tmp_path / "labels.db") as opened:
        yield opened


@pytest.fixture(scope="session")
def opened(dataset: Path) -> Dataset:
    return Dataset.open(dataset)


MakeService = Callable[..., LabellingService]


@pytest.fixture
def make_service(opened: Dataset, store: LabelStore) -> MakeService:
    """Return what makes a started service; even candidates have high statistics and scores."""

    def make(*, with_bundle: bool = True, store: LabelStore = store, **settings: Any):
        config = LabellingConfig(**{"refit_every": 5, **settings})
        shown = ShownCandidates(opened)
        n = len(shown)
        is_real = np.arange(n) % 2 == 0
        rng = np.random.default_rng(3)
        statistics = rng.normal(size=(n, 4)) + 4.0 * is_real[:, None]
        logits = np.linspace(-3.0, 3.0, n)[rng.permutation(n)]
        scores = BundleScores(bundle="tiny-1+0", score=1 / (1 + np.exp(-logits)), logits=logits)
        strategies = {kind: build_query(kind) for kind in strategy_titles()}
        ranker = LinearRanker(statistics, logits=logits if with_bundle else None)
        rounds = RoundKeeper(
            ranker, strategies=strategies, groups=shown.object_codes(), config=config
        )
        service = LabellingService(
            shown,
            store,
            rounds,
            config=config,
            scores=scores if with_bundle else None,
            subclasses=default_subclasses(),
            page_version="test",
        )
        service.start()
        return service

    return make


def label(key: str, value: str = "real", **more: Any) -> dict[str, Any]:
    """Return a label as the page sends it."""
    return {
        "event_key": f"event-{key}-{value}",
        "key": key,
        "value": value,
        "labelled_at": dt.datetime(2026, 1, 2, tzinfo=dt.UTC).isoformat(),
        **more,
    }


def true_value(key: str) -> str:
    """Return the right label of a fake candidate: even ones are real."""
    return "real" if int(key.rpartition(":")[2]) % 2 == 0 else "bogus"


def ask(service: LabellingService, viewer: Viewer = ADA, **request: Any):
    """Return the queue's answer to a viewer."""
    return service.queue(viewer, QueueRequest(**request))


def keys_of(answer):
    """Return the candidates of an answer."""
    return [item.key for item in answer.items]


def label_all(service, keys, viewer=ADA, wrong=()):
    """Label candidates rightly, but for the wrong ones."""
    events = []
    for key in keys:
        value = true_value(key)
        if key in wrong:
            value = "bogus" if value == "real" else "real"
        events.append(label(key, value, event_key=f"{viewer.name}-{key}"))
    answer = service.record(viewer, events)
    assert not answer.refused
    return answer


class Client:
    """Calls an application in this process, with the cookies of a browser."""

    def __init__(self, app: FastAPI, *, base_url: str) -> None:
        self._app = app
        self._base_url = base_url
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **what: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url=self._base_url, cookies=self.cookies
            ) as client:
                return await client.request(method, path, **what)

        # In a thread of its own: a browser test in this process may hold an event loop open.
        with ThreadPoolExecutor(max_workers=1) as aside:
            answer = aside.submit(lambda: asyncio.run(call())).result()
        self.cookies.update(answer.cookies)
        return answer

    def get(self, path: str, **what: Any) -> httpx.Response:
        return self.request("GET", path, **what)

    def post(self, path: str, **what: Any) -> httpx.Response:
        return self.request("POST", path, **what)


class Served(NamedTuple):
    """An application with its gate, and what calls it."""

    client: Client
    gate: Gate
    store: LabelStore

    def headers(self) -> dict[str, str]:
        """Return what the page sends with everything that changes something."""
        return {"X-Skyvet-CSRF": self.client.get("/api/session").json()["csrf_token"]}

    def post(self, path: str, document: Any, **headers: str):
        """Send a document as the page does."""
        return self.client.post(path, json=document, headers={**self.headers(), **headers})


@pytest.fixture
def serve(make_service: MakeService, store: LabelStore, tmp_path: Path) -> Callable[..., Served]:
    """Return what serves a service in memory."""
    page = tmp_path / "page"
    (page / "js").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>skyvet</title>")
    (page / "js" / "main.js").write_text("export const one = 1;")

    def start(*, needs_token: bool = False, base: str = "http://127.0.0.1:8765", **settings: Any):
        service = make_service(**settings)
        gate = Gate(store, labeller="ada", needs_token=needs_token)
        client = Client(create_app(service, gate, page=page), base_url=base)
        return Served(client, gate, store)

    return start
