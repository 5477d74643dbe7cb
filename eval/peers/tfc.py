"""tensorflow-compression as a peer: a small hyperprior of its own parts, trained here by ``tfc_train``."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as package_version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..cache_folder import cache_folder
from .base import Pixels

if TYPE_CHECKING:
    from .tfc_model import TfcCoder

LAMBDAS = (0.001, 0.004, 0.016, 0.064)
"""Weights of the squared error on 0..255; one trained model each."""


def weights_folder() -> Path:
    """Where trained weights lie."""
    return cache_folder() / "tfc_hyperprior"


def weights_path(lmbda: float) -> Path:
    """The file of one lambda's weights."""
    return weights_folder() / f"lambda_{lmbda:g}.npz"


@dataclass(frozen=True)
class TfcPeer:
    """The setting is the number of a lambda, from 1: a dial must have no gaps."""

    name: str = "tfc-hyperprior"
    description: str = (
        "hyperprior of tensorflow-compression's layers and coder, 32 filters, one model for each of lambda "
        f"{', '.join(f'{lmbda:g}' for lmbda in LAMBDAS)}"
    )
    settings: tuple[float, ...] = tuple(range(1, len(LAMBDAS) + 1))

    def missing(self) -> str | None:
        """Needs the package, and weights that ``tfc_train`` has made."""
        untrained = not all(weights_path(lmbda).is_file() for lmbda in LAMBDAS)
        return self.missing_package() or ("python -m vaecompress_eval.peers.tfc_train PICTURES" if untrained else None)

    def missing_package(self) -> str | None:
        """It exists for Python 3.11 only."""
        return None if find_spec("tensorflow_compression") else "pip install 'vaecompress[tfc]' (Python 3.11)"

    def version(self) -> str:
        """The package's version and a digest of the weights."""
        digest = hashlib.sha256(b"".join(weights_path(lmbda).read_bytes() for lmbda in LAMBDAS)).hexdigest()
        return f"tensorflow-compression {package_version('tensorflow-compression')}, weights {digest[:12]}"

    def encode(self, pixels: Pixels, setting: float) -> bytes:
        """Return the number of the lambda and the packed strings of its model."""
        return bytes([int(setting)]) + _coder(int(setting)).encode(pixels)

    def decode(self, data: bytes) -> Pixels:
        """Decode with the model that the first byte names."""
        return _coder(data[0]).decode(data[1:])


@cache
def _coder(number: int) -> "TfcCoder":
    from .tfc_model import TfcHyperprior

    networks = TfcHyperprior()
    networks.restore(weights_path(LAMBDAS[number - 1]))
    return networks.coder()
