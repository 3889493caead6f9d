"""Broken bundles and encoders with right hashes: one BundleError each, never a traceback."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skyvet.core.errors import BundleError
from skyvet.models.bundle import load_bundle
from skyvet.models.bundle_folder import SUMS_FILE, write_bundle_folder
from skyvet.models.encoders.bundle import load_encoder
from skyvet.models.encoders.embedder import FrameEmbedder
from skyvet.models.predictor import Predictor
from skyvet.models.sequence_bundle import load_sequence_bundle
from skyvet.models.sequences.predictor import SequencePredictor


def _rewritten(source: Path, out: Path, changes: dict[str, bytes]) -> Path:
    """Copy a saved model with some files replaced and the hashes right."""
    files = {
        file.relative_to(source).as_posix(): file.read_bytes()
        for file in source.rglob("*")
        if file.is_file() and file != source / SUMS_FILE
    }
    write_bundle_folder(out, files | changes)
    return out


def _with_info(source: Path, out: Path, name: str, changes: dict[str, Any]) -> Path:
    info = json.loads((source / name).read_bytes()) | changes
    return _rewritten(source, out, {name: json.dumps(info).encode()})


def _npy(path: Path) -> bytes:
    np.save(path / "a.npy", np.zeros(3))
    return (path / "a.npy").read_bytes()


def _bad_crc(content: bytes) -> bytes:
    middle = len(content) // 3
    return (
        content[:middle]
        + bytes(b ^ 0x55 for b in content[middle : middle + 40])
        + content[middle + 40 :]
    )


def test_the_copy_itself_is_sound(sequence_bundle_path: Path, tmp_path: Path) -> None:
    SequencePredictor(load_sequence_bundle(_rewritten(sequence_bundle_path, tmp_path / "b", {})))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content, _: b"",
        lambda content, _: content[: len(content) // 2],
        lambda content, _: _bad_crc(content),
        lambda content, _: b"PK\x03\x04" + b"\0" * 100,
        lambda content, tmp_path: _npy(tmp_path),
    ],
    ids=["empty", "truncated", "altered", "no-zip", "npy"],
)
def test_broken_arrays(
    sequence_bundle_path: Path, tmp_path: Path, damage: Callable[[bytes, Path], bytes]
) -> None:
    content = (sequence_bundle_path / "member-0.npz").read_bytes()
    changes = {"member-0.npz": damage(content, tmp_path)}
    with pytest.raises(BundleError, match=r"member-0\.npz"):
        load_sequence_bundle(_rewritten(sequence_bundle_path, tmp_path / "b", changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"member_weights": []},
        {"member_weights": [0.5, 0.5]},
        {"member_weights": [0.0]},
        {"member_weights": [-1.0]},
        {"member_weights": [math.nan]},
        {"member_weights": [math.inf]},
        {"n_columns": 10**12},
        {"n_columns": 7},
        {"n_latent": 10**12, "n_columns": 10**12},
        {"n_latent": 2, "n_columns": 4},
        {"light_curve_names": ["a", "a"]},
        {"calibrator": {}},
        {"calibrator": {"method": ["platt"]}},
        {"calibrator": {"method": "temperature", "slope": None}},
        {"calibrator": {"method": "temperature", "slope": 10**400}},
        {"conformal": {}},
        {"conformal": {"real_scores": 1, "bogus_scores": [0.5]}},
        {"conformal": {"real_scores": [1.0, 0.0], "bogus_scores": [0.5]}},
        {"reference_logits": [0.0]},
        {"reference_logits": [0.0] * 7},
        {"members": [{}]},
        {"members": [{"kind": ["pooled"]}]},
    ],
    ids=str,
)
def test_broken_description(
    sequence_bundle_path: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = _with_info(sequence_bundle_path, tmp_path / "b", "bundle.json", changes)
    with pytest.raises(BundleError):
        SequencePredictor(load_sequence_bundle(path))


def test_arrays_of_another_member(sequence_bundle_path: Path, tmp_path: Path) -> None:
    with np.load(sequence_bundle_path / "member-0.npz") as archive:
        arrays = {name: archive[name] for name in archive}
    for name, value in arrays.items():
        np.savez(tmp_path / "a.npz", **{**arrays, name: value.ravel()[:0]})
        changes = {"member-0.npz": (tmp_path / "a.npz").read_bytes()}
        path = _rewritten(sequence_bundle_path, tmp_path / f"b-{name}", changes)
        with pytest.raises(BundleError):
            SequencePredictor(load_sequence_bundle(path))


@pytest.mark.parametrize(
    "changes",
    [
        {"n_latent": 5},
        {"n_latent": 5, "reference_values": []},
        {"n_latent": 10**12},
        {"has_log_variances": False},
        {"reference_values": [[0.0]]},
        {"reference_values": [[0.0], [0.0, 1.0]]},
        {"scaling": {"size_px": 30}},
    ],
    ids=str,
)
def test_broken_encoder(encoder_path: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    path = _with_info(encoder_path, tmp_path / "e", "encoder.json", changes)
    with pytest.raises(BundleError):
        FrameEmbedder(load_encoder(path), n_threads=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"reference_logits": [0.0] * 7},
        {"calibrator": {"method": ["platt"]}},
        {"conformal": {}},
        {"metadata_names": ["a"]},
    ],
    ids=str,
)
def test_broken_triplet_bundle(bundle_path: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    path = _with_info(bundle_path, tmp_path / "b", "bundle.json", changes)
    with pytest.raises(BundleError):
        Predictor(load_bundle(path), n_threads=1)
