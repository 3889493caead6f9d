"""Logits of a network for many stamps."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError

__all__ = ["predict_logits"]


@torch.inference_mode()
def predict_logits(
    module: nn.Module,
    stamps: FloatArray,
    metadata: FloatArray | None = None,
    *,
    batch_size: int = 64,
) -> FloatArray:
    """Return the logit of REAL for each row, in evaluation mode and float32.

    Parameters
    ----------
    module : nn.Module
        ``forward(stamps, metadata) -> logits``; its training mode is restored afterwards.
    stamps : ndarray, shape (n, n_planes, size, size), float16 or float32
        Prepared stamps; may be a memory map.
    metadata : ndarray, shape (n, k), optional
        NaN = missing.
    batch_size : int, default 64
        Rows at a time; the result does not depend on it beyond rounding.

    Returns
    -------
    ndarray, shape (n,), float32

    Raises
    ------
    InvalidInputError
        If `batch_size` is not positive.

    Examples
    --------
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(12, 1), nn.Flatten(0))
    >>> predict_logits(network, np.zeros((0, 3, 2, 2), np.float32)).shape
    (0,)
    """
    if batch_size < 1:
        raise InvalidInputError(f"batch_size must be > 0, got {batch_size}")
    device = next(module.parameters()).device
    was_training = module.training
    module.eval()
    logits = np.empty(len(stamps), dtype=np.float32)
    for start in range(0, len(stamps), batch_size):
        rows = slice(start, start + batch_size)
        inputs = [_to_tensor(stamps[rows], device)]
        if metadata is not None:
            inputs.append(_to_tensor(metadata[rows], device))
        logits[rows] = module(*inputs).float().cpu().numpy()
    module.train(was_training)
    return logits


def _to_tensor(values: FloatArray, device: torch.device) -> Tensor:
    """Return a float32 tensor on the device, images with channels last."""
    tensor = torch.from_numpy(np.array(values, dtype=np.float32)).to(device)
    if tensor.ndim == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    return tensor
