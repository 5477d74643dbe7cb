"""Fixtures of all tests. JAX runs on the CPU, promotes no types and compiles for short compile times, not for speed."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("any speed", deadline=None)
settings.load_profile("any speed")

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

PROJECT = Path(__file__).parent.parent


@pytest.fixture
def optax_promotion() -> Iterator[None]:
    """Types are promoted: optax raises its decay rates to whole numbers."""
    jax = pytest.importorskip("jax", reason="needs the train extra")
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of training and test pictures beside the project."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the picture sets of ../shared/data")
    return folder


@pytest.fixture(scope="session")
def tiny_model_path() -> Path:
    """The shipped ``tiny`` model file."""
    return PROJECT / "vaecompress" / "models" / "tiny.vcm"


@pytest.fixture(scope="session")
def tiny_variables(tiny_model_path: Path) -> tuple[Any, dict[str, Any]]:
    """The shipped ``tiny`` as Flax module and variables (trained, calibrated, on the integers of its file)."""
    pytest.importorskip("flax", reason="needs the train extra")
    from vaecompress.export.restore import restore
    from vaecompress.models import file as model_file

    return restore(model_file.load(tiny_model_path))


@pytest.fixture(scope="session")
def random_variables() -> tuple[Any, dict[str, Any]]:
    """A small model of another shape than ``tiny``, with four context steps: random weights, random grids."""
    pytest.importorskip("flax", reason="needs the train extra")
    import jax

    from vaecompress.transforms.config import ModelConfig
    from vaecompress.transforms.vae import HyperpriorVAE, init_variables

    config = ModelConfig(
        luma=10,
        chroma=(4, 2),
        analysis_width8=8,
        analysis_blocks8=1,
        analysis_width16=8,
        analysis_blocks16=0,
        synthesis_width16=12,
        synthesis_blocks16=0,
        synthesis_width8=8,
        synthesis_width4=4,
        synthesis_blocks4=0,
        hyper_latent_channels=6,
        entropy_width=8,
        context_steps=4,
        quality_anchors=3,
        prior_sets=3,
        linear_splits=2,
        context_splits=4,
        coefficient_bits=11,
    )
    model, rng = HyperpriorVAE(config), np.random.default_rng(0)
    template = jax.eval_shape(lambda: init_variables(model, 0))
    return model, jax.tree_util.tree_map_with_path(lambda path, leaf: _random_leaf(rng, path, leaf.shape), template)


@pytest.fixture(scope="session")
def random_predicted(random_variables: tuple[Any, dict[str, Any]]) -> tuple[Any, dict[str, Any]]:
    """A small model of predicted frames: random weights, random grids."""
    import jax

    from vaecompress.transforms.config import VideoConfig
    from vaecompress.transforms.video_vae import PredictedVAE, init_predicted

    config = VideoConfig(random_variables[0].config, condition_width8=8, condition_width16=12)
    model, rng = PredictedVAE(config), np.random.default_rng(1)
    template = jax.eval_shape(lambda: init_predicted(model, 0))
    return model, jax.tree_util.tree_map_with_path(lambda path, leaf: _random_leaf(rng, path, leaf.shape), template)


@pytest.fixture(scope="session")
def video_file(tiny_model_path: Path, random_predicted: tuple[Any, dict[str, Any]]) -> Any:
    """A model file for video: the stills of ``tiny``, and random networks for predicted frames."""
    from vaecompress.export.freeze_video import freeze_video
    from vaecompress.models import file as model_file

    model, variables = random_predicted
    still = model_file.load(tiny_model_path)
    return model_file.parse(freeze_video(still, model.config, variables, {"name": "random", "licence": "none"}))


def _random_leaf(rng: np.random.Generator, path: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Values of the size that training leads to."""
    if path[0].key == "ranges":
        return rng.integers(7, 12, shape).astype(np.float32)
    size = 1.5 / np.sqrt(np.prod(shape[:-1])) if path[-1].key == "kernel" else 0.3
    gain = {"encoder_latent": 3.0, "decoder_latent": -3.0}.get(path[1].key, 0.0)
    return rng.normal(gain, size, shape).astype(np.float32)
