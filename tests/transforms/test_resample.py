"""Moves between space and channels against ONNX, the depthwise sum against XLA's own convolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from vaecompress.transforms.resample import depth_to_space, depthwise3x3, space_to_depth


def counting(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("block", [2, 4, 16])
def test_depth_to_space_undoes_space_to_depth(block):
    x = counting(2, 2 * block, 3 * block, 3)
    deep = space_to_depth(x, block)
    assert deep.shape == (2, 2, 3, 3 * block * block)
    np.testing.assert_array_equal(depth_to_space(deep, block), x)


@pytest.mark.parametrize(("op", "attributes", "ours"), [
    ("SpaceToDepth", {}, space_to_depth),
    ("DepthToSpace", {"mode": "DCR"}, depth_to_space),
])  # fmt: skip
def test_the_order_of_channels_is_that_of_onnx(op, attributes, ours):
    node = helper.make_node(op, ["x"], ["y"], blocksize=2, **attributes)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4) for name in ("x", "y")]
    graph = helper.make_graph([node], "move", ends[:1], ends[1:])
    x = counting(1, 4, 6, 8)
    (theirs,) = ReferenceEvaluator(graph, opsets={"": 17}).run(None, {"x": x.transpose(0, 3, 1, 2)})
    np.testing.assert_array_equal(ours(x, 2), theirs.transpose(0, 2, 3, 1))


def convolved(x, kernel):
    """The same sum by XLA's grouped convolution."""
    return jax.lax.conv_general_dilated(
        x,
        kernel[:, :, None, :],
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


@pytest.fixture(scope="module")
def operands():
    rng = np.random.default_rng(0)
    shapes = [(2, 5, 6, 4), (3, 3, 4), (2, 5, 6, 4)]
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def test_depthwise_is_a_grouped_convolution(operands):
    x, kernel, _ = operands
    np.testing.assert_allclose(depthwise3x3(x, kernel), convolved(x, kernel), atol=1e-5)


def test_depthwise_gradients_are_those_of_a_grouped_convolution(operands):
    x, kernel, weight = operands
    ours, theirs = (
        jax.grad(lambda x, k, f=f: jnp.sum(f(x, k) * weight), argnums=(0, 1))(x, kernel)
        for f in (depthwise3x3, convolved)
    )
    for left, right in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-4)
