"""Run codecs over pictures: encode to real bytes, decode, measure, remember."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vaecompress.errors import InputError, LimitError

from .metrics import has_ssimulacra2, measure
from .peers import Peer
from .pictures import Picture, load_picture
from .results import Result, ResultCache

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Failure:
    """What could not be measured, and why, in one line."""

    picture: str
    codec: str
    reason: str


@dataclass(frozen=True)
class Run:
    """All that one run of the benchmark found out. ``missing`` maps a codec to the command that installs it."""

    pictures: list[Path]
    peers: list[Peer]
    results: list[Result]
    failures: list[Failure]
    missing: dict[str, str]
    notes: list[str]


def run(pictures: Sequence[Path], peers: Sequence[Peer], cache: ResultCache, progress: Progress) -> Run:
    """Measure every picture with every peer at every setting; what the cache knows is not measured again.

    A peer that is not installed and a picture that a codec refuses are reported, not raised. ``progress`` is told how
    many of how many measurements are done, and what comes next.
    """
    missing = {peer.name: command for peer in peers if (command := peer.missing()) is not None}
    present = [peer for peer in peers if peer.name not in missing]
    found = Run(list(pictures), present, [], [], missing, [])
    total = len(pictures) * sum(len(peer.settings) for peer in present)
    done = 0
    for path in pictures:
        try:
            picture = load_picture(path)
        except (InputError, LimitError) as error:
            found.failures.append(Failure(path.name, "reader", str(error)))
            done += sum(len(peer.settings) for peer in present)
            continue
        found.notes.extend(f"{picture.name}: {note}" for note in picture.notes)
        for peer in present:
            progress(done, total, f"{picture.name} {peer.name}")
            for outcome in _measure_all(picture, peer, cache):
                if isinstance(outcome, Result):
                    found.results.append(outcome)
                else:
                    found.failures.append(outcome)
                done += 1
                progress(done, total, f"{picture.name} {peer.name}")
    return found


def _measure_all(picture: Picture, peer: Peer, cache: ResultCache) -> Iterator[Result | Failure]:
    version = peer.version()
    for setting in peer.settings:
        result = cache.get((picture.sha256, peer.name, version, peer.description, setting))
        if result is None or (has_ssimulacra2() and result.quality.ssimulacra2 is None):
            try:
                result = measure_one(picture, peer, version, setting)
            except Exception as error:  # a third party's codec may raise anything; it is named in the report
                yield Failure(picture.name, peer.name, _one_line(error))
                continue
            cache.add(result)
        yield result


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
    )


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
