"""The directories of a TIFF or BigTIFF file: which picture is meant, and whether Pillow reads its kind right.

Pillow opens the first directory and says "ok", even where that is the preview of a raw photograph or where the samples
are signed. So the tags (TIFF 6.0, TIFF/EP, DNG) are read here as well, and decide.
"""

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from vaecompress.errors import InputError

DEVELOP_FIRST = "develop it with darktable, RawTherapee or its maker's software first"

_MAX_DIRECTORIES = 4096
_MAX_ENTRIES = 4096
_MAX_VALUES = 16
_NEW_SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_SAMPLES, _PLANAR, _SUB_DIRECTORIES, _EXTRA_SAMPLES, _SAMPLE_FORMAT, _DNG_VERSION = 277, 284, 330, 338, 339, 50706
_FORMATS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_RAW_PHOTOMETRICS = {32803, 34892}
_PHOTOMETRICS = {
    **{0: "grey", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "CIE Lab", 9: "ICC Lab"},
    **{10: "ITU Lab", 32844: "LogL", 32845: "LogLuv"},
}
_USUAL_COMPRESSIONS = (1, 2, 3, 4, 5, 7, 8, 32773, 32946)
_SAMPLE_FORMATS = {2: "signed", 3: "floating point", 5: "complex", 6: "complex"}


@dataclass(frozen=True)
class Directory:
    """The numbers of one picture's tags. ``places`` says where the field is that holds them or points at them."""

    tags: Mapping[int, tuple[int, ...]]
    places: Mapping[int, int]

    def first(self, tag: int, default: int) -> int:
        """Return the first number of a tag."""
        return (self.tags.get(tag) or (default,))[0]

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self.first(_WIDTH, 0), self.first(_HEIGHT, 0)

    @property
    def bits(self) -> int:
        """Depth of the deepest sample."""
        return max(self.tags.get(_BITS) or (1,))

    @property
    def samples(self) -> int:
        """Samples of a pixel, alpha and others included."""
        return self.first(_SAMPLES, 1)

    @property
    def photometric(self) -> int | None:
        """What the numbers stand for; 0 is grey with black as the largest number."""
        return self.first(_PHOTOMETRIC, -1) if _PHOTOMETRIC in self.tags else None

    @property
    def is_reduced(self) -> bool:
        """Whether this is a smaller copy of another picture, or a mask for one."""
        return bool(self.first(_NEW_SUBFILE_TYPE, 0) & 5)

    @property
    def is_associated(self) -> bool:
        """Whether colours are stored multiplied with alpha."""
        return self.first(_EXTRA_SAMPLES, 0) == 1

    @property
    def has_unnamed_samples(self) -> bool:
        """Whether there are samples besides the colours of which nothing says that they are alpha."""
        return 0 in self.tags.get(_EXTRA_SAMPLES, ())

    @property
    def kind(self) -> str:
        """The kind of samples in words, such as ``16-bit floating point RGB with 4 samples a pixel``."""
        format = _SAMPLE_FORMATS.get(self.first(_SAMPLE_FORMAT, 1), "")
        photometric = "" if self.photometric is None else str(self.photometric)
        colour = _PHOTOMETRICS.get(self.photometric or 0, f"photometric {photometric}")
        more = f"with {self.samples} samples a pixel" if self.samples not in (1, 3) else ""
        planes = "plane by plane" if self.first(_PLANAR, 1) == 2 else ""
        compression = self.first(_COMPRESSION, 1)
        coding = f"in compression {compression}" if compression not in _USUAL_COMPRESSIONS else ""
        return " ".join(filter(None, [f"{self.bits}-bit", format, colour, more, planes, coding]))


@dataclass(frozen=True)
class Pages:
    """The picture that a TIFF file is about: its index in the chain of directories, and how many such there are."""

    index: int
    count: int
    directory: Directory
    has_thumbnail: bool


def read_pages(file: BinaryIO) -> Pages:
    """Find the picture that is meant: the one that is not a reduced copy.

    Raises InputError (a raw photograph, or a file whose largest picture is not in its chain of pages).
    """
    reader = _Reader(file)
    if reader.is_canon_raw:
        raise _raw_photograph()
    chain = list(reader.chain())
    if not chain:
        raise InputError("is a TIFF file without a picture")
    below = [child for page in chain for child in reader.children(page)]
    everything = chain + below
    is_raw = any(each.photometric in _RAW_PHOTOMETRICS or _DNG_VERSION in each.tags for each in everything)
    if is_raw:
        raise _raw_photograph()
    full = [index for index, page in enumerate(chain) if not page.is_reduced] or [0]
    chosen = chain[full[0]]
    largest = max(everything, key=lambda each: each.size[0] * each.size[1]).size
    if largest[0] * largest[1] > chosen.size[0] * chosen.size[1] and len(full) == 1:
        sizes = f"{largest[0]}x{largest[1]} where its main one is {chosen.size[0]}x{chosen.size[1]}"
        raise InputError(f"holds a larger picture, {sizes}, as a raw photograph, which is not read: {DEVELOP_FIRST}")
    return Pages(full[0], len(full), chosen, len(chain) > len(full))


