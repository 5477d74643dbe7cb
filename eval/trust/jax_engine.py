"""A decoder-side graph in JAX: one more engine beside onnxruntime and the integers, and one for accelerators."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vaecompress.networks.onnx_graph import FLOAT, Node, parse

Array = npt.NDArray[Any]


class JaxNetwork:
    """Runs a graph operator by operator, compiled once a shape, in float32 at the highest precision of the device."""

    def __init__(self, graph: bytes) -> None:
        self._graph = parse(graph)
        self._run = jax.jit(self._evaluate)

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Evaluate the graph."""
        return [np.asarray(output) for output in self._run({name: jnp.asarray(x) for name, x in inputs.items()})]

    def _evaluate(self, inputs: dict[str, jax.Array]) -> list[jax.Array]:
        values: dict[str, Any] = {**self._graph.initialisers, **inputs}
        for node in self._graph.nodes:
            outputs = OPERATORS[node.op](node, *(values[name] for name in node.inputs))
            values.update(zip(node.outputs, outputs if isinstance(outputs, list) else [outputs], strict=True))
        return [values[name] for name in self._graph.outputs]


def _cast(node: Node, x: Any) -> jax.Array:
    return jnp.asarray(x).astype(jnp.float32 if node.attributes["to"] == FLOAT else jnp.uint8)


def _conv(node: Node, x: jax.Array, kernel: jax.Array, *bias: Any) -> jax.Array:
    groups: Any = node.attributes.get("group", 1)
    ring = kernel.shape[-1] // 2
    sums = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), [(ring, ring)] * 2, feature_group_count=groups, precision=jax.lax.Precision.HIGHEST
    )
    return sums + jnp.asarray(bias[0])[None, :, None, None] if bias else sums


def _depth_to_space(node: Node, x: jax.Array) -> jax.Array:
    block: Any = node.attributes["blocksize"]
    _, channels, height, width = x.shape
    split = x.reshape(1, block, block, channels // block**2, height, width)
    return split.transpose(0, 3, 4, 1, 5, 2).reshape(1, -1, height * block, width * block)


def _space_to_depth(node: Node, x: jax.Array) -> jax.Array:
    block: Any = node.attributes["blocksize"]
    _, channels, height, width = x.shape
    split = x.reshape(1, channels, height // block, block, width // block, block)
    return split.transpose(0, 3, 5, 1, 2, 4).reshape(1, -1, height // block, width // block)


def _slice(node: Node, x: jax.Array, starts: Array, ends: Array, *_: Array) -> jax.Array:
    return x[:, int(starts[0]) : int(ends[0])]


def _split(node: Node, x: jax.Array, *sizes: Array) -> list[jax.Array]:
    count = len(node.outputs)
    return jnp.split(x, np.cumsum(sizes[0])[:-1].tolist() if sizes else count, axis=1)


OPERATORS: dict[str, Callable[..., Any]] = {
    "Abs": lambda node, x: jnp.abs(x),
    "Add": lambda node, x, y: jnp.add(x, y),
    "Cast": _cast,
    "Clip": lambda node, x, low, high: jnp.clip(x, low, high),
    "Concat": lambda node, *parts: jnp.concatenate(parts, axis=1),
    "Conv": _conv,
    "DepthToSpace": _depth_to_space,
    "Identity": lambda node, x: x,
    "LeakyRelu": lambda node, x: jnp.where(x >= 0, x, x * node.attributes["alpha"]),
    "Mul": lambda node, x, y: jnp.multiply(x, y),
    "Relu": lambda node, x: jnp.maximum(x, 0),
    "Round": lambda node, x: jnp.round(x),
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Sub": lambda node, x, y: jnp.subtract(x, y),
    "Transpose": lambda node, x: jnp.transpose(x, node.attributes["perm"]),
}
