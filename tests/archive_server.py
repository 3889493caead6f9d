"""SNAD's finder and IRSA's cutout and light-curve services on this machine, faults included.

For tests without a network::

    with ArchiveServer() as server:
        server.add_object(633207400004730, images, mjd_utc_start)
        config = ZtfFramesConfig(finder_url=server.url, base_url=server.products_url, ...)

Whole detector images are served: a cutout near an edge comes smaller, as from IRSA, and its
header's reference pixel says where it lies.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

import numpy as np

from skyvet.core.times import heliocentric_delay_s, mjd_tai_to_mjd_utc
from skyvet.io.fits_stamps import encode_fits
from skyvet.io.fits_wcs import TangentWcs
from skyvet.io.frame_store import FrameStore

PIXEL_SCALE_DEG = 1.012 / 3600
EXPOSURE_S = 30.0
LIGHT_CURVE_COLUMNS = (
    "oid", "expid", "hjd", "mjd", "mag", "magerr", "catflags", "filtercode", "ra", "dec",
    "exptime",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one answer.

    ``status``: that HTTP status; ``truncate``: fewer bytes than announced; ``cut``: fewer bytes, so
    announced; ``html``: a page with status 200; ``garbage``: bytes that are no FITS file;
    ``stall``: nothing for `seconds`; ``drip``: a byte every tenth of a second; ``close``: no answer
    at all; ``redirect``: to `location` (default: the same address, which then works).
    """

    kind: Literal[
        "status", "truncate", "cut", "html", "garbage", "stall", "drip", "close", "redirect"
    ]
    status: int = 503
    retry_after: str = ""
    seconds: float = 1.0
    location: str = ""


@dataclass(slots=True)
class ServedExposure:
    """One exposure: its whole image and where the object lies on it."""

    image: np.ndarray[Any, Any]
    mjd_utc_start: float
    centre: tuple[float, float]
    cards: dict[str, str | float] = field(default_factory=dict)


@dataclass(slots=True)
class ServedObject:
    """One object with its exposures and, as IRSA's rows, its light curve."""

    ra_deg: float
    dec_deg: float
    band: str
    exposures: list[ServedExposure]
    light_curve: list[dict[str, Any]] = field(default_factory=list)

    def hmjd(self, i: int) -> float:
        """Heliocentric mid-exposure of an exposure."""
        middle = self.exposures[i].mjd_utc_start + 0.5 * EXPOSURE_S / 86400
        delay_s = heliocentric_delay_s(middle, ra_deg=self.ra_deg, dec_deg=self.dec_deg)
        return middle + delay_s / 86400

    def hjd(self, i: int) -> float:
        """Heliocentric Julian date of the middle of an exposure."""
        return self.hmjd(i) + 2_400_000.5


