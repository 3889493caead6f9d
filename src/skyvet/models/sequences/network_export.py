"""Trained networks of frame sequences to a member that scores without PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from skyvet.core.errors import InvalidInputError
from skyvet.models.onnx_export import check_graph, export_graph
from skyvet.models.sequences.frame_inputs import FrameInputs
from skyvet.models.sequences.network_interface import SequenceNetwork
from skyvet.models.sequences.network_member import (
    NetworkMember,
    NetworkMemberSettings,
    graph_rows,
)
from skyvet.models.sequences.recurrent import RecurrentNetwork
from skyvet.models.sequences.recurrent_graph import recurrent_graph
from skyvet.records.sequences import EmbeddedSequences

__all__ = ["SequenceGraph", "export_member"]


class SequenceGraph(nn.Module):
    """What is exported: one object in, the mean of some networks out.

    Parameters
    ----------
    networks : sequence of SequenceNetwork
        At least one, all of one shape.
    output_names : tuple of str
        Which outputs: ``logit``, ``subtype_logits``, ``evidence``.

    Raises
    ------
    InvalidInputError
        If there is no network.
    """

    def __init__(self, networks: Sequence[SequenceNetwork], output_names: tuple[str, ...]) -> None:
        super().__init__()
        if not networks:
            raise InvalidInputError("a member needs at least one network, got none")
        self.networks = nn.ModuleList(networks)
        self.n_inputs = networks[0].shape.n_inputs
        self.output_names = output_names

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Judge one object.

        Parameters
        ----------
        rows : Tensor, shape (n_frames, n_inputs + n_context)
            As from `graph_rows`.

        Returns
        -------
        tuple of Tensor
            Logit (1,), logits of subtypes (n_subtypes,), evidence (n_frames,): those asked for.
        """
        frames, context = rows[None, :, : self.n_inputs], rows[:1, self.n_inputs :]
        outputs = [
            cast(SequenceNetwork, network).forward_one(frames, context) for network in self.networks
        ]
        means = {
            "logit": torch.stack([output.logit for output in outputs]).mean(dim=0),
            "subtype_logits": torch.cat([output.subtype_logits for output in outputs]).mean(dim=0),
        }
        if "evidence" in self.output_names:
            evidence = [output.evidence for output in outputs if output.evidence is not None]
            means["evidence"] = torch.cat(evidence).mean(dim=0)
        return tuple(means[name] for name in self.output_names)


def export_member(
    networks: Sequence[SequenceNetwork],
    inputs: FrameInputs,
    settings: NetworkMemberSettings,
    *,
    reference: EmbeddedSequences,
) -> NetworkMember:
    """Return a member that gives the mean logit of some trained networks.

    Parameters
    ----------
    networks : sequence of SequenceNetwork
        On the CPU, all of one shape.
    inputs : FrameInputs
        What they were trained on.
    settings : NetworkMemberSettings
        Of the member.
    reference : EmbeddedSequences
        The first object, whole and its first frame alone, must give what PyTorch gives.

    Returns
    -------
    NetworkMember

    Raises
    ------
    BundleError
        If ONNX Runtime differs from PyTorch by more than 1e-4 (of the largest value beyond 1).
    """
    rows = graph_rows(inputs.of_object(reference.frames_of(0)))
    graph = SequenceGraph(networks, settings.output_names).eval()
    example = {"rows": torch.from_numpy(rows)}
    recurrent = [network for network in networks if isinstance(network, RecurrentNetwork)]
    if len(recurrent) == len(networks):
        content = recurrent_graph(recurrent, settings.output_names)
        export = check_graph(graph, content, example, output_names=settings.output_names)
    else:
        export = export_graph(graph, example, output_names=settings.output_names)
    return NetworkMember(export.content, inputs, settings)
