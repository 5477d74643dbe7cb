"""Rewrites a graph for an engine: the same values, in fewer passes over memory.

A graph of a model file says step by step what is computed. A step that an engine does not fuse into the layer before it
reads and writes a whole tensor again. What is replaced here gives the same values for all inputs:

- kernels are widened to float32 and multiplied by their scales once and for all;
- a Clip to whole numbers comes before the Round that it follows, and so next to the convolution, which takes it in;
- Mul, Round, Add, Clip and Cast to eight bits become one QuantizeLinear.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.networks.onnx_graph import FLOAT, UINT8, Graph, Node

Array = npt.NDArray[Any]

LEVELS_OF = ("Cast", "Clip", "Add", "Round", "Mul")
"""From eight-bit levels back to what they are made of."""


def in_fewer_passes(graph: Graph) -> Graph:
    """A graph that gives what ``graph`` gives, to the bit."""
    return _quantised(_clipped_first(folded(graph)))


def folded(graph: Graph) -> Graph:
    """The graph with kernels as its convolutions take them."""
    constants, nodes = dict(graph.initialisers), []
    for node in graph.nodes:
        values = [constants[name] for name in node.inputs if name in constants]
        if node.op == "Cast" and values and node.attributes.get("to") == FLOAT:
            constants[node.outputs[0]] = values[0].astype(np.float32)
        elif node.op == "Mul" and len(values) == 2 and _scales(*values):
            with np.errstate(all="ignore"):
                constants[node.outputs[0]] = values[0] * values[1]
        else:
            nodes.append(node)
    used = {name for node in nodes for name in node.inputs} | set(graph.outputs)
    constants = {name: value for name, value in constants.items() if name in used}
    return replace(graph, nodes=tuple(nodes), initialisers=constants)


def _scales(kernel: Array, scale: Array) -> bool:
    """Whether ``scale`` holds one number for each output of ``kernel``."""
    return kernel.ndim == 4 and scale.shape == (len(kernel), 1, 1, 1) and kernel.dtype == scale.dtype == np.float32


def _clipped_first(graph: Graph) -> Graph:
    """The graph with Round after Clip wherever the bounds are whole numbers."""
    nodes, places, uses = list(graph.nodes), _places(graph.nodes), _uses(graph)
    for place, node in enumerate(nodes):
        source, *bounds = node.inputs
        before = nodes[places[source]] if source in places else node
        if node.op != "Clip" or before.op != "Round" or uses[source] > 1 or len(bounds) != 2:
            continue
        if all((bound := _scalar(graph, name)) is not None and bound.is_integer() for name in bounds):
            nodes[places[source]] = Node("Clip", (*before.inputs, *bounds), (source,), {})
            nodes[place] = Node("Round", (source,), node.outputs, {})
    return replace(graph, nodes=tuple(nodes))


def _quantised(graph: Graph) -> Graph:
    """The graph with a QuantizeLinear for round(x * 2**-n) + z, clipped to 0..255 and cast to uint8."""
    places, uses = _places(graph.nodes), _uses(graph)
    nodes, constants = dict(enumerate(graph.nodes)), dict(graph.initialisers)
    for place, node in enumerate(graph.nodes):
        chain = [place]
        for op in LEVELS_OF[1:]:
            source = graph.nodes[chain[-1]].inputs[0]
            if source not in places or uses[source] > 1 or graph.nodes[places[source]].op != op:
                break
            chain.append(places[source])
        if node.op != LEVELS_OF[0] or node.attributes.get("to") != UINT8 or len(chain) < len(LEVELS_OF):
            continue
        clip, add, _, product = (graph.nodes[index] for index in chain[1:])
        low, high, zero, factor = (_scalar(graph, n) for n in (*clip.inputs[1:], add.inputs[1], product.inputs[1]))
        if (low, high) != (0, 255) or zero not in range(256) or not factor or np.frexp(factor)[0] != 0.5:
            continue
        scale, offset = f"{node.outputs[0]}/scale", f"{node.outputs[0]}/zero"
        constants |= {scale: np.array(1 / factor, np.float32), offset: np.array(zero, np.uint8)}
        for index in chain:
            del nodes[index]
        nodes[place] = Node("QuantizeLinear", (product.inputs[0], scale, offset), node.outputs, {})
    return replace(graph, nodes=tuple(nodes[place] for place in sorted(nodes)), initialisers=constants)


def _places(nodes: Iterable[Node]) -> dict[str, int]:
    """Which node gives each name."""
    return {name: place for place, node in enumerate(nodes) for name in node.outputs}


def _uses(graph: Graph) -> Counter[str]:
    """How often each name is read, by nodes or as an output of the graph."""
    return Counter([*graph.outputs, *(name for node in graph.nodes for name in node.inputs)])


def _scalar(graph: Graph, name: str) -> float | None:
    """The number that ``name`` stands for; None where it is none."""
    value = graph.initialisers.get(name)
    return float(value) if value is not None and value.shape == () else None
