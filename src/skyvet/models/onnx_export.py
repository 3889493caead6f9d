"""Networks to ONNX files that ONNX Runtime scores to the same logits."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import BundleError
from skyvet.models.ensemble import EnsembleOfLogits
from skyvet.models.interface import TripletNetwork
from skyvet.models.quiet_torch import quiet_torch

__all__ = ["OPSET", "OnnxExport", "check_graph", "export_graph", "export_onnx"]

OPSET = 18
"""ONNX operator set of exported files; ONNX Runtime 1.14 and later read it."""

_LARGEST_DIFFERENCE = 1e-4
_EXPORTER_LOGGERS = ("torch.onnx", "onnxscript", "onnx_ir")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxExport:
    """An exported network.

    Parameters
    ----------
    content : bytes
        The ONNX file; any batch size. That of a triplet network has the inputs ``stamps`` (and
        ``metadata``) and the output ``logit``.
    largest_difference : float
        Between ONNX Runtime and PyTorch on the reference rows, over the largest output beyond 1.
    """

    content: bytes
    largest_difference: float


def export_onnx(
    network: TripletNetwork | EnsembleOfLogits,
    stamps: FloatArray,
    metadata: FloatArray | None = None,
) -> OnnxExport:
    """Export a network and check the result against PyTorch.

    Parameters
    ----------
    network : TripletNetwork or EnsembleOfLogits
        On the CPU; exported as in evaluation mode, whatever its present mode.
    stamps : ndarray, shape (n, n_planes, size, size)
        Prepared reference stamps, n > 0: real ones, edge cases included.
    metadata : ndarray, shape (n, k), optional
        Their metadata; needed exactly if the network takes any.

    Returns
    -------
    OnnxExport

    Raises
    ------
    BundleError
        If a logit differs by more than 1e-4 (of the largest logit, where that exceeds 1), for the
        whole batch or for its first row alone.

    Examples
    --------
    >>> from skyvet.models.interface import InputShape
    >>> from skyvet.models.tac_cnn import TacCnnConfig
    >>> network = TacCnnConfig().build(InputShape(stamp_px=16))
    >>> export_onnx(network, np.zeros((3, 3, 16, 16), np.float32)).largest_difference < 1e-4
    True
    """
    inputs = {"stamps": torch.from_numpy(np.array(stamps, dtype=np.float32))}
    if metadata is not None:
        inputs["metadata"] = torch.from_numpy(np.array(metadata, dtype=np.float32))
    return export_graph(network, inputs, output_names=("logit",))


def export_graph(
    network: nn.Module, inputs: Mapping[str, torch.Tensor], *, output_names: Sequence[str]
) -> OnnxExport:
    """Export any network whose inputs share their first axis, and check it against PyTorch.

    Parameters
    ----------
    network : nn.Module
        On the CPU; exported as in evaluation mode, whatever its present mode. Returns a tensor, or
        a tuple of them.
    inputs : mapping of str to Tensor
        Reference rows by input name, in the order of ``forward``; at least one row.
    output_names : sequence of str
        One name an output.

    Returns
    -------
    OnnxExport

    Raises
    ------
    BundleError
        If an output differs by more than 1e-4 (of its largest value, where that exceeds 1), for
        the whole batch or for its first row alone.

    Examples
    --------
    >>> export = export_graph(nn.Linear(3, 2), {"x": torch.ones(4, 3)}, output_names=("y",))
    >>> export.largest_difference < 1e-4
    True
    """
    with _in_evaluation_mode(network):
        content = _export(network, inputs, output_names)
    return check_graph(network, content, inputs, output_names=output_names)


def check_graph(
    network: nn.Module,
    content: bytes,
    inputs: Mapping[str, torch.Tensor],
    *,
    output_names: Sequence[str],
) -> OnnxExport:
    """Compare an ONNX file, however it was made, with the network that it stands for.

    Parameters and errors are those of `export_graph`; `content` is the ONNX file.
    """
    with _in_evaluation_mode(network):
        difference = _largest_difference(network, content, inputs, output_names)
    if not difference <= _LARGEST_DIFFERENCE:
        raise BundleError(
            f"the exported network differs from the trained one by {difference:.2g} in the "
            f"{' or '.join(output_names)} (at most {_LARGEST_DIFFERENCE:g} is allowed); this is a "
            "fault of the export"
        )
    return OnnxExport(content=content, largest_difference=difference)


@contextlib.contextmanager
def _in_evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Switch a network to evaluation mode meanwhile."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def _export(
    network: nn.Module, inputs: Mapping[str, torch.Tensor], output_names: Sequence[str]
) -> bytes:
    """Return the ONNX file."""
    rest = [torch.export.Dim.DYNAMIC] * (len(inputs) - 1)  # found to be equal to the first
    batch_axes = [torch.export.Dim("n", min=1), *rest]
    example = tuple(tensor[:1].repeat(2, *[1] * (tensor.ndim - 1)) for tensor in inputs.values())
    with tempfile.TemporaryDirectory() as folder, quiet_torch(*_EXPORTER_LOGGERS):
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            network,
            example,
            path,
            input_names=list(inputs),
            output_names=list(output_names),
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=tuple({0: axis} for axis in batch_axes),
            external_data=False,
            verbose=False,
        )
        return _without_traces(path.read_bytes())


def _without_traces(content: bytes) -> bytes:
    """Return the file without the exporter's notes: they hold paths of this machine's sources."""
    model = onnx.load_from_string(content)
    for part in (model, model.graph, *model.functions):
        del part.metadata_props[:]
    values = (model.graph.input, model.graph.output, model.graph.value_info)
    nodes = (model.graph.node, *(function.node for function in model.functions))
    for item in itertools.chain(model.graph.initializer, *values, *nodes):
        del item.metadata_props[:]
        item.doc_string = ""
    stripped: bytes = model.SerializeToString()
    return stripped


def _largest_difference(
    network: nn.Module,
    content: bytes,
    inputs: Mapping[str, torch.Tensor],
    output_names: Sequence[str],
) -> float:
    """Return the largest difference of an output, relative to its largest value beyond 1."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    n_rows = len(next(iter(inputs.values())))
    differences = []
    for rows in (slice(0, 1), slice(0, n_rows)):
        part = {name: tensor[rows] for name, tensor in inputs.items()}
        with torch.inference_mode():
            result = network(*part.values())
        expected = result if isinstance(result, tuple) else (result,)
        found = session.run(list(output_names), {n: t.numpy() for n, t in part.items()})
        for wanted, got in zip(expected, found, strict=True):
            scale = max(1.0, float(wanted.abs().max()))
            differences.append(float(np.abs(got - wanted.numpy()).max()) / scale)
    return max(differences)
