"""A model file (``.vcm``): networks as ONNX graphs, arrays, and a card.

Layout, little-endian: magic ``VCM`` and 0x1A, version u8, header length u32, header (JSON, UTF-8), blobs, identity,
CRC-32 of everything before it. The header holds ``card``, ``networks`` ({name: [offset, bytes]}) and ``arrays``
({name: [dtype, shape, offset]}), offsets from the first blob on; where it holds ``inflated``, the blobs are one zlib
stream of so many bytes. The identity is a hash of what decoding needs, so a
file that can only decode keeps it; its first eight bytes are the model id in a stream. Nothing in the file is
executable: the graphs hold a fixed list of operators.
"""

import hashlib
import json
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError, InputError, UnsupportedError
from vaecompress.format import MODEL_ID_BYTES, MODEL_IDENTITY_BYTES, MODEL_TAIL_BYTES

MAGIC = b"VCM\x1a"
VERSION = 1
CRC = struct.Struct("<I")
MAX_FILE_BYTES = 1 << 28
MAX_HEADER_BYTES = 1 << 20
DTYPES = frozenset({"int8", "uint8", "int16", "int32", "uint32", "float16", "float32"})

Array = npt.NDArray[Any]

PREDICTED = "predicted/"
"""What belongs to predicted frames has names that start so."""

ENCODER_MEMBERS = frozenset({"analysis", "hyper_analysis", "gains/analysis_feature", "gains/encoder_latent"})
TRAINING_PREFIXES = ("exact/", "params/", "ranges/")


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A model file in memory: ``card`` (JSON), ``networks`` (serialised ONNX), ``arrays``, and its identity."""

    card: dict[str, Any]
    networks: dict[str, bytes]
    arrays: dict[str, Array]
    identity: bytes

    @property
    def model_id(self) -> bytes:
        """The eight bytes by which a stream names this model."""
        return self.identity[:MODEL_ID_BYTES]

    def part(self, name: str) -> "ModelFile":
        """The model within this one: its networks and arrays are called ``name/...``, its card is this card's ``name``.

        Raises CorruptError where there is none.
        """
        prefix = f"{name}/"
        card = self.card.get(name)
        if not isinstance(card, dict):
            raise CorruptError(f"model file: it has no part '{name}'")
        networks = {key.removeprefix(prefix): graph for key, graph in self.networks.items() if key.startswith(prefix)}
        arrays = {key.removeprefix(prefix): array for key, array in self.arrays.items() if key.startswith(prefix)}
        return ModelFile({"name": self.card.get("name"), **card}, networks, arrays, self.identity)


def serialise(card: Mapping[str, Any], networks: Mapping[str, bytes], arrays: Mapping[str, Array]) -> bytes:
    """The bytes of a model file; the same input gives the same bytes, by the same zlib.

    Models for video are deflated: they hold two models, and to inflate them takes no time beside a video.
    """
    blobs = bytearray()
    places: dict[str, list[int]] = {}
    for name in sorted(networks):
        places[name] = [len(blobs), len(networks[name])]
        blobs += networks[name]
    fields: dict[str, list[Any]] = {}
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        blobs += bytes(-len(blobs) % 4)
        fields[name] = [array.dtype.name, list(array.shape), len(blobs)]
        blobs += array.astype(array.dtype.newbyteorder("<")).tobytes()
    contents: dict[str, Any] = {"card": dict(card), "networks": places, "arrays": fields}
    stored = bytes(blobs)
    if "predicted" in card:
        contents["inflated"], stored = len(stored), zlib.compress(stored, 9)
    header = json.dumps(contents, sort_keys=True).encode()
    body = MAGIC + struct.pack("<BI", VERSION, len(header)) + header + stored
    body += identity(card, networks, arrays)
    return body + CRC.pack(zlib.crc32(body))


def identity(card: Mapping[str, Any], networks: Mapping[str, bytes], arrays: Mapping[str, Array]) -> bytes:
    """SHA-256 over what decoding needs: the card's numbers, and name and SHA-256 of each network and array."""
    numbers = {"codec": card.get("codec")}
    if "predicted" in card:
        numbers["predicted"] = card["predicted"]["codec"]
    total = hashlib.sha256(json.dumps(numbers, sort_keys=True, separators=(",", ":")).encode())
    members = {name: hashlib.sha256(graph) for name, graph in networks.items()}
    for name, array in arrays.items():
        array = np.asarray(array, order="C")
        kind = f"{array.dtype.name} {list(array.shape)}".encode()
        members[name] = hashlib.sha256(kind + b"\0" + array.astype(array.dtype.newbyteorder("<")).tobytes())
    for name in sorted(filter(decodes, members)):
        total.update(name.encode() + b"\0" + members[name].digest())
    return total.digest()


