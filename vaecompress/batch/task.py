"""What is to be done with one file, and what became of it."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from vaecompress.defaults import DEFAULT_EFFORT
from vaecompress.encoder.distortion import TUNES


@dataclass(frozen=True)
class Settings:
    """How files are coded. Equal settings make equal files of equal sources.

    At most one of ``quality`` (1..100), ``size_bytes``, ``bpp``, ``psnr_db`` and ``kbps`` (videos) is the goal.
    ``model`` is a name or a path that every worker knows; ``model_id`` (hex), where given, is the one that it must turn
    out to be.
    ``exact_alpha``, ``lossless`` and ``tools`` are those of :func:`vaecompress.encode`.
    """

    verb: Literal["encode", "decode"] = "encode"
    quality: int | None = None
    size_bytes: int | None = None
    bpp: float | None = None
    psnr_db: float | None = None
    kbps: float | None = None
    effort: int = DEFAULT_EFFORT
    tune: str = TUNES[0]
    strip: bool = False
    exact_alpha: bool = False
    lossless: bool = False
    tools: str = "all"
    model: str | None = None
    model_id: str = ""

    @property
    def text(self) -> str:
        """One line for people, the same for equal settings: ``encode quality=60 effort=3``. ``model`` is left out."""
        default = Settings()
        fields = {name: value for name, value in dataclasses.asdict(self).items() if name not in ("verb", "model")}
        told = [f"{name}={value}" for name, value in fields.items() if value != getattr(default, name)]
        return " ".join([self.verb, *told])


@dataclass(frozen=True)
class Task:
    """One file to be done.

    ``source``: path or URL of a file (``s3://bucket/a.png``). ``output``: path or URL to write. A decoded file gets its
    suffix when its kind is known (see ``decode_file``). ``settings``: how. ``version``: what tells this source from an
    older one of the same name: its ETag, else its time of change. ``size_bytes``: size of the source; 0 where it is not
    known. ``retries``: how often a fault of a store is tried again, after 1, 4, 16 and then 60 seconds.
    """

    source: str
    output: str
    settings: Settings = Settings()
    version: str = ""
    size_bytes: int = 0
    retries: int = 3

    @property
    def key(self) -> bytes:
        """16 bytes that stand for source and output."""
        return _digest(self.source, self.output, 16)

    @property
    def state(self) -> bytes:
        """8 bytes that stand for the source's version and the settings."""
        return _digest(self.version, self.settings.text, 8)


@dataclass(frozen=True)
class Record:
    """What became of a task: a line of the manifest.

    ``exit_code`` is 0 or that of the command line for such an error. ``again``: the fault was not the file's, and
    another run tries again. ``seconds`` and ``cpu_s`` count reading, coding and writing; ``peak_mb`` is the largest the
    worker process has been; ``finished`` is UTC. ``target`` is the task's output, which ``output`` completes.
    ``tool`` is what a picture was coded with.
    """

    source: str
    etag: str
    source_bytes: int
    target: str
    output: str
    settings: str
    finished: str
    worker: str
    attempts: int
    seconds: float
    cpu_s: float
    peak_mb: int
    exit_code: int = 0
    error: str = ""
    again: bool = False
    kind: str = ""
    width: int = 0
    height: int = 0
    frames: int = 1
    output_bytes: int = 0
    sha256: str = ""
    bpp: float | None = None
    psnr_db: float | None = None
    quality: int | None = None
    tool: str = ""
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> bytes:
        """That of its task."""
        return _digest(self.source, self.target, 16)

    @property
    def state(self) -> bytes:
        """That of its task."""
        return _digest(self.etag, self.settings, 8)

    @property
    def pixels(self) -> int:
        """Pixels of all frames."""
        return self.width * self.height * self.frames

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> "Record":
        """The record of a line. Raises ValueError or TypeError where it is none."""
        fields: dict[str, Any] = json.loads(line)
        return cls(**{**fields, "notes": tuple(fields["notes"])})


def _digest(first: str, second: str, size: int) -> bytes:
    return hashlib.blake2b(f"{first}\0{second}".encode("utf-8", "surrogateescape"), digest_size=size).digest()
