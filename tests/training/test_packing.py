"""A packed bundle gives the network back, on either side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skyvet.core.errors import BundleError
from skyvet.models.bundle import load_bundle
from skyvet.models.compact_net import CompactConfig
from skyvet.models.interface import InputShape
from skyvet.models.predictor import Predictor
from skyvet.training.card import CardText
from skyvet.training.datasets import load_labelled_rows
from skyvet.training.packing import add_metrics, start_weights
from skyvet.training.prediction import predict_logits


def test_metrics_are_of_held_out_rows(bundle_path: Path) -> None:
    metrics = load_bundle(bundle_path).info.metrics
    assert metrics["n_labelled"] == 40
    assert 0 <= metrics["auc_low"] <= metrics["auc"] <= metrics["auc_high"] <= 1


def test_start_weights_fit_the_same_network(bundle_path: Path, dataset: Path, night_labels) -> None:
    bundle = load_bundle(bundle_path)
    network = CompactConfig(widths=(4, 8)).build(InputShape(stamp_px=31, n_planes=6))
    logits = []
    rows = load_labelled_rows(dataset, night_labels, stamps=bundle.info.stamps).arrays
    for i_member in range(2):
        network.load_state_dict(start_weights(bundle, i_member=i_member))
        logits.append(predict_logits(network, rows.stamps.astype(np.float32)))
    served = Predictor(bundle).run(rows.stamps.astype(np.float32))
    # float32 in another order of sums, on logits of order 10
    np.testing.assert_allclose(np.mean(logits, axis=0), served, rtol=1e-4, atol=1e-4)


def test_a_missing_member_is_one_clear_error(bundle_path: Path) -> None:
    with pytest.raises(BundleError, match="no member 9"):
        start_weights(load_bundle(bundle_path), i_member=9)


def test_added_metrics_leave_the_network_alone(bundle_path: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(bundle_path, tmp_path / "copy"))
    before = (copy / "model.onnx").read_bytes()
    changed = add_metrics(load_bundle(copy), {"cv_auc": 0.5}, card=CardText(limits="Some."))
    assert changed.info.metrics["cv_auc"] == 0.5
    assert (copy / "model.onnx").read_bytes() == before
    assert "| cv_auc | 0.5000 |" in changed.card
    Predictor(changed)
