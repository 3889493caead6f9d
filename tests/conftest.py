"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.preprocessing.ingest import IngestConfig, ingest
from skyvet.preprocessing.normalization import StampConfig
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout, CutoutTriplet

PROJECT_ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = PROJECT_ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real survey data; the test skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real survey data not found at {SHARED_DATA}")
    return SHARED_DATA


def make_triplet_pixels(i: int, *, size_px: int = 63) -> np.ndarray:
    """Return science, template, difference of a fake candidate; even numbers hold a source."""
    rng = np.random.default_rng([77, i])
    pixels = rng.normal(100.0, 5.0, (3, size_px, size_px)).astype(np.float32)
    pixels[2] -= 100.0
    row, column = np.mgrid[:size_px, :size_px] - (size_px - 1) // 2
    shape = np.exp(-(row**2 + column**2) / 4.0) if i % 2 == 0 else np.exp(-np.abs(column) / 1.0)
    pixels[0] += 80.0 * shape
    pixels[2] += 80.0 * shape
    return pixels


def make_candidate(i: int, *, size_px: int = 63, **changes: Any) -> Candidate:
    """Return a fake ZTF candidate with cutouts."""
    science, template, difference = (
        Cutout(pixels=plane) for plane in make_triplet_pixels(i, size_px=size_px)
    )
    values: dict[str, Any] = {
        "survey": "ztf",
        "candidate_id": 1_095_578_115_815_010_000 + i,
        "object_id": f"ZTF18a{i // 2:06d}",
        "mjd_tai": 60000.0 + i / 100,
        "ra_deg": 10.0,
        "dec_deg": 20.0,
        "band": "g",
        "flux_njy": 30_000.0,
        "flux_err_njy": 2_000.0,
        "snr": 15.0,
        "cutouts": CutoutTriplet(
            science=science, template=template, difference=difference, pixel_scale_arcsec=1.01
        ),
    }
    return Candidate(**{**values, **changes})


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of 40 packets of fake candidates; candidates i and i + 1 share an object."""
    folder = tmp_path_factory.mktemp("night")
    for i in range(40):
        (folder / f"{i:03d}.avro").write_bytes(encode_ztf_alert(make_candidate(i)))
    return folder


@pytest.fixture(scope="session")
def night_labels(night: Path) -> Path:
    """Label file of that night: even candidates are real."""
    path = night.with_name("labels.csv")
    rows = [
        f"{make_candidate(i).candidate_id},{'real' if i % 2 == 0 else 'bogus'}" for i in range(40)
    ]
    path.write_text("candidate_id,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def dataset(night: Path) -> Path:
    """Dataset folder of that night, in parts of 16."""
    out = night.with_name("dataset")
    ingest([night], out, config=IngestConfig(n_per_part=16))
    return out


@pytest.fixture(scope="session")
def bundle_path(dataset: Path, night_labels: Path) -> Path:
    """Bundle of two tiny networks trained on that night."""
    from skyvet.models.compact_net import CompactConfig
    from skyvet.training.configs import EnsembleConfig, HardwareConfig, OptimiserConfig, TrainConfig
    from skyvet.training.datasets import load_labelled_rows
    from skyvet.training.members import train_ensemble
    from skyvet.training.packing import BundleText, pack_ensemble

    stamps = StampConfig(size_px=31, with_mask_planes=True)
    member = TrainConfig(
        network=CompactConfig(widths=(4, 8)),
        n_epochs=6,
        patience=0,
        validation_fraction=0.0,
        optimiser=OptimiserConfig(learning_rate=0.02),
        hardware=HardwareConfig(n_threads=1),
    )
    config = EnsembleConfig(member=member, n_members=2)
    rows = load_labelled_rows(dataset, night_labels, stamps=stamps)
    trained = train_ensemble(rows.arrays, config)
    text = BundleText(
        name="tiny",
        version="1",
        summary="two tiny networks on fake candidates",
        surveys=rows.surveys,
        data_description="fake candidates",
        data_licence="none needed",
    )
    path = dataset.with_name("bundle")
    pack_ensemble(
        path,
        trained,
        rows.arrays,
        stamps=stamps,
        config=config,
        text=text,
        stored_px=rows.stored_px,
    )
    return path
