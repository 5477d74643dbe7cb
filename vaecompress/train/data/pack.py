"""Repack pictures into plain tar shards that travel well and train without tensorflow."""

import hashlib
import io
import json
import os
import tarfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from vaecompress.errors import InputError, OutputError
from vaecompress.files import write_atomically
from vaecompress.train.data.sources import MIN_SIDE, Entry, decode_picture, list_entries

SHARD_BYTES = 30 << 20
MANIFEST_NAME = "manifest.json"

_JPEG_MAGIC = b"\xff\xd8\xff"
OPAQUE = 255
_TAR_END_BYTES = 2 * tarfile.BLOCKSIZE


@dataclass(frozen=True)
class Packed:
    """A file ready for a shard: where it comes from, the ``name`` it should have, and its size in pixels."""

    source: str
    name: str
    data: bytes
    width: int
    height: int


def pack(
    sources: Sequence[Path],
    output: Path,
    shard_bytes: int = SHARD_BYTES,
    exclude: frozenset[str] = frozenset(),
    max_side: int | None = None,
) -> dict[str, Any]:
    """Pack the pictures of ``sources`` into ``output/shard-000.tar`` and so on; returns the manifest written beside.

    JPEG files are kept byte for byte, others become 8-bit PNG, RGBA where anything shines through, RGB else; so do
    pictures with a side over ``max_side`` pixels, which are reduced to it. No shard is larger than ``shard_bytes``.
    Equal input gives equal bytes. The manifest (also ``output/manifest.json``) holds ``shards`` (file, bytes,
    sha256), ``pictures`` (file, source name, shard, width, height), ``pixels`` and ``skipped`` by reason. Raises
    :class:`InputError` when a source is missing or nothing can be packed, :class:`OutputError` when ``output`` is not
    empty or cannot be written.
    """
    check_output(output)
    skipped: Counter[str] = Counter()
    entries = list_entries(sources, exclude, skipped)
    shards = Shards(output, shard_bytes)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for packed in pool.map(lambda entry: _packed(entry, max_side), entries):
            if isinstance(packed, str):
                skipped[packed] += 1
            elif not shards.add(packed):
                skipped["larger than a shard"] += 1
    return shards.finish(sources, skipped)


def check_output(output: Path) -> None:
    """Raises OutputError unless ``output`` is missing or an empty folder."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OutputError(f"{output}: exists and is not an empty folder; name another one")


class Shards:
    """Tar shards of ``output``, the current one in memory until it is full."""

    def __init__(self, output: Path, shard_bytes: int) -> None:
        self.shards: list[dict[str, Any]] = []
        self.pictures: list[dict[str, Any]] = []
        self._output = output
        self._room = shard_bytes // tarfile.RECORDSIZE * tarfile.RECORDSIZE - _TAR_END_BYTES
        self._names: set[str] = set()
        self._open()

    def add(self, picture: Packed) -> bool:
        """Append ``picture``; ``False`` when it would not fit a shard of its own."""
        name = self._unused_name(picture.name)
        member = tarfile.TarInfo(name)
        member.size = len(picture.data)
        header = member.tobuf(tarfile.PAX_FORMAT)
        size = len(header) + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        if size > self._room:
            return False
        if self._tar.offset + size > self._room:
            self._close()
            self._open()
        self._tar.addfile(member, io.BytesIO(picture.data))
        self._names.add(name)
        row = {"file": name, "source": picture.source, "shard": self._shard_name}
        self.pictures.append({**row, "width": picture.width, "height": picture.height})
        return True

    def finish(self, sources: Sequence[Path], skipped: Counter[str]) -> dict[str, Any]:
        """Write what is left and the manifest, which is returned. Raises InputError where nothing was added."""
        self._close()
        if not self.pictures:
            raise InputError(f"no usable picture in {', '.join(map(str, sources))} (skipped: {dict(skipped)})")
        manifest = {
            "shards": self.shards,
            "pixels": sum(picture["width"] * picture["height"] for picture in self.pictures),
            "skipped": dict(sorted(skipped.items())),
            "pictures": self.pictures,
        }
        write_atomically(self._output / MANIFEST_NAME, json.dumps(manifest, indent=1).encode())
        return manifest

    def _close(self) -> None:
        """Write the current shard if it holds anything."""
        empty = self._tar.offset == 0
        self._tar.close()
        if not empty:
            data = self._buffer.getvalue()
            write_atomically(self._output / self._shard_name, data)
            digest = hashlib.sha256(data).hexdigest()
            self.shards.append({"file": self._shard_name, "bytes": len(data), "sha256": digest})

    def _open(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    @property
    def _shard_name(self) -> str:
        return f"shard-{len(self.shards):03}.tar"

    def _unused_name(self, wanted: str) -> str:
        path = Path(wanted)
        name, copies = wanted, 1
        while name in self._names:
            copies += 1
            name = f"{path.stem}-{copies}{path.suffix}"
        return name


def _packed(entry: Entry, max_side: int | None) -> Packed | str:
    """``entry`` ready to pack, or the reason why it is skipped."""
    picture = decode_picture(entry, "RGBA")
    if picture is None:
        return "corrupt"
    if picture.getchannel("A").getextrema() == (OPAQUE, OPAQUE):
        picture = picture.convert("RGB")
    reduced = picture
    if max_side and max(picture.size) > max_side:
        scale = max_side / max(picture.size)
        width, height = (max(1, round(side * scale)) for side in picture.size)
        reduced = picture.resize((width, height), Image.Resampling.LANCZOS)
    if min(reduced.size) < MIN_SIDE:
        return "too small"
    data, stem = entry.read(), Path(entry.name).stem
    if reduced is picture and data.startswith(_JPEG_MAGIC):
        return Packed(entry.name, f"{stem}.jpg", data, *picture.size)
    buffer = io.BytesIO()
    reduced.save(buffer, "PNG")
    return Packed(entry.name, f"{stem}.png", buffer.getvalue(), *reduced.size)
