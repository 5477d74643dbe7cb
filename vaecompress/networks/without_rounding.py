"""A decoder's graph without what makes it exact: a good guess at what it gives, for an encoder that looks often.

Rounding steps are passes over memory of their own. Without them values differ by parts of an integer, decoded levels
by one at most now and then. What is coded, and its checksum, never comes from here.
"""

from collections import Counter
from dataclasses import replace

import numpy as np

from vaecompress.networks.fewer_passes import LEVELS_OF, folded
from vaecompress.networks.graph_bytes import serialise
from vaecompress.networks.onnx_graph import UINT8, Graph, Node, parse


def without_rounding(data: bytes) -> bytes:
    """The graph of a model file without Round, and without Clip where no engine takes that into a convolution."""
    return serialise(_scaled_kernels(_left_out(folded(parse(data)))))


def _left_out(graph: Graph) -> Graph:
    makers: dict[str, Node] = {}
    names: dict[str, str] = {}
    levels = _levels(graph)
    for node in graph.nodes:
        kept = replace(node, inputs=tuple(names.get(name, name) for name in node.inputs))
        source = makers.get(kept.inputs[0])
        fused = source is not None and source.op == "Conv"
        if node not in levels and (node.op == "Round" or (node.op == "Clip" and not fused)):
            names[node.outputs[0]] = kept.inputs[0]
        else:
            makers |= dict.fromkeys(node.outputs, kept)
    return replace(graph, nodes=tuple(dict.fromkeys(makers.values())))


def _levels(graph: Graph) -> set[Node]:
    """The nodes that make eight-bit levels, which engines have one step for."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    found: set[Node] = set()
    for node in graph.nodes:
        if node.op == LEVELS_OF[0] and node.attributes.get("to") == UINT8:
            for _ in LEVELS_OF:
                found.add(node)
                node = makers.get(node.inputs[0], node)
    return found


def _scaled_kernels(graph: Graph) -> Graph:
    """Numbers that a convolution's input is multiplied by go into its kernel."""
    uses = Counter([*graph.outputs, *(name for node in graph.nodes for name in node.inputs)])
    constants, nodes = dict(graph.initialisers), {node.outputs: node for node in graph.nodes}
    for node in graph.nodes:
        product = nodes.get((node.inputs[0],))
        if node.op != "Conv" or product is None or product.op != "Mul" or uses[node.inputs[0]] > 1:
            continue
        factor = constants.get(product.inputs[1], np.empty(0))
        if factor.shape == () and uses[node.inputs[1]] == 1:
            constants[node.inputs[1]] = constants[node.inputs[1]] * factor
            nodes[node.outputs] = replace(node, inputs=(product.inputs[0], *node.inputs[1:]))
            del nodes[product.outputs]
    return replace(graph, nodes=tuple(nodes.values()), initialisers=constants)
