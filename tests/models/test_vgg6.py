"""VGG6 against the published table of braai's layers."""

from __future__ import annotations

import torch
from torch import nn

from skyvet.models.interface import InputShape
from skyvet.models.vgg6 import Vgg6Config

BRAAI_PARAMETERS = [448, 2320, 4640, 9248, 295168, 257]
BRAAI_SHAPES = [(16, 61, 61), (16, 59, 59), (32, 27, 27), (32, 25, 25), (256,), (1,)]


def test_layers_have_the_parameters_and_shapes_of_braai():
    network = Vgg6Config().build(InputShape(stamp_px=63))
    layers = [part for part in network.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    counts = [sum(weight.numel() for weight in layer.parameters()) for layer in layers]
    assert counts == BRAAI_PARAMETERS
    assert sum(counts) == 312_081
    shapes = []
    for layer in layers:
        layer.register_forward_hook(lambda *call: shapes.append(tuple(call[2].shape[1:])))
    network(torch.zeros(1, 3, 63, 63))
    assert shapes == BRAAI_SHAPES


def test_dropout_rates_are_those_of_braai():
    network = Vgg6Config().build(InputShape(stamp_px=63))
    assert [part.p for part in network.modules() if isinstance(part, nn.Dropout)] == [
        0.25,
        0.25,
        0.5,
    ]