def decodes(name: str) -> bool:
    """Whether decoding needs the network or array of this name; others serve encoding and training."""
    own = name.removeprefix(PREDICTED)
    return own not in ENCODER_MEMBERS and not own.startswith(TRAINING_PREFIXES)


def decoder_only(file: ModelFile) -> bytes:
    """A model file of the same identity without what serves encoding and training."""
    networks = {name: graph for name, graph in file.networks.items() if decodes(name)}
    return serialise(file.card, networks, {name: array for name, array in file.arrays.items() if decodes(name)})


def parse(data: bytes) -> ModelFile:
    """Read a model file's bytes. Raises CorruptError where they are damaged, UnsupportedError on a newer version."""
    prefix = len(MAGIC) + 5
    if len(data) < prefix + MODEL_TAIL_BYTES or not data.startswith(MAGIC):
        raise CorruptError("model file: wrong magic, this is not a .vcm file")
    version, header_bytes = struct.unpack_from("<BI", data, len(MAGIC))
    if version != VERSION:
        raise UnsupportedError(f"model file: version {version} is newer than this program knows; update vaecompress")
    body = data[: -CRC.size]
    if CRC.pack(zlib.crc32(body)) != data[-CRC.size :]:
        raise CorruptError("model file: its CRC does not match, the file is damaged; install it again")
    if header_bytes > MAX_HEADER_BYTES:
        raise CorruptError("model file: the header is larger than any model's")
    try:
        header = json.loads(body[prefix : prefix + header_bytes])
        blobs = memoryview(body)[prefix + header_bytes : -MODEL_IDENTITY_BYTES]
        if "inflated" in header:
            blobs = _inflated(blobs, header["inflated"])
        if _listed_bytes(header) > len(blobs):
            raise ValueError("blobs overlap")
        networks = {name: bytes(_span(blobs, start, size)) for name, (start, size) in header["networks"].items()}
        arrays = {name: _array(blobs, *fields) for name, fields in header["arrays"].items()}
        card, named = dict(header["card"]), body[-MODEL_IDENTITY_BYTES:]
        if identity(card, networks, arrays) != named:
            raise CorruptError("model file: its identity is not that of what it holds")
        return ModelFile(card, networks, arrays, named)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zlib.error) as error:
        raise CorruptError("model file: the header is malformed") from error


def load(path: Path) -> ModelFile:
    """Read a model file. Raises InputError when it cannot be read, else as :func:`parse`."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CorruptError(f"{path}: larger than any model file")
        return parse(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot read the model file ({error.strerror})") from error


def load_card(path: Path) -> dict[str, Any]:
    """The card of a model file, read without the rest of it and not verified.

    Raises CorruptError where the file is none or damaged, InputError when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC) + 5)
            _, header_bytes = struct.unpack_from("<BI", start, len(MAGIC))
            if not start.startswith(MAGIC) or header_bytes > MAX_HEADER_BYTES:
                raise ValueError("no header")
            return dict(json.loads(file.read(header_bytes))["card"])
    except OSError as error:
        raise InputError(f"{path}: cannot read the model file ({error.strerror})") from error
    except (struct.error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptError(f"{path}: is no model file, or damaged; install it again") from error


def _inflated(stored: memoryview, size: int) -> memoryview:
    """The ``size`` bytes that a zlib stream holds. Raises ValueError or zlib.error where it holds something else."""
    if not 0 <= size <= MAX_FILE_BYTES:
        raise ValueError("larger than any model file")
    engine = zlib.decompressobj()
    blobs = engine.decompress(stored, size + 1)
    if len(blobs) != size or not engine.eof or engine.unused_data:
        raise ValueError("blobs of another size")
    return memoryview(blobs)


def _listed_bytes(header: dict[str, Any]) -> int:
    """What all networks and arrays take together. Raises ValueError where one takes less than nothing."""
    sizes = [int(size) for _, size in header["networks"].values()]
    sizes += [np.dtype(kind).itemsize * math.prod(shape) for kind, shape, _ in header["arrays"].values()]
    if min(sizes, default=0) < 0:
        raise ValueError("negative size")
    return sum(sizes)


def _span(blobs: memoryview, start: int, size: int) -> memoryview:
    if not (0 <= start <= len(blobs) and 0 <= size <= len(blobs) - start):
        raise ValueError("blob outside the file")
    return blobs[start : start + size]


def _array(blobs: memoryview, dtype: str, shape: list[int], start: int) -> Array:
    if dtype not in DTYPES or any(side < 0 for side in shape):
        raise ValueError("unknown array type")
    kind = np.dtype(dtype).newbyteorder("<")
    return np.frombuffer(_span(blobs, start, math.prod(shape) * kind.itemsize), kind).reshape(shape).astype(dtype)
