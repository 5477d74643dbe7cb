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
            _forget("tensorflow_probability.python.internal.backend", "numpy")
    return distributions


def _forget(parent: str, name: str) -> None:
    """Unload a module that saw no tensorflow, so that who needs it with tensorflow can import it again."""
    path = f"{parent}.{name}"
    for module in [key for key in sys.modules if key == path or key.startswith(f"{path}.")]:
        del sys.modules[module]
    if parent in sys.modules:
        vars(sys.modules[parent]).pop(name, None)


distributions: Any = _import_distributions()
