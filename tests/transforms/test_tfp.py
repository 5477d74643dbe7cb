"""The distributions come without tensorflow, and leave no trace that would break it later."""

import subprocess
import sys

import pytest

pytest.importorskip("flax", reason="needs the train extra")

CHECK = """
import sys
from vaecompress.transforms.tfp import distributions
assert abs(float(distributions.Normal(0.0, 1.0).cdf(0.0)) - 0.5) < 1e-6
backend = "tensorflow_probability.python.internal.backend"
print([name for name in sys.modules if name == "tensorflow" or name.startswith(backend + ".numpy")])
print(hasattr(sys.modules[backend], "numpy"))
"""


def test_tensorflow_stays_out_and_importable():
    found = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, check=True)
    assert found.stdout.split("\n")[:2] == ["[]", "False"]
