"""Where training pictures come from: image files, folders of them, and plain tar shards."""

import io
import tarfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vaecompress.errors import InputError

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".pnm"}
)
SHARD_SUFFIX = ".tar"

MIN_SIDE = 64
"""Pictures with a side below this many pixels are skipped: no training crop is smaller."""

RESCALE_RANGE = (0.5, 0.9)
"""Random reductions that average the coding noise of a source away."""

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises on damaged files (``SyntaxError`` on broken PNG chunks)."""


@dataclass(frozen=True)
class DataOptions:
    """What is trained on, and how crops vary.

    ``exclude``: bare file names left out. ``rescale``: also draw from pictures reduced by a random factor of 0.5 to
    0.9. ``flip``: turn crops by the eight symmetries of the square. ``jitter``: strength 0..1 of random changes of
    brightness, contrast, saturation and hue. Pictures in memory always flip and never jitter; the pipeline does both.
    """

    exclude: frozenset[str] = frozenset()
    rescale: bool = True
    flip: bool = True
    jitter: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Entry:
    """One encoded picture: ``size_bytes`` bytes at ``offset_bytes`` of the file ``path``."""

    name: str
    path: Path
    offset_bytes: int
    size_bytes: int

    def read(self) -> bytes:
        """The encoded bytes. Raises ``OSError`` when the file has gone or shrunk."""
        with self.path.open("rb") as file:
            file.seek(self.offset_bytes)
            data = file.read(self.size_bytes)
        if len(data) != self.size_bytes:
            raise OSError(f"{self.path}: {self.name} is cut off")
        return data


def list_entries(
    sources: Sequence[Path],
    exclude: frozenset[str],
    skipped: Counter[str],
    suffixes: frozenset[str] = IMAGE_SUFFIXES,
    origin: Callable[[str], str] = str,
) -> list[Entry]:
    """Every file of ``sources`` with one of ``suffixes``, in an order that depends on the names alone.

    A source is such a file, a tar shard, or a folder, which is searched for both. Files whose bare name has an
    ``origin`` in ``exclude`` are left out and counted in ``skipped["excluded"]``, unreadable shards in
    ``skipped["corrupt"]``. Raises :class:`InputError` when a source does not exist.
    """
    found: list[Entry] = []
    for path in _files(sources, suffixes):
        if path.suffix.lower() == SHARD_SUFFIX:
            found.extend(_shard_entries(path, skipped, suffixes))
        else:
            found.append(Entry(path.name, path, 0, path.stat().st_size))
    kept = [entry for entry in found if origin(entry.name) not in exclude]
    if len(kept) < len(found):
        skipped["excluded"] += len(found) - len(kept)
    return kept


def _files(sources: Sequence[Path], suffixes: frozenset[str]) -> Iterable[Path]:
    for source in sources:
        if source.is_dir():
            wanted = suffixes | {SHARD_SUFFIX}
            yield from sorted(p for p in source.rglob("*") if p.suffix.lower() in wanted and p.is_file())
        elif source.is_file():
            yield source
        else:
            raise InputError(f"{source}: no such file or folder; name a folder of images, an image or a tar shard")


def _shard_entries(path: Path, skipped: Counter[str], suffixes: frozenset[str]) -> list[Entry]:
    entries = []
    shard_bytes = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as shard:
            for member in shard:
                name = Path(member.name).name
                whole = member.offset_data + member.size <= shard_bytes
                if whole and member.isfile() and Path(name).suffix.lower() in suffixes:
                    entries.append(Entry(name, path, member.offset_data, member.size))
    except (tarfile.TarError, OSError):
        skipped["corrupt"] += 1
    return entries


def picture_size(entry: Entry) -> tuple[int, int] | None:
    """``(width, height)`` in pixels from the file's header, or ``None`` when that cannot be read."""
    try:
        with Image.open(io.BytesIO(entry.read())) as picture:
            return picture.size
    except UNREADABLE:
        return None


def measured(
    entries: Sequence[Entry], sizes: Iterable[tuple[int, int] | None], skipped: Counter[str]
) -> Iterable[tuple[Entry, int, int]]:
    """``(entry, width, height)`` of the entries of a known size that are large enough; the rest is counted."""
    for entry, size in zip(entries, sizes, strict=True):
        if size is None:
            skipped["corrupt"] += 1
        elif min(size) < MIN_SIDE:
            skipped["too small"] += 1
        else:
            yield entry, *size


