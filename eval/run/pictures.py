"""Run codecs over pictures: encode to real bytes, decode, measure, remember."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from vaecompress.errors import InputError, LimitError

from ..console import Bar
from ..measure.foreign import ForeignCurve
from ..measure.metrics import SSIMULACRA2_MIN_SIDE, has_ssimulacra2, measure, missing_measures
from ..measure.pictures import Picture, load_picture
from ..measure.results import Result, ResultCache
from ..measure.vmaf import VMAF_MIN_SIDE, vmaf_ffmpeg
from ..peers.base import Codec, Estimating, Peer


class Source(Protocol):
    """A picture or a clip."""

    @property
    def name(self) -> str:
        """Its file's name."""
        ...

    @property
    def sha256(self) -> str:
        """Its file's digest."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out or changed when it was read."""
        ...


READER = "reader"
"""What :class:`Failure` calls the codec where a source could not be read."""

SourceT = TypeVar("SourceT", bound=Source)
CodecT = TypeVar("CodecT", bound=Codec)


@dataclass(frozen=True)
class Medium(Generic[SourceT, CodecT]):
    """How a source is read, and how one codec at one setting is measured on it: (source, codec, version, setting)."""

    load: Callable[[Path], SourceT]
    measure: Callable[[SourceT, CodecT, str, float], Result]


@dataclass(frozen=True)
class Failure:
    """What could not be measured, and why, in one line."""

    picture: str
    codec: str
    reason: str

    @property
    def line(self) -> str:
        """All of it; what could not even be read is named by its reason."""
        return self.reason if self.codec == READER else f"{self.codec} on {self.picture}: {self.reason}"


@dataclass(frozen=True)
class Run:
    """All that one run of the benchmark found out.

    ``missing`` maps a codec or a measure to the command that installs it; ``foreign`` are curves measured elsewhere.
    """

    pictures: list[Path]
    peers: list[Codec]
    results: list[Result]
    failures: list[Failure]
    missing: dict[str, str]
    notes: list[str]
    foreign: list[ForeignCurve] = field(default_factory=list)


def run(pictures: Sequence[Path], peers: Sequence[Peer], cache: ResultCache, progress: Bar) -> Run:
    """Measure pictures; see :func:`run_medium`."""
    return run_medium(Medium(load_picture, measure_one), pictures, peers, cache, progress)


def run_medium(
    medium: Medium[SourceT, CodecT],
    paths: Sequence[Path],
    peers: Sequence[CodecT],
    cache: ResultCache,
    progress: Bar,
) -> Run:
    """Measure every source with every peer at every setting; what the cache knows is not measured again.

    A peer that is not installed and a source that a codec refuses are reported, not raised. ``progress`` is told how
    many of how many measurements are done, and what comes next.
    """
    missing = {peer.name: command for peer in peers if (command := peer.missing()) is not None}
    present = [peer for peer in peers if peer.name not in missing]
    found = Run(list(paths), list(present), [], [], {**missing, **missing_measures()}, [])
    total = len(paths) * sum(len(peer.settings) for peer in present)
    done = 0
    for path in paths:
        try:
            source = medium.load(path)
        except (InputError, LimitError) as error:
            found.failures.append(Failure(path.name, READER, str(error)))
            done += sum(len(peer.settings) for peer in present)
            continue
        found.notes.extend(f"{source.name}: {note}" for note in source.notes)
        for peer in present:
            progress(done, total, f"{source.name} {peer.name}")
            for outcome in _measure_all(medium, source, peer, cache):
                if isinstance(outcome, Result):
                    found.results.append(outcome)
                else:
                    found.failures.append(outcome)
                done += 1
                progress(done, total, f"{source.name} {peer.name}")
    return found


def _measure_all(
    medium: Medium[SourceT, CodecT], source: SourceT, peer: CodecT, cache: ResultCache
) -> Iterator[Result | Failure]:
    version = peer.version()
    for setting in peer.settings:
        result = cache.get((source.sha256, peer.name, version, peer.description, setting))
        if result is None or _incomplete(result):
            try:
                result = medium.measure(source, peer, version, setting)
            except Exception as error:  # a third party's codec may raise anything; it is named in the report
                yield Failure(source.name, peer.name, _one_line(error))
                continue
            cache.add(result)
        yield result


def _incomplete(result: Result) -> bool:
    """Whether a package for a measure has come since."""
    side, quality = min(result.width, result.height), result.quality
    ssimulacra2_came = quality.ssimulacra2 is None and side >= SSIMULACRA2_MIN_SIDE and has_ssimulacra2()
    return ssimulacra2_came or (quality.vmaf is None and side >= VMAF_MIN_SIDE and vmaf_ffmpeg() is not None)


def measure_one(picture: Picture, peer: Peer, version: str, setting: float) -> Result:
    """Encode, decode and measure once; raises whatever the codec raises."""
    started = time.perf_counter()
    data = peer.encode(picture.pixels, setting)
    encoded = time.perf_counter()
    decoded = peer.decode(data)
    finished = time.perf_counter()
    height, width, _ = picture.pixels.shape
    return Result(
        picture=picture.name,
        picture_sha256=picture.sha256,
        width=width,
        height=height,
        codec=peer.name,
        version=version,
        options=peer.description,
        setting=setting,
        file_bytes=len(data),
        encode_s=round(encoded - started, 4),
        decode_s=round(finished - encoded, 4),
        quality=measure(picture.pixels, decoded),
        ideal_bits=peer.ideal_bits(picture.pixels, setting) if isinstance(peer, Estimating) else None,
    )


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
