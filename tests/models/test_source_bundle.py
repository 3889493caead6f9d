"""Bundles of classifiers of sources: whole or refused, and no code in them."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from skyvet.core.errors import BundleError
from skyvet.models.bundle_folder import SUMS_FILE, write_bundle_folder
from skyvet.models.catalogue import list_models, open_model
from skyvet.models.sequence_bundle import load_sequence_bundle
from skyvet.models.source_bundle import (
    is_source_bundle,
    load_source_bundle,
    reference_features,
)
from skyvet.models.sources.predictor import SourcePredictor


def _changed(source, out, **changes):
    """Copy a bundle with other entries of its document and right hashes."""
    files = {p.name: p.read_bytes() for p in source.iterdir() if p.name != SUMS_FILE}
    document = json.loads(files["bundle.json"]) | changes
    write_bundle_folder(out, files | {"bundle.json": json.dumps(document).encode()})
    return out


def test_a_bundle_is_known_as_one_of_sources(source_bundle_path, tmp_path):
    assert is_source_bundle(source_bundle_path)
    other = _changed(source_bundle_path, tmp_path / "b", kind="skyvet-sequence-bundle")
    assert not is_source_bundle(other)
    with pytest.raises(BundleError, match="classifier of sources"):
        load_source_bundle(other)
    with pytest.raises(BundleError, match="classifier of frame sequences"):
        load_sequence_bundle(source_bundle_path)


def test_lists_and_cards_show_it(source_bundle_path):
    model = open_model(str(source_bundle_path))
    assert (model.kind, model.takes, model.surveys) == ("sources", "4 features", "ztf")
    assert "| puls |" in model.card
    assert [one.kind for one in list_models(source_bundle_path.parent)] == ["sources"]


def test_an_altered_file_is_refused(source_bundle_path, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(source_bundle_path, copy)
    graph = copy / "member-0.class-0.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match="was altered"):
        load_source_bundle(copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"member_weights": [0.0]},
        {"member_weights": [1.0, 1.0]},
        {"low": []},
        {"taxonomy": {"name": "x"}},
        {"taxonomy": {"name": "x", "classes": [{"tag": "other"}]}},
        {"format_version": 99},
        {"dmdt_shape": [1 << 20, 1 << 20]},
        {"members": [{"kind": "oracle"}]},
        {"classes": []},
    ],
)
def test_a_document_that_does_not_fit_is_refused(source_bundle_path, tmp_path, changes):
    with pytest.raises(BundleError):
        load_source_bundle(_changed(source_bundle_path, tmp_path / "b", **changes))


def test_a_bundle_that_does_not_repeat_its_logits_is_refused(source_bundle_path, tmp_path):
    document = json.loads((source_bundle_path / "bundle.json").read_bytes())
    logits = np.array(document["reference_logits"]) + 0.01
    path = _changed(source_bundle_path, tmp_path / "b", reference_logits=logits.tolist())
    with pytest.raises(BundleError, match="does not repeat"):
        SourcePredictor(load_source_bundle(path))


def test_a_broken_calibrator_is_refused(source_bundle_path, tmp_path):
    document = json.loads((source_bundle_path / "bundle.json").read_bytes())
    document["classes"][0]["calibrator"] = {"method": "platt", "slope": -1.0, "intercept": 0.0}
    path = _changed(source_bundle_path, tmp_path / "b", classes=document["classes"])
    with pytest.raises(BundleError, match="calibration cannot be used"):
        SourcePredictor(load_source_bundle(path))


def test_a_bundle_holds_only_data(source_bundle_path):
    kinds = {path.suffix for path in source_bundle_path.iterdir()}
    assert kinds == {".json", ".onnx", ".npz", ".md", ""}
    for path in source_bundle_path.glob("*.npz"):
        with np.load(path, allow_pickle=False) as archive:
            assert all(archive[name].dtype != object for name in archive.files)


def test_reference_features_lie_in_the_range_of_the_training(source_bundle_path):
    info = load_source_bundle(source_bundle_path).info
    values = reference_features(info).values
    is_there = ~np.isnan(values)
    assert is_there.any()
    assert not is_there.all()
    assert (np.where(is_there, values, info.low) >= np.array(info.low)).all()
    assert (np.where(is_there, values, info.high) <= np.array(info.high)).all()
