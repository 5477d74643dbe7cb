"""The JAX substrate of tensorflow-probability, imported without tensorflow.

The substrate imports tensorflow wherever it is installed, for seconds and for nothing; this keeps it out.
"""

import sys
from typing import Any


def _import_distributions() -> Any:
    blocked = "tensorflow" not in sys.modules
    if blocked:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        from tensorflow_probability.substrates.jax import distributions
    finally:
        if blocked:
            del sys.modules["tensorflow"]
    return distributions


distributions: Any = _import_distributions()
