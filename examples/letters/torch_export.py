"""Networks of PyTorch as ONNX."""

import io
import warnings

import torch
from torch import nn


def to_onnx(network: nn.Module, inputs: dict[str, int], outputs: tuple[str, ...] = ("probabilities",)) -> bytes:
    """The network, for any number of rows.

    By the older of PyTorch's two exporters, which takes some hundredths of a second where the newer one takes
    seconds, and examples export hundreds of networks.

    Args:
        network: takes a float matrix for each input.
        inputs: the width of each, by name.
        outputs: the names of what it gives.
    """
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.eval(),
            tuple(torch.zeros(2, width) for width in inputs.values()),
            content,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: "rows"} for name in (*inputs, *outputs)},
            dynamo=False,
        )
    return content.getvalue()