def first_directory(file: BinaryIO) -> Directory | None:
    """Return the first directory of a TIFF file or an EXIF block, whatever it holds."""
    return next(_Reader(file).chain(), None)


def _raw_photograph() -> InputError:
    return InputError(f"is a raw photograph, which is not read: {DEVELOP_FIRST}")


def check_kind(directory: Directory) -> None:
    """Refuse the kinds of samples that Pillow takes for others.

    Raises InputError (signed or floating point samples; planes of grey and alpha, of colours multiplied with alpha, or
    of no named meaning).
    """
    in_planes = directory.first(_PLANAR, 1) == 2
    grey_and_more = directory.photometric in (0, 1) and directory.samples > 1
    wrong_planes = in_planes and (directory.is_associated or directory.has_unnamed_samples or grey_and_more)
    if directory.first(_SAMPLE_FORMAT, 1) in _SAMPLE_FORMATS or wrong_planes:
        raise refused_kind(directory)


def refused_kind(directory: Directory) -> InputError:
    """Return the error for a sound file whose kind of samples is not read."""
    return InputError(f"{directory.kind} is a kind of TIFF that is not read: convert to 8-bit or 16-bit grey or RGB")


def white_is_zero(directory: Directory) -> bool:
    """Whether the largest number is black, in a depth in which Pillow does not turn that round."""
    return directory.photometric == 0 and directory.bits == 16


def with_black_as_zero(file: BinaryIO, directory: Directory) -> BinaryIO:
    """Return a copy of a file whose tag says that the largest number is white; the samples are as they were."""
    file.seek(0)
    data = bytearray(file.read())
    at = directory.places[_PHOTOMETRIC]
    data[at : at + 2] = b"\1\0" if data[:2] == b"II" else b"\0\1"
    return io.BytesIO(bytes(data))


class _Reader:
    """Reads directories, each at most once, within bounds."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        head = self._read(0, 16)
        self._order = "<" if head[:2] == b"II" else ">"
        self._big = struct.unpack_from(self._order + "H", head, 2)[0] == 43
        self._first = struct.unpack_from(self._order + ("Q" if self._big else "I"), head, 8 if self._big else 4)[0]
        self._seen: set[int] = set()
        self.is_canon_raw = head[8:10] == b"CR" and not self._big

    def chain(self) -> Iterator[Directory]:
        """Yield the directories of the main chain."""
        at = self._first
        while at:
            directory, at = self._directory(at)
            if directory is not None:
                yield directory

    def children(self, parent: Directory) -> Iterator[Directory]:
        """Yield the SubIFDs of a directory, and theirs."""
        for at in parent.tags.get(_SUB_DIRECTORIES, ()):
            directory, _ = self._directory(at)
            if directory is not None:
                yield directory
                yield from self.children(directory)

    def _directory(self, at: int) -> tuple[Directory | None, int]:
        if at in self._seen or len(self._seen) >= _MAX_DIRECTORIES:
            return None, 0
        self._seen.add(at)
        count_format, entry_bytes, offset_format = ("Q", 20, "Q") if self._big else ("H", 12, "I")
        count_bytes, offset_bytes = struct.calcsize(count_format), struct.calcsize(offset_format)
        count = min(self._number(at, count_format), _MAX_ENTRIES)
        body = self._read(at + count_bytes, count * entry_bytes + offset_bytes)
        tags = {}
        places = {}
        for start in range(0, count * entry_bytes, entry_bytes):
            tag, values = self._entry(body[start : start + entry_bytes])
            tags[tag] = values
            places[tag] = at + count_bytes + start + entry_bytes - offset_bytes
        (following,) = struct.unpack_from(self._order + offset_format, body, count * entry_bytes)
        return Directory(tags, places), following

    def _entry(self, entry: bytes) -> tuple[int, tuple[int, ...]]:
        """Return a tag with up to 16 of its numbers; none where it holds something else than numbers."""
        offset_format = "Q" if self._big else "I"
        tag, type, count = struct.unpack_from(f"{self._order}HH{offset_format}", entry)
        if type not in _FORMATS:
            return tag, ()
        count = min(count, _MAX_VALUES)
        format = f"{self._order}{count}{_FORMATS[type]}"
        inline = entry[-struct.calcsize(offset_format) :]
        if struct.calcsize(format) <= len(inline):
            return tag, struct.unpack_from(format, inline)
        (at,) = struct.unpack(self._order + offset_format, inline)
        return tag, struct.unpack(format, self._read(at, struct.calcsize(format)))

    def _number(self, at: int, format: str) -> int:
        (number,) = struct.unpack(self._order + format, self._read(at, struct.calcsize(format)))
        return int(number)

    def _read(self, at: int, length: int) -> bytes:
        self._file.seek(at)
        data = self._file.read(length)
        if len(data) != length:
            raise InputError("TIFF data is damaged or incomplete: it ends inside a directory")
        return data
