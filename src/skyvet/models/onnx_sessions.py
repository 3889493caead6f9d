"""Open an ONNX graph the way every scorer of skyvet does."""

from __future__ import annotations

import onnxruntime as ort

from skyvet.core.errors import BundleError

__all__ = ["onnx_session"]


def onnx_session(graph: str | bytes, *, n_threads: int = 0) -> ort.InferenceSession:
    """Open an ONNX graph on the CPU.

    Parameters
    ----------
    graph : str or bytes
        Path of the file, or its content.
    n_threads : int, default 0
        Threads of ONNX Runtime; 0 = all cores.

    Raises
    ------
    BundleError
        If it is no graph that this ONNX Runtime can run.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class
        name = graph if isinstance(graph, str) else "an ONNX graph"
        raise BundleError(f"{name} cannot be opened: {error}") from error