class ArchiveServer:
    """The three services in one server on a free port of this machine.

    Parameters
    ----------
    extra_px : int
        Pixels that a cutout has more than asked, as IRSA rounds outwards.
    unknown_is_404 : bool
        Whether the finder answers 404 for an unknown object, or an empty list.
    """

    def __init__(self, *, extra_px: int = 0, unknown_is_404: bool = False) -> None:
        self.objects: dict[int, ServedObject] = {}
        self.requests: list[str] = []
        self.times: list[float] = []
        self.user_agents: set[str] = set()
        self.extra_px = extra_px
        self.unknown_is_404 = unknown_is_404
        self._faults: list[tuple[str, list[Fault]]] = []
        self._always: list[tuple[str, Fault]] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        handler = type("Handler", (_Handler,), {"archive": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Address of the finder."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def products_url(self) -> str:
        """Address below which the images are."""
        return f"{self.url}/ibe/data/ztf/products"

    @property
    def light_curve_url(self) -> str:
        """Address of the light-curve service."""
        return f"{self.url}/cgi-bin/ZTF/nph_light_curves"

    def fail(self, match: str, *faults: Fault) -> None:
        """Spoil the next answers to requests whose address contains `match`."""
        self._faults.append((match, list(faults)))

    def always_fail(self, match: str, fault: Fault) -> None:
        """Spoil every answer to requests whose address contains `match`."""
        self._always.append((match, fault))

    def heal(self) -> None:
        """Answer everything as it should be from now on."""
        self._faults.clear()
        self._always.clear()

    def n_requests(self, match: str = "") -> int:
        """Requests so far whose address contains `match`."""
        return sum(match in request for request in self.requests)

    def add_object(
        self,
        oid: int,
        images: Sequence[np.ndarray[Any, Any]],
        mjd_utc_start: Sequence[float],
        *,
        band: str = "r",
        position: tuple[float, float] = (210.0, 30.0),
        centres: Sequence[tuple[float, float]] | None = None,
        cards: Sequence[dict[str, str | float]] | None = None,
    ) -> ServedObject:
        """Serve an object; its exposures' whole images are `images`.

        `centres` are column and row of the object on each (default: the middle), `cards` further
        header cards.
        """
        exposures = [
            ServedExposure(
                image=np.asarray(image, dtype=np.float32),
                mjd_utc_start=mjd,
                centre=centres[i] if centres else ((image.shape[1] - 1) / 2,
                                                   (image.shape[0] - 1) / 2),
                cards=dict(cards[i]) if cards else {},
            )
            for i, (image, mjd) in enumerate(zip(images, mjd_utc_start, strict=True))
        ]  # fmt: skip
        served = ServedObject(*position, band, exposures)
        self.objects[oid] = served
        return served

    def add_store(self, path: Any, *, first_oid: int = 633_207_400_000_001) -> dict[int, str]:
        """Serve every object of a frame store as ZTF's; returns its id by the new OID."""
        names = {}
        for i, stored in enumerate(FrameStore(path)):
            sequence = stored.sequence
            starts = [mjd_tai_to_mjd_utc(t) - 0.5 * EXPOSURE_S / 86400 for t in sequence.mjd_tai]
            seeing, zero_point = stored.seeing_arcsec, stored.zero_point_mag
            assert seeing is not None
            assert zero_point is not None
            self.add_object(
                first_oid + i,
                list(sequence.frames),
                starts,
                cards=[
                    {"SEEING": float(s), "MAGZP": float(z)}
                    for s, z in zip(seeing, zero_point, strict=True)
                ],
            )
            names[first_oid + i] = str(sequence.object_id)
        return names

    def next_fault(self, address: str) -> Fault | None:
        """Note a request and return what shall go wrong with it."""
        with self._lock:
            self.requests.append(address)
            self.times.append(time.monotonic())
            for match, faults in self._faults:
                if match in address and faults:
                    return faults.pop(0)
            return next((fault for match, fault in self._always if match in address), None)

    def wait(self, seconds: float) -> bool:
        """Wait, or until the server ends."""
        return self._released.wait(seconds)

    def answer(self, address: str) -> tuple[int, str, bytes]:
        """Return status, content type and body of a healthy answer."""
        parts = urlsplit(address)
        query = parse_qs(parts.query)
        if parts.path == "/api/v1/urls/by/oid":
            return self._exposures(query)
        if parts.path == "/cgi-bin/ZTF/nph_light_curves":
            return self._light_curves(query)
        if parts.path.endswith("_sciimg.fits"):
            return self._cutout(parts.path, query)
        return 404, "text/html", b"<html>Not Found</html>"

    def _exposures(self, query: dict[str, list[str]]) -> tuple[int, str, bytes]:
        oid = int(query["oid"][0])
        if oid not in self.objects:
            if self.unknown_is_404:
                return 404, "application/json", b'{"detail": "Not Found"}'
            return 200, "application/json", b"[]"
        base = query["base_url"][0]
        base = self.products_url if base == "IPAC" else base
        served = self.objects[oid]
        items = [
            {
                "inputs": {
                    "hmjd": served.hmjd(i), "ra": served.ra_deg, "dec": served.dec_deg,
                    "filter": f"z{served.band}", "fieldid": 633, "rcid": 0,
                },
                "urls": {"sciimg": f"{base}/sci/{oid}/ztf_{i:06d}_sciimg.fits"},
            }
            for i in range(len(served.exposures))
        ]  # fmt: skip
        return 200, "application/json", json.dumps(items).encode()

    def _cutout(self, path: str, query: dict[str, list[str]]) -> tuple[int, str, bytes]:
        oid, name = path.split("/")[-2:]
        served = self.objects[int(oid)]
        exposure = served.exposures[int(name.split("_")[1])]
        wcs = TangentWcs(
            reference_px=(exposure.centre[0] + 1, exposure.centre[1] + 1),
            reference_deg=(served.ra_deg, served.dec_deg),
            matrix=(-PIXEL_SCALE_DEG, 0.0, 0.0, PIXEL_SCALE_DEG),
        )
        ra_deg, dec_deg = map(float, query["center"][0].split(","))
        size_px = int(query["size"][0].removesuffix("pix")) + self.extra_px
        column, row = wcs.pixel_of(ra_deg, dec_deg)
        height, width = exposure.image.shape
        first = [round(middle - (size_px - 1) / 2) for middle in (column, row)]
        x0, y0 = (max(start, 0) for start in first)
        x1, y1 = min(first[0] + size_px, width), min(first[1] + size_px, height)
        if x1 <= x0 or y1 <= y0:
            return 400, "text/html", b"<html>The cutout does not overlap the image</html>"
        cards: dict[str, str | float] = {
            "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN",
            "CRVAL1": served.ra_deg, "CRVAL2": served.dec_deg,
            "CRPIX1": wcs.reference_px[0] - x0, "CRPIX2": wcs.reference_px[1] - y0,
            "CD1_1": -PIXEL_SCALE_DEG, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": PIXEL_SCALE_DEG,
            "OBSMJD": exposure.mjd_utc_start, "EXPTIME": EXPOSURE_S,
            "FILTER": f"ZTF_{served.band}", "SEEING": 2.0, "MAGZP": 26.2, **exposure.cards,
        }  # fmt: skip
        return 200, "application/fits", encode_fits(exposure.image[y0:y1, x0:x1], cards=cards)

    def _light_curves(self, query: dict[str, list[str]]) -> tuple[int, str, bytes]:
        oids = [int(oid) for text in query["ID"] for oid in text.split(",")]
        rows = [row for oid in oids if oid in self.objects for row in self.objects[oid].light_curve]
        lines = [",".join(LIGHT_CURVE_COLUMNS)]
        lines += [",".join(str(row.get(name, "")) for name in LIGHT_CURVE_COLUMNS) for row in rows]
        return 200, "text/csv", ("\n".join(lines) + "\n").encode()


class _Handler(BaseHTTPRequestHandler):
    archive: ArchiveServer

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.archive.user_agents.add(self.headers.get("User-Agent", ""))
        fault = self.archive.next_fault(self.path)
        try:
            if fault is None:
                self._send(*self.archive.answer(self.path))
            else:
                self._send_spoilt(fault)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up, as it should

    def _send(self, status: int, kind: str, body: bytes, *, n_claimed: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if n_claimed is None else n_claimed))
        self.end_headers()
        self.wfile.write(body)

    def _send_spoilt(self, fault: Fault) -> None:
        if fault.kind == "status":
            self.send_response(fault.status)
            if fault.retry_after:
                self.send_header("Retry-After", fault.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault.kind == "redirect":
            self.send_response(302)
            self.send_header("Location", fault.location or self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault.kind == "html":
            self._send(200, "text/html", b"<!DOCTYPE html><html>Busy, come back later</html>")
        elif fault.kind == "garbage":
            self._send(200, "application/fits", bytes(range(256)) * 20)
        elif fault.kind != "close":
            self._send_slow_or_cut(fault)

    def _send_slow_or_cut(self, fault: Fault) -> None:
        if fault.kind == "stall":
            self.archive.wait(fault.seconds)
        status, kind, body = self.archive.answer(self.path)
        if fault.kind == "cut":
            body = body[: len(body) // 2]
        if fault.kind == "truncate":
            self._send(status, kind, body[: len(body) // 2], n_claimed=len(body))
        elif fault.kind == "drip":
            self._send(status, kind, b"", n_claimed=len(body))
            for i in range(len(body)):
                self.wfile.write(body[i : i + 1])
                if self.archive.wait(0.1):
                    return
        else:
            self._send(status, kind, body)