def drawable(
    heights: npt.NDArray[np.integer[Any]], widths: npt.NDArray[np.integer[Any]], crop: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Indexes of the pictures at least ``crop`` on both sides, and the running sum to 1 of their share of the area.

    Raises :class:`InputError` when there is none.
    """
    usable = np.flatnonzero(np.minimum(heights, widths) >= crop)
    if not len(usable):
        raise InputError(f"no training picture is at least {crop}x{crop} pixels: use a smaller crop")
    cumulative = np.cumsum(heights[usable].astype(np.float64) * widths[usable])
    return usable, cumulative / cumulative[-1]


def decode_picture(entry: Entry, mode: str = "RGB") -> Image.Image | None:
    """The picture as 8-bit RGB or RGBA (16-bit grey reduced), or ``None`` when it is damaged."""
    try:
        with Image.open(io.BytesIO(entry.read())) as picture:
            if picture.mode.startswith("I"):
                grey = np.asarray(picture).astype(np.int64) * 255 // 65535
                return Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert(mode)
            return picture.convert(mode)
    except UNREADABLE:
        return None


def decode_pixels(entry: Entry) -> npt.NDArray[np.uint8] | None:
    """:func:`decode_picture` as uint8 [H, W, 3]."""
    picture = decode_picture(entry)
    return None if picture is None else np.asarray(picture)


@dataclass(frozen=True)
class Kind:
    """What is trained on: which files it lies in, and how one is read.

    ``noun``: what to call one in messages. ``channels`` of one, uint8 [H, W, channels]. ``size`` is (width, height)
    from a file's header, ``decode`` the whole of it; both are ``None`` where it is damaged. ``origin``: what lists of
    names know a file of this name as. ``rescales``: reduced, it is one still. ``whole``: it is neither
    cut nor turned.
    """

    noun: str
    channels: int
    suffixes: frozenset[str]
    size: Callable[[Entry], tuple[int, int] | None]
    decode: Callable[[Entry], npt.NDArray[np.uint8] | None]
    origin: Callable[[str], str] = str
    rescales: bool = True
    whole: bool = False

    def entries(self, sources: Sequence[Path], exclude: frozenset[str], skipped: Counter[str]) -> list[Entry]:
        """:func:`list_entries` of this kind."""
        return list_entries(sources, exclude, skipped, self.suffixes, self.origin)


def _decode_masked(entry: Entry) -> npt.NDArray[np.uint8] | None:
    """:func:`decode_picture` as uint8 [H, W, 4]."""
    picture = decode_picture(entry, "RGBA")
    return None if picture is None else np.asarray(picture)


PICTURES = Kind("picture", 3, IMAGE_SUFFIXES, picture_size, decode_pixels)
MASKED = Kind("picture", 4, IMAGE_SUFFIXES, picture_size, _decode_masked)
"""Pictures with alpha: where it is 0, no error counts."""


def unmatched(names: Iterable[str], sources: Sequence[Path], kind: Kind = PICTURES) -> list[str]:
    """Those of ``names``, in order, that nothing of a kind in ``sources`` has."""
    found = {kind.origin(entry.name) for entry in kind.entries(sources, frozenset(), Counter())}
    return sorted(set(names) - found)


def validation_images(
    sources: Sequence[Path], names: Sequence[str], kind: Kind = PICTURES
) -> list[npt.NDArray[np.uint8]]:
    """What there is of ``names``, uint8 [H, W, channels] each, in that order.

    Raises :class:`InputError` when one is missing or damaged.
    """
    by_name = defaultdict(list)
    for entry in kind.entries(sources, frozenset(), Counter()):
        by_name[kind.origin(entry.name)].append(entry)
    found = []
    for name in names:
        decoded = [kind.decode(entry) for entry in by_name[name]]
        sound = [pixels for pixels in decoded if pixels is not None]
        if not sound or len(sound) < len(decoded):
            raise InputError(f"validation {kind.noun} {name} is missing or damaged: take it off the list")
        found.extend(sound)
    return found


def middle(pixels: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """What there is of the middle ``side`` x ``side`` of a picture [H, W, ...]."""
    top, left = (max(0, (length - side) // 2) for length in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


def middles(pictures: Iterable[npt.NDArray[np.uint8]], side: int) -> npt.NDArray[np.uint8]:
    """The middle ``side`` x ``side`` of each picture that is large enough, [N, side, side, C]."""
    found = [middle(picture, side) for picture in pictures if min(picture.shape[:2]) >= side]
    return np.stack(found) if found else np.empty((0, side, side, 3), np.uint8)


def window(
    picture: npt.NDArray[np.uint8], side: int, random: np.random.Generator, rescale: bool
) -> npt.NDArray[np.uint8]:
    """A random ``side`` x ``side`` of ``picture`` [H, W, C], which is at least that large.

    With ``rescale`` every other one (where there is room) is a larger window, reduced.
    """
    height, width, _ = picture.shape
    reduced = int(side / random.uniform(*RESCALE_RANGE))
    taken = reduced if rescale and random.random() < 0.5 and reduced <= min(height, width) else side
    left, top = (int(random.integers(0, room - taken + 1)) for room in (width, height))
    found = picture[top : top + taken, left : left + taken]
    if taken == side:
        return found
    return np.asarray(Image.fromarray(found).resize((side, side), Image.Resampling.LANCZOS))


def read_names(path: Path) -> frozenset[str]:
    """File names listed one a line in a text file (such as ``validation.txt``); of a path, its last part."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return frozenset(Path(line.strip()).name for line in lines if line.strip())


def listed_names(lists: Iterable[Path]) -> frozenset[str]:
    """Every name in text files of them. Raises :class:`InputError` when one cannot be read."""
    names: set[str] = set()
    for path in lists:
        try:
            names |= read_names(path)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: is no readable list of names, one a line") from error
    return frozenset(names)
