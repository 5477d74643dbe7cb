"""Fixtures of all tests. JAX runs on the CPU and compiles for short compile times, not for speed."""

import os
from pathlib import Path
from typing import Any

import pytest

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)

PROJECT = Path(__file__).parent.parent


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
    from vaecompress.codec import model_file
    from vaecompress.train.restore import restore

    return restore(model_file.load(tiny_model_path))
