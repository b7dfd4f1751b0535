"""``model.onnx``: the networks as a graph with any number of images of any size, checked against torch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn

from loss_study.inference.contract import Contract

#: The name of the graph's input; its outputs have the names of the heads.
INPUT = "inputs"
#: By so much predictions, which are in [0, 1], may differ from torch's.
TOLERANCE = 1e-4


class ExportError(Exception):
    """The networks have no faithful graph; the message says why, in one line."""


def export(networks: nn.Module, contract: Contract, path: Path) -> None:
    """Write `networks`, in evaluation mode on the CPU, to `path`.

    Raises:
        ExportError: the exporter knows no graph for them.
    """
    size = contract.input.size
    # Not square, so that height and width are told apart, and no side is 1 in the deepest map.
    example = torch.rand(2, contract.input.channels, 2 * size, 4 * size)
    free = {0: "batch", 2: "height", 3: "width"}
    try:
        with _quietly():
            program = torch.onnx.export(
                networks,
                (example,),
                dynamo=True,
                input_names=[INPUT],
                output_names=list(contract.outputs),
                dynamic_shapes=(free,),
                verbose=False,
            )
            assert program is not None
            program.save(str(path), external_data=False)
    except Exception as error:
        # The exporter raises many kinds of errors, some with a page of text.
        raise ExportError(
            f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
        ) from None


def largest_difference(networks: nn.Module, contract: Contract, path: Path, inputs: Sequence[np.ndarray]) -> float:
    """Return by how much onnxruntime's predictions from `path` differ from torch's, at most.

    Args:
        inputs: batches of any number and size, float32 (N, C, H, W) in [0, 1].

    Raises:
        ExportError: onnxruntime cannot run the graph, or differs by more than `TOLERANCE`.
    """
    import onnxruntime  # noqa: PLC0415

    largest = 0.0
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for batch in inputs:
            given = session.run(list(contract.outputs), {INPUT: batch})
            with torch.no_grad():
                expected = networks(torch.from_numpy(batch))
            for head, found in zip(contract.outputs, given, strict=True):
                largest = max(largest, float(np.abs(found - expected[head].numpy()).max()))
    except Exception as error:
        raise ExportError(f"onnxruntime: {type(error).__name__}: {str(error).strip().splitlines()[0]}") from None
    if not largest <= TOLERANCE:
        raise ExportError(f"onnxruntime differs from torch by {largest:.2g}, more than {TOLERANCE:g}")
    return largest


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence what the exporter tells of its own progress."""
    loggers = [logging.getLogger(name) for name in ("torch", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
