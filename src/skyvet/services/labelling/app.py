"""The labelling service over HTTP."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from skyvet.core.errors import (
    InvalidInputError,
    LabelStoreError,
    RequestRefusedError,
    SkyvetError,
    StoreUnavailableError,
)
from skyvet.services.labelling.access import Gate, Viewer
from skyvet.services.labelling.guard import GuardMiddleware, refusal_response
from skyvet.services.labelling.messages import (
    HealthMessage,
    ItemsAnswer,
    ItemsRequest,
    LabelsAnswer,
    LabelsRequest,
    ProgressMessage,
    QueueAnswer,
    QueueRequest,
    RecentAnswer,
    ReleaseRequest,
    SessionMessage,
    SourceMessage,
)
from skyvet.services.labelling.service import LabellingService

__all__ = ["PAGE_FOLDER", "create_app", "page_version"]

PAGE_FOLDER = Path(__file__).parent / "page"
"""Where the page's files are."""

_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_COOKIE = "skyvet_token"
_YEAR_S = 31_536_000
_logger = logging.getLogger(__name__)


def page_version(folder: Path = PAGE_FOLDER) -> str:
    """Return a short hash of the page's files, noted with every label.

    Examples
    --------
    >>> len(page_version())
    12
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def create_app(service: LabellingService, gate: Gate, *, page: Path = PAGE_FOLDER) -> FastAPI:
    """Return the server's application.

    Parameters
    ----------
    service : LabellingService
        What answers.
    gate : Gate
        Who may ask.
    page : Path, optional
        Folder of the page's files.

    Returns
    -------
    FastAPI
        For any ASGI server; one process a dataset and store.
    """
    app = FastAPI(title="skyvet labelling", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(GuardMiddleware, gate=gate)
    _tell_errors(app)
    _add_page(app, gate, page)
    _add_queue(app, service, gate)
    _add_labels(app, service, gate)
    _add_state(app, service, gate)
    return app


def _viewer(gate: Gate, request: Request) -> Viewer:
    return gate.identify(request.headers, request.cookies.get(_COOKIE))


def _changing_viewer(gate: Gate, request: Request) -> Viewer:
    viewer = _viewer(gate, request)
    gate.check_change(viewer, request.headers)
    return viewer


def _add_page(app: FastAPI, gate: Gate, page: Path) -> None:
    @app.get("/")
    def index(request: Request, token: str | None = None) -> Response:
        if token is None:
            return _page_file(page / "index.html")
        try:
            gate.identify({"authorization": f"Bearer {token}"}, None)
        except RequestRefusedError as error:  # the page says it in words for people
            return _page_file(page / "index.html", status=error.status)
        except StoreUnavailableError:
            return _page_file(page / "index.html", status=503)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(
            _COOKIE,
            token,
            max_age=_YEAR_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    @app.get("/assets/{name:path}")
    def asset(name: str) -> Response:
        path = _path_within(page, name)
        if path is None:
            raise RequestRefusedError(f"no file {name!r}", code="not_found", status=404)
        return _page_file(path)


def _path_within(folder: Path, name: str) -> Path | None:
    """Return the file of a folder that is asked for; None where there is none."""
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):  # longer than a name may be, or with a NUL
        return None


def _page_file(path: Path, *, status: int = 200) -> Response:
    media_type = _MEDIA_TYPES.get(path.suffix, "text/plain")
    headers = {"Cache-Control": "no-cache"}
    return FileResponse(path, status, media_type=media_type, headers=headers)


def _add_queue(app: FastAPI, service: LabellingService, gate: Gate) -> None:
    @app.post("/api/queue")
    def queue(request: Request, message: QueueRequest) -> QueueAnswer:
        return service.queue(_changing_viewer(gate, request), message)

    @app.post("/api/queue/release")
    def release(request: Request, message: ReleaseRequest) -> dict[str, bool]:
        service.release(_changing_viewer(gate, request), message)
        return {"ok": True}

    @app.post("/api/items")
    def items(request: Request, message: ItemsRequest) -> ItemsAnswer:
        return service.items(_changing_viewer(gate, request), message.keys)

    @app.get("/api/stamps/{key:path}")
    def stamps(request: Request, key: str) -> Response:
        _viewer(gate, request)
        pixels = service.stamps(key)
        headers = {
            "X-Skyvet-Shape": ",".join(map(str, pixels.shape)),
            "Cache-Control": f"private, max-age={_YEAR_S}, immutable",
        }
        return Response(pixels.tobytes(), media_type="application/octet-stream", headers=headers)

    @app.get("/api/sources/{key:path}")
    def source(request: Request, key: str) -> SourceMessage:
        _viewer(gate, request)
        return service.source(key)


def _add_labels(app: FastAPI, service: LabellingService, gate: Gate) -> None:
    @app.post("/api/labels")
    def labels(request: Request, message: LabelsRequest) -> LabelsAnswer:
        return service.record(_changing_viewer(gate, request), message.events)

    @app.get("/api/recent")
    def recent(request: Request, n: int = 50) -> RecentAnswer:
        return service.recent(_viewer(gate, request), max(0, min(n, 500)))


def _add_state(app: FastAPI, service: LabellingService, gate: Gate) -> None:
    @app.get("/api/session")
    def session(request: Request) -> SessionMessage:
        return service.session(_viewer(gate, request))

    @app.get("/api/progress")
    def progress(request: Request) -> ProgressMessage:
        return service.progress(_viewer(gate, request))

    @app.get("/api/health")
    def health() -> HealthMessage:
        return service.health()


def _tell_errors(app: FastAPI) -> None:
    """Answer every error with a sentence and a word."""

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:  # noqa: ARG001
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body") or "the request"
        return _told(422, "invalid", f"{place}: {first['msg']}")

    @app.exception_handler(SkyvetError)
    def known(request: Request, error: SkyvetError) -> Response:
        if isinstance(error, RequestRefusedError):
            return refusal_response(error)
        if isinstance(error, StoreUnavailableError):
            _logger.warning("%s: %s", request.url.path, error)
            return _told(503, "store_away", str(error), {"Retry-After": "2"})
        if isinstance(error, InvalidInputError):
            return _told(422, "invalid", str(error))
        _logger.error("%s: %s", request.url.path, error)
        return _told(500, "store" if isinstance(error, LabelStoreError) else "server", str(error))

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        code = "not_found" if error.status_code == 404 else "invalid"
        return _told(error.status_code, code, f"{request.url.path}: {error.detail}")


def _told(
    status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse({"error": sentence, "code": code}, status_code=status, headers=headers)
