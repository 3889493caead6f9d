"""Networks against published parameter counts, and what only one of them promises."""

from __future__ import annotations

import pytest
import torch

from skyvet.models.dihedral_net import DihedralNetConfig
from skyvet.models.interface import InputShape
from skyvet.models.metadata_branch import MetadataBranch, MetadataBranchConfig
from skyvet.models.rbtn import RbtnConfig
from skyvet.models.resnet import ResNetConfig
from skyvet.models.tac_cnn import TacCnnConfig
from skyvet.preprocessing.augmentation import dihedral_views


def n_parameters(config, **shape) -> int:
    network = config.build(InputShape(**shape))
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("depth", "torchvision_backbone", "n_features"), [(18, 11_176_512, 512), (50, 23_508_032, 2048)]
)
def test_resnets_have_the_parameters_of_torchvision(depth, torchvision_backbone, n_features):
    config = ResNetConfig(depth=depth, stem="imagenet")
    assert n_parameters(config, stamp_px=63) == torchvision_backbone + n_features + 1


def test_tac_cnn_has_the_derived_parameters():
    assert n_parameters(TacCnnConfig(), stamp_px=51) == pytest.approx(139_000, rel=0.01)


def test_rbtn_has_the_parameters_of_transinets_first_layers():
    config = RbtnConfig(width_factor=1.0, with_batch_norm=False, last_layer="c4_1")
    kernels = [(2, 64, 7), (64, 128, 5), (128, 256, 5), (256, 256, 3), (256, 512, 3), (512, 512, 3)]
    expected = sum(n_in * n_out * k**2 + n_out for n_in, n_out, k in kernels) + 512 + 1
    assert n_parameters(config, stamp_px=63, n_planes=2) == expected


@pytest.mark.parametrize(("stamp_px", "last_width"), [(30, 256), (63, 512)])
def test_rbtn_ends_where_the_stamp_allows(stamp_px, last_width):
    network = RbtnConfig(width_factor=1.0).build(InputShape(stamp_px=stamp_px))
    assert network.encoder.n_features == last_width


@pytest.mark.parametrize("stamp_px", [21, 30, 51, 61, 63])
def test_dihedral_network_gives_one_answer_for_all_orientations(stamp_px):
    torch.manual_seed(0)
    network = DihedralNetConfig().build(InputShape(stamp_px=stamp_px, n_planes=6))
    network.train()(torch.randn(8, 6, stamp_px, stamp_px))  # running means that are not symmetric
    network.eval()
    stamps = torch.randn(2, 6, stamp_px, stamp_px)
    with torch.inference_mode():
        logits = torch.stack([network(view) for view in dihedral_views(stamps)])
    spread = logits.amax(dim=0) - logits.amin(dim=0)
    assert spread.max() < 1e-4  # float32 sums in another order
    assert (logits[0, 0] - logits[0, 1]).abs() > 1e-3


def test_missing_metadata_is_told_apart_from_the_mean():
    torch.manual_seed(0)
    branch = MetadataBranch(2, MetadataBranchConfig())
    rows = torch.tensor([[1.0, torch.nan], [3.0, torch.nan]])
    branch.fit(rows)
    assert branch.mean.tolist() == [2.0, 0.0]
    assert branch.scale.tolist() == [1.0, 1.0]
    branch.eval()
    mean, missing = branch(torch.tensor([[2.0, 0.0], [torch.nan, 0.0]]))
    assert not torch.allclose(mean, missing)
    assert torch.isfinite(missing).all()
