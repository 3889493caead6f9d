"""Ensembles and their export."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.models import onnx_export
from skyvet.models.ensemble import EnsembleOfLogits
from skyvet.models.interface import InputShape
from skyvet.models.onnx_export import export_onnx
from skyvet.models.tac_cnn import TacCnnConfig
from skyvet.preprocessing.augmentation import dihedral_views

SHAPE = InputShape(stamp_px=16, n_metadata=2)


def members(n_members: int):
    torch.manual_seed(1)
    return [TacCnnConfig(width=2).build(SHAPE).eval() for _ in range(n_members)]


def inputs(n_rows: int):
    generator = torch.Generator().manual_seed(n_rows)
    stamps = torch.randn(n_rows, 3, 16, 16, generator=generator)
    return stamps, torch.randn(n_rows, 2, generator=generator)


def test_logits_are_the_weighted_mean_of_the_members():
    networks, batch = members(3), inputs(4)
    ensemble = EnsembleOfLogits(networks, weights=[1, 0, 3]).eval()
    expected = (networks[0](*batch) + 3 * networks[2](*batch)) / 4
    torch.testing.assert_close(ensemble(*batch), expected)


def test_dihedral_average_is_the_mean_over_views_and_the_same_for_each():
    (network,), (stamps, metadata) = members(1), inputs(3)
    ensemble = EnsembleOfLogits([network], with_dihedral_average=True).eval()
    views = dihedral_views(stamps)
    expected = torch.stack([network(view, metadata) for view in views]).mean(dim=0)
    for view in views:
        torch.testing.assert_close(ensemble(view, metadata), expected)


def test_one_onnx_file_holds_the_ensemble_for_any_batch():
    ensemble = EnsembleOfLogits(members(2), with_dihedral_average=True).eval()
    export = export_onnx(ensemble, *(part.numpy() for part in inputs(3)))
    session = onnxruntime.InferenceSession(export.content, providers=["CPUExecutionProvider"])
    assert [node.name for node in session.get_outputs()] == ["logit"]
    for n_rows in (1, 5):
        stamps, metadata = inputs(n_rows)
        feed = {"stamps": stamps.numpy(), "metadata": metadata.numpy()}
        (logits,) = session.run(["logit"], feed)
        with torch.inference_mode():
            expected = ensemble(stamps, metadata).numpy()
        np.testing.assert_allclose(logits, expected, atol=1e-5)  # float32


def test_export_leaves_the_training_mode_as_it_was():
    network = members(1)[0].train()
    export_onnx(network, *(part.numpy() for part in inputs(2)))
    assert network.training


def test_an_export_that_differs_is_refused(monkeypatch):
    networks = members(2)
    wrong = onnx_export._export
    monkeypatch.setattr(onnx_export, "_export", lambda _, *rest: wrong(networks[1], *rest))
    with pytest.raises(BundleError, match="differs from the trained one"):
        export_onnx(networks[0], *(part.numpy() for part in inputs(2)))


def test_unusable_members_and_weights_are_refused():
    with pytest.raises(InvalidInputError, match="at least one member"):
        EnsembleOfLogits([])
    with pytest.raises(InvalidInputError, match="one input shape"):
        EnsembleOfLogits([*members(1), TacCnnConfig().build(InputShape(stamp_px=20))])
    for weights in ([1.0], [0.0, 0.0], [1.0, -1.0]):
        with pytest.raises(InvalidInputError, match="weights must be"):
            EnsembleOfLogits(members(2), weights=weights)
