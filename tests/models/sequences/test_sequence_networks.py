"""Networks of frame sequences: padding never enters, sets have no order, evidence is exact."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.models.onnx_export import check_graph
from skyvet.models.sequences.attention_mil import AttentionMilSettings
from skyvet.models.sequences.network_export import SequenceGraph
from skyvet.models.sequences.network_interface import SequenceNetwork, SequenceShape
from skyvet.models.sequences.recurrent import RecurrentSettings
from skyvet.models.sequences.recurrent_graph import recurrent_graph
from skyvet.models.sequences.set_transformer import SetTransformerSettings

SETTINGS = {
    "gru": RecurrentSettings(hidden=6),
    "bigru": RecurrentSettings(hidden=6, is_bidirectional=True),
    "lstm": RecurrentSettings(cell="lstm", hidden=6),
    "attention_mil": AttentionMilSettings(width=8, gate_width=4, n_heads=3),
    "set_transformer": SetTransformerSettings(width=8, n_heads=2, n_inducing=4, n_seeds=2),
}
EVERY_NETWORK = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
SETS = pytest.mark.parametrize(
    "settings", [SETTINGS["attention_mil"], SETTINGS["set_transformer"]], ids=["mil", "transformer"]
)
RECURRENT = pytest.mark.parametrize(
    "settings", [SETTINGS[kind] for kind in ("gru", "bigru", "lstm")], ids=["gru", "bigru", "lstm"]
)
SHAPE = SequenceShape(n_inputs=5, n_context=3, n_subtypes=2)
LENGTHS = torch.tensor([7, 1, 4, 12])


def build(settings, shape: SequenceShape = SHAPE) -> SequenceNetwork:
    torch.manual_seed(3)
    return settings.build(shape).eval()


def batch(seed: int = 0, padding: float = 0.0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randn(4, 12, 5, generator=generator)
    valid_mask = torch.arange(12) < LENGTHS[:, None]
    frames[~valid_mask] = padding
    return frames, valid_mask, torch.randn(4, 3, generator=generator)


def alone(network: SequenceNetwork, frames, context):
    with torch.inference_mode():
        return network.forward_one(frames[None], context[None])


@EVERY_NETWORK
@pytest.mark.parametrize("padding", [0.0, 50.0, -3.0])
def test_padding_and_companions_change_nothing(settings, padding):
    """The published classifiers moved by 0.07 in probability here."""
    network = build(settings)
    frames, valid_mask, context = batch(padding=padding)
    with torch.inference_mode():
        together = network(frames, valid_mask, context)
    for i, length in enumerate(LENGTHS):
        single = alone(network, frames[i, :length], context[i])
        for name in ("logit", "class_logits", "subtype_logits"):
            # float32 sums in another order
            torch.testing.assert_close(
                getattr(together, name)[i], getattr(single, name)[0], rtol=1e-4, atol=1e-6
            )


@EVERY_NETWORK
def test_padding_gets_no_gradient_and_weights_learn_nothing_from_it(settings):
    network = build(settings)
    gradients = []
    for padding in (0.0, 40.0):
        frames, valid_mask, context = batch(padding=padding)
        frames.requires_grad_()
        network.zero_grad()
        network(frames, valid_mask, context).logit.sum().backward()
        assert frames.grad is not None
        assert not frames.grad[~valid_mask].any()
        gradients.append([parameter.grad.clone() for parameter in network.parameters()])
    for plain, padded in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, padded, rtol=1e-4, atol=1e-6)


@EVERY_NETWORK
def test_the_gradient_reaches_every_parameter(settings):
    network = build(settings).train()
    output = network(*batch())
    (output.class_logits.square().sum() + output.subtype_logits.square().sum()).backward()
    silent = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    # softmax does not see what is added to every key alike
    allowed = {name for name in silent if name.endswith(("key_and_value.bias",))}
    assert set(silent) <= allowed


@EVERY_NETWORK
def test_the_logit_is_the_difference_of_the_class_logits(settings):
    output = build(settings)(*batch())
    assert output.class_logits.shape == (4, 2)
    assert output.subtype_logits.shape == (4, 2)
    torch.testing.assert_close(output.logit, output.class_logits[:, 1] - output.class_logits[:, 0])


@SETS
def test_the_order_of_frames_changes_nothing(settings):
    network = build(settings)
    frames, _, context = batch()
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    plain = alone(network, frames[3], context[3])
    shuffled = alone(network, frames[3][order], context[3])
    torch.testing.assert_close(shuffled.logit, plain.logit, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(shuffled.evidence, plain.evidence[:, order], rtol=1e-3, atol=1e-6)


@RECURRENT
def test_the_order_of_frames_matters_to_a_recurrent_network(settings):
    network = build(settings)
    frames, _, context = batch()
    turned = alone(network, frames[3].flip(0), context[3])
    assert abs(float(turned.logit - alone(network, frames[3], context[3]).logit)) > 1e-4


def test_bidirectional_gru_is_that_of_pytorch_on_packed_sequences():
    network = build(SETTINGS["bigru"], SequenceShape(n_inputs=5))
    own = torch.nn.GRU(5, 6, batch_first=True, bidirectional=True)
    forward, backward = network.directions
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    own.load_state_dict(
        {name: forward.state_dict()[name] for name in names}
        | {f"{name}_reverse": backward.state_dict()[name] for name in names}
    )
    frames, valid_mask, _ = batch()
    packed = pack_padded_sequence(frames, LENGTHS, batch_first=True, enforce_sorted=False)
    _, state = own(packed)
    expected = network.head(torch.cat([state[0], state[1]], dim=1))
    found = network(frames, valid_mask, torch.zeros(4, 0)).class_logits
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_published_networks_have_the_published_size():
    def size(settings):
        network = settings.build(SequenceShape(n_inputs=36))
        return sum(weights.numel() for weights in network.parameters())

    assert size(RecurrentSettings(is_bidirectional=True)) == 128_002
    assert size(RecurrentSettings()) == 3 * 128 * (36 + 128 + 2) + 2 * 129
    assert size(RecurrentSettings(cell="lstm")) == 4 * 128 * (36 + 128 + 2) + 2 * 129


def test_evidence_of_attention_is_the_rise_of_the_logit_without_each_frame():
    network = build(SETTINGS["attention_mil"])
    frames, _, context = batch()
    whole = alone(network, frames[3], context[3])
    rises = [
        alone(network, torch.cat([frames[3, :i], frames[3, i + 1 :]]), context[3]).logit
        for i in range(12)
    ]
    expected = torch.cat(rises) - whole.logit
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(whole.evidence[0], expected, rtol=1e-3, atol=1e-6)


def test_evidence_of_attention_survives_equal_frames_and_total_attention():
    network = build(SETTINGS["attention_mil"])
    frames = torch.randn(1, 5, generator=torch.Generator().manual_seed(2)).expand(9, 5)
    equal = alone(network, frames, torch.zeros(3))
    torch.testing.assert_close(equal.evidence, torch.zeros(1, 9), rtol=0, atol=1e-5)
    with torch.no_grad():
        network.score.mul_(1e4)  # one frame gets all attention
    greedy = alone(network, batch()[0][3], torch.zeros(3))
    assert torch.isfinite(greedy.evidence).all()


@SETS
def test_a_lone_frame_has_evidence_that_is_finite(settings):
    evidence = alone(build(settings), torch.ones(1, 5), torch.zeros(3)).evidence
    assert evidence.shape == (1, 1)
    assert torch.isfinite(evidence).all()


def test_evidence_of_the_set_transformer_is_attention():
    evidence = alone(build(SETTINGS["set_transformer"]), batch()[0][3], torch.zeros(3)).evidence
    assert (evidence > 0).all()
    torch.testing.assert_close(evidence.sum(), torch.tensor(1.0))


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="n_heads=3 must divide width=64"):
        SetTransformerSettings(n_heads=3)


@RECURRENT
@pytest.mark.parametrize("n_networks", [1, 3])
def test_recurrent_graphs_give_what_pytorch_gives(settings, n_networks):
    torch.manual_seed(5)
    networks = [settings.build(SHAPE).eval() for _ in range(n_networks)]
    names = ("logit", "subtype_logits")
    session = onnxruntime.InferenceSession(recurrent_graph(networks, names))
    for n_frames in (1, 2, 50):
        frames, context = torch.randn(n_frames, 5), torch.randn(3)
        rows = torch.cat([frames, context.expand(n_frames, 3)], dim=1)
        outputs = [alone(network, frames, context) for network in networks]
        logit, subtypes = session.run(list(names), {"rows": rows.numpy()})
        expected = torch.stack([output.logit for output in outputs]).mean(dim=0).numpy()
        np.testing.assert_allclose(logit, expected, rtol=1e-4, atol=1e-5)  # float32
        expected = torch.cat([output.subtype_logits for output in outputs]).mean(dim=0).numpy()
        np.testing.assert_allclose(subtypes, expected, rtol=1e-4, atol=1e-5)


def test_a_graph_of_other_weights_is_refused():
    networks = [build(SETTINGS["gru"]), build(SETTINGS["gru"])]
    content = recurrent_graph(networks[:1], ("logit",))
    with torch.no_grad():
        networks[1].head.bias[0] += 0.1
    rows = {"rows": torch.randn(4, 8)}
    check_graph(SequenceGraph(networks[:1], ("logit",)), content, rows, output_names=("logit",))
    with pytest.raises(BundleError, match=r"differs from the trained one by 0\.1"):
        check_graph(SequenceGraph(networks[1:], ("logit",)), content, rows, output_names=("logit",))


def test_a_member_needs_a_network():
    with pytest.raises(InvalidInputError, match="at least one network"):
        SequenceGraph([], ("logit",))
