"""What every triplet network must do."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from pydantic import TypeAdapter

from skyvet.core.errors import InvalidInputError
from skyvet.models.dihedral_net import DihedralNetConfig
from skyvet.models.interface import InputShape, NetworkSettings, TripletNetwork
from skyvet.models.networks import NetworkConfig, build_network
from skyvet.models.onnx_export import export_onnx
from skyvet.models.rbtn import RbtnConfig
from skyvet.models.resnet import ResNetConfig
from skyvet.models.tac_cnn import TacCnnConfig
from skyvet.models.vgg6 import Vgg6Config

CONFIGS: dict[str, NetworkSettings] = {
    "vgg6": Vgg6Config(),
    "tac_cnn": TacCnnConfig(),
    "rbtn": RbtnConfig(width_factor=0.1),
    "rbtn_plain": RbtnConfig(width_factor=0.1, with_batch_norm=False, last_layer="c3_1"),
    "resnet18": ResNetConfig(width=8),
    "resnet50": ResNetConfig(width=4, depth=50, stem="imagenet"),
    "resnet18_resized": ResNetConfig(width=4, resized_px=40),
    "dihedral": DihedralNetConfig(widths=(2, 3)),
}
EVERY_NETWORK = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
INPUTS = pytest.mark.parametrize(
    ("n_planes", "n_metadata"),
    [(3, 0), (6, 2), (9, 0)],
    ids=["image", "masks+metadata", "variance"],
)


def build(config: NetworkSettings, shape: InputShape) -> TripletNetwork:
    """A network with weights that leave no branch silent, as after training."""
    torch.manual_seed(3)
    network = config.build(shape)
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            if buffer.is_floating_point():
                low, high = (0.5, 1.5) if "var" in name or "scale" in name else (-0.3, 0.3)
                buffer.uniform_(low, high)
        for parameter in network.parameters():
            if not parameter.any():
                parameter.uniform_(-0.3, 0.3)
    return network


def inputs(shape: InputShape, n_rows: int) -> tuple[torch.Tensor, ...]:
    """Random stamps, and metadata with a missing value where the network takes any."""
    generator = torch.Generator().manual_seed(n_rows)
    stamps = torch.randn(
        n_rows, shape.n_planes, shape.stamp_px, shape.stamp_px, generator=generator
    )
    if not shape.n_metadata:
        return (stamps,)
    metadata = torch.randn(n_rows, shape.n_metadata, generator=generator)
    metadata[0, 0] = torch.nan
    return stamps, metadata


@EVERY_NETWORK
@INPUTS
def test_gives_one_finite_logit_a_row(config, n_planes, n_metadata):
    shape = InputShape(stamp_px=63, n_planes=n_planes, n_metadata=n_metadata)
    logits = build(config, shape).eval()(*inputs(shape, 3))
    assert logits.shape == (3,)
    assert torch.isfinite(logits).all()
    assert len(logits.unique()) == 3


@EVERY_NETWORK
def test_takes_every_declared_stamp_size(config):
    low, high = config.stamp_px_range
    for stamp_px in (low, low + 1, 28, 30, 51, 61, 63, min(high, 102)):
        if stamp_px >= low:
            shape = InputShape(stamp_px=stamp_px)
            assert build(config, shape).eval()(*inputs(shape, 1)).shape == (1,)


@EVERY_NETWORK
def test_refuses_other_stamp_sizes_and_says_which_it_takes(config):
    low, high = config.stamp_px_range
    for stamp_px in (low - 1, high + 1):
        with pytest.raises(InvalidInputError, match=f"{low} to {high} px, got {stamp_px}"):
            config.build(InputShape(stamp_px=stamp_px))


@EVERY_NETWORK
def test_refuses_stamps_it_was_not_built_for(config):
    network = config.build(InputShape(stamp_px=63))
    with pytest.raises(InvalidInputError, match="stamps must have shape"):
        network(torch.zeros(1, 3, 61, 61))
    with pytest.raises(InvalidInputError, match="0 metadata columns, got 2"):
        network(torch.zeros(1, 3, 63, 63), torch.zeros(1, 2))


@EVERY_NETWORK
def test_is_deterministic_and_a_batch_equals_its_parts(config):
    shape = InputShape(stamp_px=51, n_metadata=2)
    network = build(config, shape).eval()
    whole = inputs(shape, 5)
    with torch.inference_mode():
        together = network(*whole)
        assert torch.equal(together, network(*whole))
        parts = torch.cat([network(*(part[i : i + 1] for part in whole)) for i in range(5)])
    torch.testing.assert_close(together, parts, rtol=1e-4, atol=1e-5)  # order of float32 sums


@EVERY_NETWORK
def test_the_gradient_reaches_every_parameter(config):
    shape = InputShape(stamp_px=63, n_planes=6, n_metadata=2)
    network = build(config, shape).train()
    network(*inputs(shape, 8)).square().sum().backward()
    silent = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert silent == []


@EVERY_NETWORK
def test_state_and_config_survive_a_round_trip(config):
    shape = InputShape(stamp_px=63, n_metadata=2)
    network = build(config, shape).eval()
    copy = type(config).model_validate(config.model_dump(mode="json")).build(shape)
    copy.load_state_dict(network.state_dict())
    batch = inputs(shape, 2)
    assert torch.equal(copy.eval()(*batch), network(*batch))


@EVERY_NETWORK
def test_onnx_runtime_gives_the_same_logits_at_any_batch_size(config):
    n_metadata = 0 if config.kind == "tac_cnn" else 2
    shape = InputShape(stamp_px=30 if config.stamp_px_range[0] <= 30 else 63, n_metadata=n_metadata)
    network = build(config, shape).eval()
    reference = [part.numpy() for part in inputs(shape, 3)]
    export = export_onnx(network, *reference)
    session = onnxruntime.InferenceSession(export.content, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_inputs()]
    assert names == ["stamps", "metadata"][: len(reference)]
    for n_rows in (1, 2, 17):
        batch = inputs(shape, n_rows)
        with torch.inference_mode():
            expected = network(*batch).numpy()
        feed = {name: part.numpy() for name, part in zip(names, batch, strict=True)}
        (logits,) = session.run(["logit"], feed)
        # float32 sums in another order
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_the_union_finds_each_network_by_its_kind():
    adapter = TypeAdapter(NetworkConfig)
    for config in CONFIGS.values():
        assert adapter.validate_python(config.model_dump(mode="json")) == config
    with pytest.raises(ValueError, match="vgg7"):
        adapter.validate_python({"kind": "vgg7"})


def test_builder_passes_every_part_of_the_shape():
    network = build_network(TacCnnConfig(), stamp_px=51, n_planes=6, n_metadata=4)
    assert network.shape == InputShape(stamp_px=51, n_planes=6, n_metadata=4)
