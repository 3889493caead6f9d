"""A polite HTTP client: one rate for all workers, time-outs, retries that back off.

What an answer is worth is decided here, once:

==================================== ============================== =========================
what happened                        what is done                   if it stays so
==================================== ============================== =========================
200 with content that can be read    it is the answer
404, 410, other 4xx                  not asked again                permanent
408, 425, 429, 5xx, 2xx but 200      asked again; Retry-After kept  transient
no connection, time-out, cut body    asked again                    transient
200 with a page, cut or wrong bytes  asked again                    permanent
==================================== ============================== =========================

A transient failure is worth another run. When a host fails over and over, or refuses everything
from the start, `ArchiveOutageError` ends the run instead of spoiling the rest of it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import numpy as np
from pydantic import Field

from skyvet import __version__
from skyvet.core.configs import Config
from skyvet.core.errors import ArchiveError, ArchiveOutageError, InvalidInputError, PacketError
from skyvet.core.optional import require

__all__ = ["ArchiveClient", "HttpConfig", "is_http_address"]

_RETRIED_STATUSES = frozenset({408, 425, 429})
_MAX_REDIRECTS = 5
_Parsed = TypeVar("_Parsed")


class HttpConfig(Config):
    """How to deal with an archive that is slow, busy or broken."""

    timeout_s: float = Field(
        default=30.0, gt=0, le=3600, description="Longest wait for a connection or for bytes [s]."
    )
    total_timeout_s: float = Field(
        default=120.0, gt=0, le=36_000, description="Longest time of one answer as a whole [s]."
    )
    max_attempts: int = Field(default=5, ge=1, le=50, description="Times that one thing is asked.")
    backoff_s: float = Field(
        default=1.0, ge=0, le=600, description="First wait after a failure [s]; it doubles."
    )
    max_wait_s: float = Field(
        default=120.0, ge=0, le=3600,
        description="Longest wait [s]; an archive that asks for more ends the attempts.",
    )  # fmt: skip
    n_failures_to_stop: int = Field(
        default=15, ge=1, description="Failures of one host in a row that end the run."
    )
    contact: str = Field(
        default="", max_length=200, pattern=r"^[ -~]*$",
        description="Your e-mail address, told to the archives so that they can write to you.",
    )  # fmt: skip


class _TryAgainError(Exception):
    """One attempt failed in a way that another may not."""

    def __init__(
        self, detail: str, *, status: int = 0, wait_s: float = 0.0, is_content: bool = False
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.wait_s = wait_s
        self.is_content = is_content


class ArchiveClient:
    """Asks archives politely; many threads may share one.

    Parameters
    ----------
    rate : float
        Most requests a second to one host, all threads together.
    config : HttpConfig, optional
        Time-outs and retries.
    rng : Generator, optional
        Spreads the waits, so that workers do not come back at the same moment.

    Raises
    ------
    MissingDependencyError
        If httpx (extra ``fetch``) is not installed.
    """

    def __init__(
        self,
        *,
        rate: float,
        config: HttpConfig | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._httpx = require("httpx", extra="fetch")
        self._config = config or HttpConfig()
        self._rng = rng or np.random.default_rng()
        self._step_s = 1.0 / rate
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._next_turn: dict[str, float] = defaultdict(float)
        self._failures: dict[str, int] = defaultdict(int)
        self._hosts_of_use: set[str] = set()
        self._was_answered = False
        self._last_unreached = ""
        self._n_requests = 0
        contact = f"; {self._config.contact}" if self._config.contact else ""
        self._http = self._httpx.Client(
            timeout=self._config.timeout_s,
            follow_redirects=True,
            max_redirects=_MAX_REDIRECTS,
            headers={"User-Agent": f"skyvet/{__version__} (astronomical research{contact})"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._http.close()

    @property
    def n_requests(self) -> int:
        """Requests sent so far, repetitions included."""
        return self._n_requests

    def stop(self) -> None:
        """Let every thread that waits or reads give up now."""
        self._stopped.set()

    def check_reached(self) -> None:
        """Tell a run that got nothing from an archive that fails from no network at all.

        Raises
        ------
        ArchiveError
            If requests failed and no archive ever answered one, not even with an error.
        """
        if self._last_unreached and not self._was_answered:
            raise ArchiveError(
                f"cannot reach {self._last_unreached}; nothing is lost, run the same command again"
            )

    def get(
        self, url: str, parse: Callable[[bytes], _Parsed], *, max_bytes: int = 64 << 20
    ) -> _Parsed:
        """Fetch an address and return what its content says.

        Parameters
        ----------
        url : str
            ``http://`` or ``https://`` address with its query.
        parse : callable
            Takes the bytes; raises `PacketError` or `InvalidInputError` where they are not what
            was asked for, such as a page that says "busy".
        max_bytes : int, default 64 MiB
            A longer answer is no answer.

        Raises
        ------
        ArchiveError
            If it could not be had; `is_permanent` says whether asking later may help.
        ArchiveOutageError
            If the host has failed too often in a row.
        InvalidInputError
            If the address is no HTTP address.
        """
        host = _host_of(url)
        for attempt in range(1, self._config.max_attempts + 1):
            self._wait_for_turn(host)
            try:
                answer = parse(self._read(url, max_bytes))
            except (PacketError, InvalidInputError) as error:
                trouble = _TryAgainError(str(error), status=200, is_content=True)
            except _TryAgainError as error:
                trouble = error
            except ArchiveError as error:
                raise self._refusal(host, error) from error
            else:
                self._failures[host] = 0
                self._hosts_of_use.add(host)
                return answer
            is_last = attempt == self._config.max_attempts
            if is_last or trouble.wait_s > self._config.max_wait_s:
                break
            self._back_off(host, attempt, trouble)
        raise self._failure(host, url, trouble)

    def _read(self, url: str, max_bytes: int) -> bytes:
        """Return the body of one answer.

        Time-outs of the library are those of single reads: the sum is watched here.
        """
        deadline = time.monotonic() + self._config.total_timeout_s
        httpx = self._httpx
        try:
            with self._http.stream("GET", url) as response:
                self._check_status(response, url)
                body = bytearray()
                for block in response.iter_bytes():
                    body += block
                    self._check_going_on(len(body), max_bytes, deadline)
                return bytes(body)
        except httpx.TooManyRedirects as error:
            raise ArchiveError("it redirects in circles", url=url, is_permanent=True) from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ArchiveError(f"it leads to {error}", url=url, is_permanent=True) from error
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise _TryAgainError(f"{type(error).__name__}: {said}") from error

    def _check_going_on(self, n_bytes: int, max_bytes: int, deadline: float) -> None:
        if self._stopped.is_set():
            raise ArchiveError("stopped")
        if n_bytes > max_bytes:
            raise _TryAgainError(f"more than {max_bytes} bytes", status=200, is_content=True)
        if time.monotonic() > deadline:
            raise _TryAgainError(f"not done after {self._config.total_timeout_s:g} s")

    def _check_status(self, response: Any, url: str) -> None:  # noqa: ANN401 - optional package
        self._was_answered = True
        status = int(response.status_code)
        if status == 200:
            return
        said = f"HTTP {status} {response.reason_phrase}".strip()
        if status in _RETRIED_STATUSES or status >= 500 or 200 < status < 300:
            wait_s = _retry_after_s(response.headers.get("Retry-After", ""))
            raise _TryAgainError(said, status=status, wait_s=wait_s)
        raise ArchiveError(said, url=url, status=status, is_permanent=True)

    def _wait_for_turn(self, host: str) -> None:
        """Take the next free moment of the host and wait for it."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next_turn[host])
            self._next_turn[host] = turn + self._step_s
            self._n_requests += 1
        self._sleep(turn - now)

    def _back_off(self, host: str, attempt: int, trouble: _TryAgainError) -> None:
        """Wait before the next attempt; when the host is busy, everybody waits."""
        with self._lock:
            spread = self._rng.uniform(0.5, 1.5)
            doubled = self._config.backoff_s * 2.0 ** (attempt - 1) * spread
            if trouble.status in (429, 503):
                until = time.monotonic() + trouble.wait_s
                self._next_turn[host] = max(self._next_turn[host], until)
        self._sleep(max(trouble.wait_s, min(doubled, self._config.max_wait_s)))

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(max(seconds, 0.0)):
            raise ArchiveError("stopped")

    def _refusal(self, host: str, error: ArchiveError) -> ArchiveError:
        """Return a permanent failure, or the outage of a host that has refused everything."""
        with self._lock:
            if not error.is_permanent or host in self._hosts_of_use:
                self._failures[host] = 0
                return error
            self._failures[host] += 1
            n_failures = self._failures[host]
        if n_failures < self._config.n_failures_to_stop:
            return error
        return ArchiveOutageError(
            f"{host} refused the first {n_failures} requests, last with {error.detail!r}; what was "
            "fetched is kept, run the same command later to continue",
            status=error.status,
        )

    def _failure(self, host: str, url: str, trouble: _TryAgainError) -> ArchiveError:
        with self._lock:
            self._failures[host] += 1
            n_failures = self._failures[host]
            if trouble.status == 0:
                self._last_unreached = f"{host}: {trouble.detail}"
        if n_failures >= self._config.n_failures_to_stop:
            return ArchiveOutageError(
                f"{host} failed {n_failures} times in a row, last with {trouble.detail!r}; what "
                "was fetched is kept, run the same command later to continue"
            )
        return ArchiveError(
            trouble.detail, url=url, status=trouble.status, is_permanent=trouble.is_content
        )


def is_http_address(url: str) -> bool:
    """Say whether a text is an address that can be asked for.

    Examples
    --------
    >>> is_http_address("https://host/x"), is_http_address("host/x"), is_http_address("http://[::1")
    (True, False, False)
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _host_of(url: str) -> str:
    if not is_http_address(url):
        raise InvalidInputError(f"an http:// or https:// address is needed, got {url!r:.200}")
    return urlsplit(url).netloc


def _retry_after_s(text: str) -> float:
    """Return the seconds that a Retry-After header asks for; 0 where it says nothing usable."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return 0.0
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (aware - datetime.now(UTC)).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0
