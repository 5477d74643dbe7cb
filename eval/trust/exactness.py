"""Streams under every engine and setting: ``python -m vaecompress_eval.trust.exactness STREAM... [--only NAME]``.

Prints for each setting one hash of all latents and one of all pixels, and the seconds taken; the exit code is 1 when
two settings differ. Run it with ``--only`` under an emulator or on another machine, and compare the hashes:
``qemu-x86_64 -cpu Nehalem $(which python) -m vaecompress_eval.trust.exactness --only onnxruntime-1-all STREAM...``
"""

import argparse
import hashlib
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.bitstream import Container, chunks, picture_payload
from vaecompress.codec.picture import PictureCodec
from vaecompress.format import HYPER_PATCH
from vaecompress.media.padding import padded_size
from vaecompress.models import registry
from vaecompress.models.loaded import LoadedModel
from vaecompress.networks.engines import Network
from vaecompress.networks.integer_engine import ReferenceNetwork
from vaecompress.networks.openvino_engine import OpenVinoNetwork

Array = npt.NDArray[Any]
Engine = Callable[[bytes], Network]
LEVELS = {"off": "ORT_DISABLE_ALL", "basic": "ORT_ENABLE_BASIC", "all": "ORT_ENABLE_ALL"}


class OnnxRuntime:
    """onnxruntime with a number of threads and a level of graph optimisation, and nothing else set."""

    def __init__(self, graph: bytes, threads: int, level: str, provider: str = "CPUExecutionProvider") -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[level])
        self._session = onnxruntime.InferenceSession(graph, options, providers=[provider])

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Evaluate the graph."""
        return list(self._session.run(None, {name: np.ascontiguousarray(x) for name, x in inputs.items()}))


class Variant(LoadedModel):
    """A model whose networks run under another engine."""

    def __init__(self, model: LoadedModel, engine: Engine) -> None:
        super().__init__(model.file, model.engine, model.threads)
        self._make = engine

    def make_network(self, name: str) -> Network:
        """A graph under this engine."""
        return self._make(self.file.networks[name])


def engines() -> dict[str, Engine]:
    """Every engine and setting that is installed here, by name."""
    found: dict[str, Engine] = {
        f"onnxruntime-{threads}-{level}": partial(OnnxRuntime, threads=threads, level=level)
        for threads, level in product((1, 2), LEVELS)
    }
    found["reference"] = ReferenceNetwork
    optional: dict[str, Engine] = {"jax": _jax_network, "openvino": partial(OpenVinoNetwork, threads=1)}
    return found | {name: engine for name, engine in optional.items() if find_spec(name)}


def _jax_network(graph: bytes) -> Network:
    from vaecompress_eval.trust.jax_engine import JaxNetwork

    jax_network: Network = JaxNetwork(graph)
    return jax_network


def hashes(streams: Sequence[bytes], engine: Engine) -> tuple[str, str]:
    """SHA-256 of the latents and of the pixels of all streams, decoded by one engine."""
    latents, pixels = hashlib.sha256(), hashlib.sha256()
    variants: dict[bytes, Variant] = {}
    for data in streams:
        with Container.open(data) as container:
            header = container.header
            if header.model_id not in variants:
                variants[header.model_id] = Variant(registry.find(header.model_id), engine)
            codec = PictureCodec(variants[header.model_id])
            rows, columns = (padded_size(side, HYPER_PATCH) // HYPER_PATCH for side in (header.height, header.width))
            for entry in container.frames or [e for e in container.directory if e.type == chunks.PICTURE]:
                body = container.read(entry)
                payload = picture_payload(entry.type, body)
                quality = body[0] if entry.type == chunks.FRAME else header.quality
                y = codec.latents.decode(payload.coded[1:], rows, columns, quality)
                latents.update(np.ascontiguousarray(y, "<i2").data)
                shape = (header.height, header.width, header.channels)
                pixels.update(np.ascontiguousarray(codec.decode(payload, shape, quality)).data)
    return latents.hexdigest()[:16], pixels.hexdigest()[:16]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("streams", nargs="+")
    parser.add_argument("--only", help="one setting of those printed")
    options = parser.parse_args(arguments)
    streams = []
    for path in options.streams:
        with open(path, "rb") as file:
            streams.append(file.read())
    print(f"{len(streams)} streams on {platform.machine()}, Python {platform.python_version()}")
    found: dict[str, tuple[str, str]] = {}
    for name, engine in engines().items():
        if options.only in (None, name):
            started = time.perf_counter()
            found[name] = hashes(streams, engine)
            seconds = time.perf_counter() - started
            print(f"{name:<22} latents {found[name][0]}  pixels {found[name][1]}  {seconds:8.2f} s", flush=True)
    return 0 if len(set(found.values())) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
