"""What stands before every request: size limits, the Host check and security headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

from skyvet.core.errors import RequestRefusedError
from skyvet.services.labelling.access import Gate

__all__ = ["MAX_BODY_BYTES", "SECURITY_HEADERS", "GuardMiddleware", "refusal_response"]

MAX_BODY_BYTES = 2 << 20
"""Longest request body; 500 events with long comments fit."""

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Sent with every answer."""

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


class GuardMiddleware:
    """Refuses requests that are too large or sent to a foreign name; adds security headers.

    Parameters
    ----------
    app : ASGI application
        What answers.
    gate : Gate
        Knows the server's names.
    """

    def __init__(self, app: _App, *, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        try:
            headers = Headers(scope=scope)
            self._gate.check_host(headers.get("host", ""))
            body = await _whole_body(headers, receive)
        except RequestRefusedError as error:
            answer = refusal_response(error)
            await answer(scope, receive, send_guarded)
            return
        await self._app(scope, _replayed(body, receive), send_guarded)


async def _whole_body(headers: Headers, receive: _Receive) -> bytes:
    """Read the body, as far as it may go."""
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    parts, n_bytes = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        n_bytes += len(parts[-1])
        if n_bytes > MAX_BODY_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            break
    return b"".join(parts)


def _replayed(body: bytes, receive: _Receive) -> _Receive:
    is_sent = False

    async def replay() -> MutableMapping[str, Any]:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _too_large() -> RequestRefusedError:
    return RequestRefusedError(
        f"a request may have up to {MAX_BODY_BYTES >> 20} MiB; send fewer labels at once",
        code="too_large",
        status=413,
    )


def refusal_response(error: RequestRefusedError) -> JSONResponse:
    """Return a refusal as every error is told: a sentence and a word."""
    return JSONResponse({"error": str(error), "code": error.code}, status_code=error.status)
