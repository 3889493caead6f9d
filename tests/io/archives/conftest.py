"""A local archive and a client that does not dawdle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tests.archive_server import ArchiveServer

from skyvet.io.archives.fetch_frames import ZtfFramesConfig
from skyvet.io.archives.http_client import ArchiveClient, HttpConfig

OID = 633_207_400_004_730
FAST = HttpConfig(timeout_s=2.0, total_timeout_s=3.0, max_attempts=3, backoff_s=0.01)


@pytest.fixture
def server() -> Iterator[ArchiveServer]:
    """An archive on this machine that rounds cutouts up by a pixel, as IRSA does."""
    with ArchiveServer(extra_px=1) as archive:
        yield archive


@pytest.fixture
def client() -> Iterator[ArchiveClient]:
    """A client with short waits."""
    with ArchiveClient(rate=500, config=FAST, rng=np.random.default_rng(5)) as archive_client:
        yield archive_client


def frames_config(server: ArchiveServer, **changes: object) -> ZtfFramesConfig:
    """Return settings that point at the local archive."""
    values = {"rate": 100, "finder_url": server.url, "base_url": server.products_url, "http": FAST}
    return ZtfFramesConfig.model_validate(values | changes)


def sky(seed: int, size_px: int = 60) -> np.ndarray:
    """Return the whole image of an exposure: sky noise and a star in the middle."""
    pixels = np.random.default_rng(seed).normal(200.0, 5.0, (size_px, size_px))
    row, column = np.mgrid[:size_px, :size_px] - (size_px - 1) / 2
    return (pixels + 500.0 * np.exp(-(row**2 + column**2) / 4.0)).astype(np.float32)


def add_object(server: ArchiveServer, oid: int = OID, *, n: int = 4, **options: object):
    """Serve an object of `n` exposures."""
    images = [sky(oid % 1000 + i) for i in range(n)]
    return server.add_object(oid, images, [58300.25 + 3.0 * i for i in range(n)], **options)
