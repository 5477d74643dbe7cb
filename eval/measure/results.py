"""One measurement, and the file that remembers it.

The cache is JSON lines, appended to and flushed one result at a time: a run that is stopped loses at most the
measurement it was in, and a line cut in half is dropped when the file is read again.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypeAlias

from vaecompress.errors import OutputError

from .metrics import Quality

Key: TypeAlias = tuple[str, str, str, str, float]


@dataclass(frozen=True)
class Result:
    """One picture or clip, coded by one codec at one setting, decoded and measured.

    ``file_bytes`` is the length of the real file, ``ideal_bits`` the entropy estimate of a codec that has one. The
    seconds ``encode_s`` and ``decode_s`` are those of the codec alone, without reading the picture and without starting
    a process. A clip has its number of frames and the seconds they last.
    """

    picture: str
    picture_sha256: str
    width: int
    height: int
    codec: str
    version: str
    options: str
    setting: float
    file_bytes: int
    encode_s: float
    decode_s: float
    quality: Quality
    ideal_bits: float | None = None
    frames: int = 1
    duration_s: float | None = None

    @property
    def bpp(self) -> float:
        """Bits of the file for each pixel of the picture, or of all frames of the clip."""
        return 8.0 * self.file_bytes / self.pixels

    @property
    def ideal_bpp(self) -> float | None:
        """The entropy estimate for each pixel."""
        return None if self.ideal_bits is None else self.ideal_bits / self.pixels

    @property
    def kbit_per_s(self) -> float | None:
        """The rate of a clip's file."""
        return None if self.duration_s is None else 8e-3 * self.file_bytes / self.duration_s

    @property
    def pixels(self) -> int:
        """Pixels of all frames."""
        return self.width * self.height * self.frames

    @property
    def key(self) -> Key:
        """What the measurement depends on: the picture's file, the codec, its version, options and setting."""
        return (self.picture_sha256, self.codec, self.version, self.options, self.setting)

    def to_json(self) -> str:
        """One flat line; ``null`` stands for a measure that does not exist."""
        flat = asdict(self)
        quality = flat.pop("quality")
        rates = {"bpp": self.bpp, "ideal_bpp": self.ideal_bpp, "kbit_per_s": self.kbit_per_s}
        return json.dumps({**flat, **rates, **quality}, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> "Result":
        """Read what :meth:`to_json` wrote; raises ValueError, KeyError or TypeError on anything else."""
        flat = json.loads(line)
        quality = Quality(**{field.name: flat[field.name] for field in fields(Quality) if field.name in flat})
        own = {field.name: flat[field.name] for field in fields(cls) if field.name in flat}
        return cls(**own, quality=quality)


class ResultCache:
    """All results ever measured on this machine, by key, in one file."""

    def __init__(self, path: Path) -> None:
        """Read ``path``, or make it; raises OutputError when that fails."""
        self._path = path
        self._results: dict[Key, Result] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            self._load()
        except OSError as error:
            raise OutputError(f"cannot keep measurements in {path}: {error}") from error

    def get(self, key: Key) -> Result | None:
        """The stored result, if any."""
        return self._results.get(key)

    def add(self, result: Result) -> None:
        """Remember a result, on disk before this returns."""
        self._results[result.key] = result
        with self._path.open("a", encoding="utf-8") as file:
            file.write(result.to_json() + "\n")

    def _load(self) -> None:
        text = self._path.read_text(encoding="utf-8")
        for line in text.splitlines():
            try:
                result = Result.from_json(line)
            except (ValueError, KeyError, TypeError):
                continue
            self._results[result.key] = result
        if text and not text.endswith("\n"):
            with self._path.open("a", encoding="utf-8") as file:
                file.write("\n")


def write_results(results: list[Result], path: Path) -> None:
    """Write results as JSON lines."""
    path.write_text("".join(result.to_json() + "\n" for result in results), encoding="utf-8")
