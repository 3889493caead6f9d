"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from tests.postgresql_server import PostgresqlServer, find_binaries
from tests.source_makers import make_source_bundle

from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.preprocessing.ingest import IngestConfig, ingest
from skyvet.preprocessing.normalization import StampConfig
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout, CutoutTriplet
from skyvet.records.sequences import EmbeddedSequences

if TYPE_CHECKING:
    from skyvet.io.frame_store import StoredSequence

PROJECT_ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = PROJECT_ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real survey data; the test skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real survey data not found at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A real server with nothing in it; the test skips where the package is not installed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    pytest.importorskip("psycopg")
    server = PostgresqlServer(binaries)
    yield server
    server.remove()


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


class PlantedSequences(NamedTuple):
    """Labelled objects, and which frame of each the artefact is in (-1 = none)."""

    labelled: LabelledSequences
    i_guilty: np.ndarray


def make_planted_sequences(
    n_objects: int, *, seed: int = 0, max_frames: int = 40
) -> PlantedSequences:
    """Objects of 1 to `max_frames` frames of noise; an artefact moves one frame of each BOGUS one.

    Three latent means and their log-variances a frame. Every other artefact moves the first two
    means up (tag ghost), the others down (tag track).
    """
    rng = np.random.default_rng([31, seed])
    lengths = rng.integers(1, max_frames + 1, n_objects)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = rng.normal(size=(offsets[-1], 6)).astype(np.float32)
    labels = np.arange(n_objects) % 2
    is_ghost = np.arange(n_objects) % 4 == 0
    i_guilty = np.where(labels == 0, rng.integers(0, lengths), -1)
    moved = (offsets[:-1] + i_guilty)[labels == 0]
    values[moved, :2] += np.where(is_ghost, 6.0, -6.0)[labels == 0, None]
    kinds = np.where(labels == 1, "", np.where(is_ghost, "ghost", "track"))
    tags = tuple((kind,) if kind else () for kind in kinds.tolist())
    sequences = EmbeddedSequences(
        values=values,
        offsets=offsets,
        object_ids=100_000 * seed + np.arange(n_objects),
        mjd_tai=np.full(len(values), np.nan),
        n_latent=3,
    )
    labelled = LabelledSequences(
        sequences=sequences, labels=labels, tags=tags, weights=np.ones(n_objects)
    )
    return PlantedSequences(labelled, i_guilty)


@pytest.fixture(scope="session")
def planted_sequences() -> Callable[..., PlantedSequences]:
    """The maker of labelled sequences with one guilty frame each."""
    return make_planted_sequences


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


def make_labelled_sequences(
    n: int = 120, *, seed: int = 0, with_light_curve: bool = False
) -> LabelledSequences:
    """Return objects of 3 to 40 frames; an artefact moves one frame of every BOGUS one."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 40, n)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = rng.normal(size=(offsets[-1], 6)).astype(np.float32)
    labels = rng.integers(0, 2, n)
    guilty = offsets[:-1] + rng.integers(0, lengths)
    values[guilty[labels == 0], :2] += 7.0
    curve = (labels[:, None] + rng.normal(size=(n, 2))).astype(np.float32)
    curve[0] = np.nan
    sequences = EmbeddedSequences(
        values=values, offsets=offsets, object_ids=257_201_400_000_000 + np.arange(n), n_latent=3,
        mjd_tai=58_000.0 + np.concatenate([np.arange(m) for m in lengths]),
        light_curve=curve if with_light_curve else None,
        light_curve_names=("amplitude", "skew") if with_light_curve else (),
    )  # fmt: skip
    tags = tuple(("ghost",) if label == 0 else () for label in labels)
    return LabelledSequences(
        sequences=sequences, labels=labels, tags=tags, weights=np.ones(n, np.float32)
    )


@pytest.fixture(scope="session")
def labelled_sequences() -> Callable[..., LabelledSequences]:
    """Give `make_labelled_sequences` to a test."""
    return make_labelled_sequences


def make_frames(n_frames: int, *, seed: int = 0, size_px: int = 28) -> np.ndarray:
    """Return fake frames of one star over a sky, each night with its own flux."""
    rng = np.random.default_rng([78, seed])
    row, column = np.mgrid[:size_px, :size_px] - (size_px - 1) // 2
    star = np.exp(-(row**2 + column**2) / 4.0)
    flux = rng.uniform(50.0, 400.0, (n_frames, 1, 1))
    frames = rng.normal(200.0, 5.0, (n_frames, size_px, size_px)) + flux * star
    return frames.astype(np.float32)


@pytest.fixture(scope="session")
def frame_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frame store of 12 objects of 4 to 26 frames; the odd ones have a bad column in frame 2."""
    from skyvet.io.frame_store import FrameStoreWriter, StoredSequence
    from skyvet.records.frames import FrameSequence
    from skyvet.records.labels import LabelValue

    path = tmp_path_factory.mktemp("frames") / "store"
    writer = FrameStoreWriter(path, settings={}, size_px=28, frames_per_part=60)
    for i in range(12):
        n_frames = 4 + 2 * i
        frames, guilty = make_frames(n_frames, seed=i), np.zeros(n_frames, dtype=bool)
        if i % 2:
            frames[2, :, 14] += 300.0
            guilty[2] = True
        sequence = FrameSequence(
            object_id=f"fake-{i}",
            frames=frames,
            mjd_tai=58000.0 + np.arange(n_frames),
            pixel_scale_arcsec=1.01,
        )
        label = LabelValue.BOGUS if i % 2 else LabelValue.REAL
        tags = ("column",) if i % 2 else ()
        writer.append(
            StoredSequence(
                sequence=sequence,
                survey="ztf",
                band="r",
                label=label,
                tags=tags,
                guilty_mask=guilty,
            )
        )
    writer.finish()
    return path


