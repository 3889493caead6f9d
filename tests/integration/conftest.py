"""Fixtures of the labelling page's tests: a dataset, a server, a browser."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import make_candidate

from skyvet.core.errors import StoreUnavailableError
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.preprocessing.ingest import IngestConfig, ingest

N_CANDIDATES = 130

CHROMIUM = next(
    (path for b in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(b))),
    "",
)


@pytest.fixture(scope="session")
def labelling_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dataset of 130 candidates, the even ones with a source."""
    night = tmp_path_factory.mktemp("labelling") / "night"
    night.mkdir()
    for i in range(N_CANDIDATES):
        candidate = make_candidate(i, object_id=f"ZTF24{i:07d}")
        (night / f"{i:04d}.avro").write_bytes(encode_ztf_alert(candidate))
    out = night.with_name("night of labels")
    ingest([night], out, config=IngestConfig())
    return out


class AbsentableStore:
    """A label store that can be away."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        if self.is_away:
            raise StoreUnavailableError("the label store is away; it is being moved")
        return getattr(self.store, name)


@dataclass
class Desk:
    """A labelling server in a thread, with its store."""

    address: str
    store: Any
    stop: Callable[[], None]
    tokens: dict[str, str] = field(default_factory=dict)

    def labels(self) -> dict[str, Any]:
        """Return the standing labels by candidate."""
        return {str(event.candidate_id): event for event in self.store.store.current()}


def _serve(app: Any, door: Any) -> Callable[[], None]:
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(timeout=20)
        door.close()

    return stop


@pytest.fixture
def open_desk(
    tmp_path: Path, labelling_data: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Desk]]:
    """Start servers; ``accounts`` maps a name to "label" or "read", and then tokens are asked.

    ``scores`` are a bundle's, as if it had just scored the dataset.
    """
    pytest.importorskip("uvicorn")
    pytest.importorskip("sqlalchemy")
    from skyvet.io.dataset import Dataset
    from skyvet.io.label_store.store import open_label_store
    from skyvet.services.labelling import opening
    from skyvet.services.labelling.settings import LabellingConfig

    stops: list[Callable[[], None]] = []

    def start(
        *,
        accounts: dict[str, str] | None = None,
        events: tuple[Any, ...] = (),
        scores: Any = None,
        **settings: Any,
    ) -> Desk:
        store = AbsentableStore(open_label_store(tmp_path / "labels.db"))
        store.append(events)
        tokens = {
            name: store.add_labeller(name, role=role, now=dt.datetime.now(dt.UTC))
            for name, role in (accounts or {}).items()
        }
        monkeypatch.setattr(opening, "score_dataset", lambda *_, **__: scores)
        session = opening.open_session(
            Dataset.open(labelling_data),
            store,
            config=LabellingConfig(**{"refit_every": 1000, "ahead": 150, **settings}),
            bundle=None if scores is None else object(),
            cache=labelling_data.with_name(f"cache of {labelling_data.name}"),
        )
        desk = serve_session(session, store, needs_token=accounts is not None, tokens=tokens)
        stops.append(desk.stop)
        return desk

    yield start
    for stop in stops:
        stop()


def serve_session(
    session: Any, store: AbsentableStore, *, needs_token: bool, tokens: dict[str, str]
) -> Desk:
    """Start a server over a session."""
    from skyvet.services.labelling.access import Gate
    from skyvet.services.labelling.app import create_app
    from skyvet.services.labelling.serving import bind

    gate = Gate(store, labeller="ada", needs_token=needs_token)
    door = bind("127.0.0.1", 0)
    stop_serving = _serve(create_app(session, gate), door)

    def stop() -> None:
        store.is_away = False
        stop_serving()
        session.close()
        store.close()

    address = f"http://127.0.0.1:{door.getsockname()[1]}/"
    return Desk(address=address, store=store, stop=stop, tokens=tokens)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium; the test skips where there is none."""
    driver = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("no Chromium or Chrome on this machine")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page in a browser of its own, and what it did that it should not."""

    page: Any
    shown: str = "#triplet"
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, address: str) -> Visit:
        """Go to the page and wait for its first candidate."""
        self.page.goto(address)
        self.page.wait_for_selector(self.shown)
        return self

    def until(self, claim: str, argument: Any = None, *, timeout_s: float = 20.0) -> None:
        """Wait until a claim holds in the page (whose policy forbids Playwright's own waiting)."""
        end = time.monotonic() + timeout_s
        while not self.page.evaluate(claim, argument):
            assert time.monotonic() < end, f"never true in {timeout_s:.0f} s: {claim}"
            self.page.wait_for_timeout(10)

    @property
    def key(self) -> str:
        """Candidate on screen."""
        return self.page.locator(self.shown).get_attribute("data-key")

    def press(self, *keys: str) -> list[str]:
        """Press keys, each for the candidate that is then on screen; return those candidates."""
        seen = []
        for key in keys:
            seen.append(self.key)
            self.page.keyboard.press(key)
            self.until(
                "([shown, key]) => document.querySelector(shown)?.dataset.key !== key",
                [self.shown, seen[-1]],
            )
        return seen

    def wait_until_saved(self) -> None:
        """Wait until the page says that every label is in the store."""
        self.until("() => document.querySelector('#delivery').textContent.trim() === 'All saved'")


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Visit]]:
    """Open browsers that share nothing; every complaint on their consoles fails the test."""
    visits: list[tuple[Visit, bool]] = []

    def start(*, may_fail: bool = False, shown: str = "#triplet", **options: Any) -> Visit:
        context = chromium.new_context(**{"viewport": {"width": 1366, "height": 768}, **options})
        context.set_default_timeout(20_000)
        new = Visit(page=context.new_page(), shown=shown)
        _watch(new)
        visits.append((new, may_fail))
        return new

    yield start
    for opened, _ in visits:
        opened.page.context.close()
    for opened, may_fail in visits:
        errors = [c for c in opened.complaints if not (may_fail and "Failed to load" in c)]
        assert errors == []
        assert [r for r in opened.requests if not r.startswith("http://127.0.0.1:")] == []


def _watch(visit: Visit) -> None:
    page = visit.page
    page.on(
        "console",
        lambda m: visit.complaints.append(m.text) if m.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("request", lambda request: visit.requests.append(request.url))


def bare_id(key: str) -> str:
    """Return the identifier in a candidate's key."""
    return key.partition(":")[2]
