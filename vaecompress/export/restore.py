"""A model file back to Flax: the module, its parameters and its calibrated grids.

Decoder-side weights come back as the very integers of the file, so the exact phase computes what the file computes, and
freezing again gives the same networks.
"""

from typing import Any

import jax
import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from vaecompress.errors import CorruptError
from vaecompress.models.file import ModelFile
from vaecompress.models.loaded import PREDICTED
from vaecompress.transforms.config import ModelConfig, VideoConfig
from vaecompress.transforms.vae import HyperpriorVAE, init_variables
from vaecompress.transforms.video_vae import PredictedVAE, init_predicted

Array = npt.NDArray[Any]
Weights = dict[str, Array]


def restore(file: ModelFile) -> tuple[HyperpriorVAE, dict[str, Any]]:
    """The Flax module and its float32 variables ``params`` and ``ranges``.

    Raises CorruptError when a part is missing or has another shape than the card says.
    """
    model = HyperpriorVAE(ModelConfig.from_dict(file.card["config"]))
    return model, _restored(file, jax.eval_shape(lambda: init_variables(model, 0)))


def restore_predicted(file: ModelFile) -> tuple[PredictedVAE, dict[str, Any]]:
    """As :func:`restore`, of the part of a model file for video that codes predicted frames."""
    part = file.part(PREDICTED)
    model = PredictedVAE(VideoConfig.from_dict(part.card["config"]))
    return model, _restored(part, jax.eval_shape(lambda: init_predicted(model, 0)))


def _restored(file: ModelFile, template: Any) -> dict[str, Any]:
    """Variables of the shapes of ``template``."""
    weights = _initialisers(file)

    def find(path: tuple[Any, ...], leaf: jax.ShapeDtypeStruct) -> Array:
        name = "/".join(entry.key for entry in path)
        value = _parameter(file, weights, name)
        if value.shape != leaf.shape:
            raise CorruptError(f"model file: {name} is {value.shape}, its card says {leaf.shape}")
        return value.astype(np.float32)

    found: dict[str, Any] = jax.tree_util.tree_map_with_path(find, template)
    return found


def _initialisers(file: ModelFile) -> Weights:
    """Kernels and biases of every network by their Flax path."""
    found = {}
    for graph in file.networks.values():
        for tensor in onnx.load_model_from_string(graph).graph.initializer:
            found[tensor.name] = numpy_helper.to_array(tensor)
    return found


def _parameter(file: ModelFile, weights: Weights, name: str) -> Array:
    """The parameter called ``collection/path``."""
    if name in file.arrays:
        return np.asarray(file.arrays[name])
    layer, _, leaf = name.removeprefix("params/").rpartition("/")
    whole = f"{layer}/kernel" in weights
    parts = [layer] if whole else [f"{layer}:{group}" for group in range(_splits(weights, layer))]
    if not parts:
        raise CorruptError(f"model file: no parameter {name}")
    values = [_part(file, weights, part, leaf) for part in parts]
    return np.concatenate(values, axis=-2) if leaf == "kernel" and len(parts) > 1 else values[0]


def _splits(weights: Weights, layer: str) -> int:
    return sum(key.startswith(f"{layer}:") and key.endswith("/kernel") for key in weights)


def _part(file: ModelFile, weights: Weights, path: str, leaf: str) -> Array:
    """Kernel ([I, O] or [3, 3, C]) or bias [O] of one convolution, as real numbers."""
    exact = f"exact/{path}"
    if f"{exact}/shift" not in file.arrays:
        return _to_flax(weights[f"{path}/kernel"]) if leaf == "kernel" else weights[f"{path}/bias"]
    unit = np.exp2(-file.arrays[f"{exact}/shift"].astype(np.float32))
    if leaf == "bias":
        return np.asarray(file.arrays[f"{exact}/bias"] * unit)
    kernel = _to_flax(weights[f"{path}/kernel"]) * unit
    step = np.exp2(file.arrays[f"{exact}/input_exponent"].astype(np.float32))
    return np.asarray(kernel * (step[:, None] if kernel.ndim == 2 else step))


def _to_flax(weights: Array) -> Array:
    """ONNX [O, I, 1, 1] to [I, O], depthwise [C, 1, 3, 3] to [3, 3, C]."""
    weights = weights.astype(np.float32)
    return weights[:, 0].transpose(1, 2, 0) if weights.shape[2] == 3 else weights[:, :, 0, 0].T