@pytest.fixture(scope="session")
def encoder_path(frame_store: Path) -> Path:
    """Folder of a tiny encoder (compact VAE, 4 dimensions) trained on that store."""
    from skyvet.io.frame_store import FrameStore
    from skyvet.models.encoders.compact_vae import CompactVaeConfig
    from skyvet.training.configs import HardwareConfig
    from skyvet.training.encoders.configs import EncoderTrainConfig, FrameSamplingConfig
    from skyvet.training.encoders.fit import fit_encoder
    from skyvet.training.encoders.frame_sources import StoreSource
    from skyvet.training.encoders.packing import EncoderText, pack_encoder

    config = EncoderTrainConfig(
        encoder=CompactVaeConfig(n_latent=4, widths=(4, 8, 8), decoder_widths=(8, 4, 4)),
        frames=FrameSamplingConfig(batch_size=16),
        hardware=HardwareConfig(n_threads=1),
        n_epochs=3,
    )
    fitted = fit_encoder([StoreSource(FrameStore(frame_store))], config)
    text = EncoderText(name="tiny", data_description="Fake frames.", data_licence="none needed")
    path = frame_store.with_name("encoder")
    pack_encoder(path, fitted, text)
    return path


def make_stored_sequence(i: int, *, n_frames: int = 9, **changes: Any) -> StoredSequence:
    """Object of fake frames; the odd ones have many bad columns in frame 2."""
    from skyvet.io.frame_store import StoredSequence
    from skyvet.records.frames import FrameSequence
    from skyvet.records.labels import LabelValue

    frames, guilty = make_frames(n_frames, seed=i), np.zeros(n_frames, dtype=bool)
    if i % 2:
        frames[2, :, ::2] += 2000.0
        guilty[2] = True
    values: dict[str, Any] = {
        "sequence": FrameSequence(
            object_id=str(257_201_400_000_000 + i),
            frames=frames,
            mjd_tai=58_000.0 + np.arange(n_frames),
            pixel_scale_arcsec=1.01,
        ),
        "survey": "ztf",
        "band": "r",
        "label": LabelValue.BOGUS if i % 2 else LabelValue.REAL,
        "tags": ("column", "spike") if i % 2 else ("VAR",),
        "guilty_mask": guilty,
    }
    return StoredSequence(**{**values, **changes})


@pytest.fixture(scope="session")
def sequence_bundle_path(encoder_path: Path) -> Path:
    """Bundle of a small classifier of frame sequences, with that encoder, on 60 fake objects."""
    from skyvet.inference.frame_embedding import embed_sequence
    from skyvet.io.embedding_store import StoredEmbedding, join_embeddings
    from skyvet.models.encoders.bundle import load_encoder
    from skyvet.models.encoders.embedder import FrameEmbedder
    from skyvet.preprocessing.sequences import label_sequences
    from skyvet.training.sequences.configs import SequenceTrainConfig
    from skyvet.training.sequences.packing import SequenceBundleText, pack_sequences
    from skyvet.training.sequences.pooled_config import BoostingConfig, PooledConfig
    from skyvet.training.sequences.train import train_sequences

    encoder = load_encoder(encoder_path)
    embedder = FrameEmbedder(encoder, n_threads=1)
    stored = [embed_sequence(make_stored_sequence(i), embedder) for i in range(100, 160)]
    embedded = [item for item in stored if isinstance(item, StoredEmbedding)]
    labelled, _ = label_sequences(join_embeddings(embedded, n_latent=embedder.n_latent))
    small = PooledConfig(boosting=BoostingConfig(n_bags=1, n_rounds=20, min_leaf=3))
    config = SequenceTrainConfig(classifiers=(small,), n_inner_folds=2)
    text = SequenceBundleText(
        name="tiny",
        summary="a small classifier of fake frames",
        surveys=("ztf",),
        encoder=encoder.label,
        data_description="Fake frames.",
        data_licence="none needed",
    )
    path = encoder_path.with_name("sequence-bundle")
    pack_sequences(
        path,
        train_sequences(labelled, config),
        labelled,
        config=config,
        text=text,
        encoder=encoder_path,
    )
    return path


@pytest.fixture(scope="session")
def sequence_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frame store of 20 labelled objects that the bundle has not seen."""
    from skyvet.io.frame_store import FrameStoreWriter

    path = tmp_path_factory.mktemp("sequences") / "frames"
    writer = FrameStoreWriter(path, settings={}, size_px=28, dtype="float32", frames_per_part=64)
    for i in range(20):
        writer.append(make_stored_sequence(i, n_frames=5 + i))
    writer.finish()
    return path


@pytest.fixture(scope="session")
def source_bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle of a small classifier of sources on fake ones (`tests.source_makers`)."""
    return make_source_bundle(tmp_path_factory.mktemp("sources") / "bundle")
