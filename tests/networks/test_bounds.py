"""Every layer of the shipped decoders is pushed to its proven bound, where float32 would first round if it ever did."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from vaecompress.format import LATENT_LIMIT, RESIDUAL_LIMIT
from vaecompress.models import file as model_file
from vaecompress.models import installed
from vaecompress.models.loaded import LoadedModel
from vaecompress.models.verify import FEATURE_LIMIT, GAIN_BITS
from vaecompress.networks import dyadic
from vaecompress.networks.exactness_proof import _walk
from vaecompress.networks.integer_engine import ReferenceNetwork
from vaecompress.networks.onnx_graph import Graph, Node, parse
from vaecompress.networks.onnx_network import OnnxNetwork
from vaecompress.networks.openvino_engine import OpenVinoNetwork, has_openvino
from vaecompress.networks.operators import Convolution, convolution, fold

pytest.importorskip("onnx", reason="graphs of single layers are written with the onnx package")

from onnx_graphs import Builder

Array = npt.NDArray[Any]
LIMITS = {
    "z": RESIDUAL_LIMIT,
    "y": LATENT_LIMIT,
    "mean": LATENT_LIMIT,
    "scale": RESIDUAL_LIMIT,
    "residual": RESIDUAL_LIMIT,
    "features": FEATURE_LIMIT,
}


@dataclass(frozen=True)
class Layer:
    """A convolution of a graph: the largest magnitude of each input channel, and the fraction bits of all of them."""

    name: str
    node: Node
    form: Convolution
    parameters: list[Array]
    magnitudes: Array
    fraction_bits: Array


def layers(graph: Graph) -> Iterator[Layer]:
    """Each convolution with what the proof says of its inputs."""
    gains = {name: 1 << GAIN_BITS for name in graph.inputs if name.endswith("_gain")}
    values, constants = _walk(graph, LIMITS, gains)[1], fold(graph)[0]
    for node in graph.nodes:
        if node.op == "Conv":
            x, parameters = values[node.inputs[0]], [constants[name] for name in node.inputs[1:]]
            form, low, high = convolution(node, [x.low, *parameters]), x.low.shared(), x.high.shared()
            magnitudes = np.maximum(np.abs(low.integers), np.abs(high.integers)).reshape(form.channels)
            arrays = [value.to_array() for value in parameters]
            yield Layer(graph.origin(node.inputs[1]), node, form, arrays, magnitudes, low.fraction_bits)


def worst_inputs(layer: Layer) -> Array:
    """Integers [1, I, rows, columns] with the signs of the weights: each output channel reaches its bound somewhere."""
    form, magnitudes = layer.form, layer.magnitudes
    signs, towards = np.where(form.weights < 0, -1, 1), np.where(form.bias < 0, -1, 1)
    if form.depthwise:
        return np.asarray((signs * towards[:, None, None] * magnitudes[:, None, None])[None])
    return np.asarray((signs * towards[:, None]).T[None, :, None, :] * magnitudes[None, :, None, None])


def alone(layer: Layer) -> bytes:
    """A graph of this layer only."""
    builder = Builder()
    parameters = [builder.constant(array) for array in layer.parameters]
    x = builder.input("x", layer.form.channels, "h", "w")
    return builder.model(builder.node("Conv", x, *parameters, **layer.node.attributes))


@pytest.mark.parametrize("path", sorted(installed.SHIPPED.glob("*.vcm")), ids=lambda path: path.stem)
def test_every_layer_at_its_bound(path: Path) -> None:
    model = LoadedModel(model_file.load(path))
    for name in model.decoder_networks():
        for layer in layers(parse(model.file.networks[name])):
            inputs = {"x": dyadic.scaled(worst_inputs(layer), -layer.fraction_bits).astype(np.float32)}
            data = alone(layer)
            (expected,) = ReferenceNetwork(data).run(inputs)
            reached = expected[0, :, 1, 1] if layer.form.depthwise else np.diagonal(expected[0, :, 0])
            bound = layer.form.bound(layer.magnitudes).astype(np.int64)
            np.testing.assert_array_equal(np.abs(reached), dyadic.scaled(bound, -layer.form.fraction_bits), layer.name)
            for threads, optimise in ((1, False), (2, True)):
                (found,) = OnnxNetwork(data, threads, optimise).run(inputs)
                np.testing.assert_array_equal(found, expected, layer.name)
            if has_openvino():
                (found,) = OpenVinoNetwork(data, 1).run(inputs)
                np.testing.assert_array_equal(found, expected, layer.name)
