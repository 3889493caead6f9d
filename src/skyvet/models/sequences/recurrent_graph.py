"""Recurrent networks as ONNX graphs: one GRU or LSTM node a direction.

PyTorch's exporter unrolls a recurrent layer into a loop of small steps; the operators that ONNX has
for it are many times faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import nn

from skyvet.core.arrays import FloatArray
from skyvet.models.onnx_export import OPSET
from skyvet.models.sequences.recurrent import RecurrentNetwork

__all__ = ["recurrent_graph"]

_IR_VERSION = 9  # that of the operator set
_GATES = {"GRU": (1, 0, 2), "LSTM": (0, 3, 1, 2)}  # PyTorch's r, z, n and i, f, g, o in ONNX order


def recurrent_graph(networks: Sequence[RecurrentNetwork], output_names: Sequence[str]) -> bytes:
    """Return an ONNX file that judges one object by the mean of some networks.

    Parameters
    ----------
    networks : sequence of RecurrentNetwork
        At least one, all of one shape and width.
    output_names : sequence of str
        ``logit``, and ``subtype_logits`` where the networks know kinds of artefacts.

    Returns
    -------
    bytes
        Input ``rows`` (n_frames, n_inputs + n_context), outputs as named.
    """
    shape = networks[0].shape
    builder = _Builder()
    builder.constant("frame_axis", np.array([1]))
    builder.constant("widths", np.array([shape.n_inputs, shape.n_context]))
    builder.constant("first", np.array([0]))
    builder.node("Split", ["rows", "widths"], ["frames", "contexts"], axis=1)
    builder.node("Unsqueeze", ["frames", "frame_axis"], ["sequence"])
    builder.node("Gather", ["contexts", "first"], ["context"], axis=0)
    parts = [_add_network(builder, network, i) for i, network in enumerate(networks)]
    builder.node("Mean", parts, ["class_and_subtype_logits"])
    _add_outputs(builder, shape.n_subtypes)
    n_of_output = {"logit": 1, "subtype_logits": shape.n_subtypes}
    graph = helper.make_graph(
        builder.nodes,
        "recurrent",
        [_value("rows", ["n_frames", shape.n_inputs + shape.n_context])],
        [_value(name, [n_of_output[name]]) for name in output_names],
        builder.constants,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


class _Builder:
    """Nodes and constants of a graph, as they come."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, values: np.ndarray) -> str:
        """Add an array and return its name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, operator: str, inputs: list[str], outputs: list[str], **settings: Any) -> str:  # noqa: ANN401
        """Add a node and return its last output."""
        self.nodes.append(helper.make_node(operator, inputs, outputs, **settings))
        return outputs[-1]


def _add_network(builder: _Builder, network: RecurrentNetwork, i_network: int) -> str:
    """Add one network and return the name of its head's logits, shape (2 + n_subtypes,)."""
    finals = [
        _add_direction(builder, layer, f"n{i_network}_d{i_direction}", is_reverse=i_direction == 1)
        for i_direction, layer in enumerate(network.directions)
    ]
    name = f"n{i_network}"
    weight = builder.constant(f"{name}_weight", network.head.weight.detach().numpy().T)
    bias = builder.constant(f"{name}_bias", network.head.bias.detach().numpy())
    row = builder.node("Concat", [*finals, "context"], [f"{name}_row"], axis=1)
    product = builder.node("MatMul", [row, weight], [f"{name}_product"])
    logits = builder.node("Add", [product, bias], [f"{name}_batch"])
    return builder.node("Squeeze", [logits, "first"], [f"{name}_logits"])


def _add_direction(builder: _Builder, layer: nn.Module, name: str, *, is_reverse: bool) -> str:
    """Add one recurrent layer and return the name of its final state, shape (1, hidden)."""
    operator = "LSTM" if isinstance(layer, nn.LSTM) else "GRU"
    state = dict(layer.state_dict())
    of_input, of_state, bias_of_input, bias_of_state = (
        _in_onnx_order(state[key].numpy(), operator)
        for key in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    )
    inputs = [
        "sequence",
        builder.constant(f"{name}_w", of_input[None]),
        builder.constant(f"{name}_r", of_state[None]),
        builder.constant(f"{name}_b", np.concatenate([bias_of_input, bias_of_state])[None]),
    ]
    settings: dict[str, Any] = {"linear_before_reset": 1} if operator == "GRU" else {}
    settings["direction"] = "reverse" if is_reverse else "forward"
    final = f"{name}_final"
    n_hidden = of_state.shape[1]
    builder.node(operator, inputs, ["", final], hidden_size=n_hidden, **settings)
    return builder.node("Squeeze", [final, "first"], [f"{name}_state"])


def _in_onnx_order(weights: FloatArray, operator: str) -> FloatArray:
    """Return a layer's weights with its gates in the order of ONNX."""
    gates = np.split(weights, len(_GATES[operator]))
    return np.concatenate([gates[i] for i in _GATES[operator]])


def _add_outputs(builder: _Builder, n_subtypes: int) -> None:
    """Split the head's logits into what the graph gives."""
    builder.constant("kinds", np.array([1, 1, n_subtypes]))
    outputs = ["bogus", "real", "subtype_logits"]
    builder.node("Split", ["class_and_subtype_logits", "kinds"], outputs, axis=0)
    builder.node("Sub", ["real", "bogus"], ["logit"])


def _value(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
