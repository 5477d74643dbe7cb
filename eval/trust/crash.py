"""Kills encoding and decoding at random moments: ``python -m vaecompress_eval.trust.crash [--kills 50]``.

Every output must afterwards be what it was before, or the whole new file; a batch that is run again with ``--resume``
must complete. Most kills wait for a ``.part`` file, for that is when something could be left half-written. Prints how
many there were of each kind; the exit code is 1 when one left anything else.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from vaecompress_eval.trust.torture import picture

OLD = b"what stood here before"
START_LIMIT_S = 60.0
LINGER_S = 0.1
"""At most so long does a ``.part`` file grow before the kill."""


@dataclass
class Scene:
    """A command line, the outputs that it replaces, and what they hold when it is done."""

    name: str
    words: list[str]
    outputs: list[Path]
    wanted: dict[Path, bytes]
    resumes: bool = False

    def prepare(self) -> None:
        """Put old files in the place of single outputs; a batch starts from nothing."""
        for path in self.outputs:
            path.parent.mkdir(exist_ok=True)
            path.unlink(missing_ok=True)
            if not self.resumes:
                path.write_bytes(OLD)

    def fault(self) -> str | None:
        """What is wrong with the outputs, or None."""
        for path in self.outputs:
            found = path.read_bytes() if path.exists() else None
            if found not in (None if self.resumes else OLD, self.wanted[path]):
                return f"{self.name}: {path.name} is neither old nor new"
        return None


def start(words: Sequence[str]) -> "subprocess.Popen[bytes]":
    """``vaecompress WORDS`` as a process that says nothing."""
    command = [sys.executable, "-m", "vaecompress_cli", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(words: Sequence[str]) -> None:
    """Run ``vaecompress WORDS`` to the end."""
    if start(words).wait() != 0:
        raise RuntimeError(f"vaecompress {' '.join(words)} failed")


def make_scenes(folder: Path, seconds: int) -> list[Scene]:
    """One picture, one video each way, and a batch each way, in ``folder``."""
    photos, frames, streams = folder / "photos", folder / "frames", folder / "streams"
    for place, count in ((photos, 6), (frames, 4 * seconds)):
        place.mkdir()
        for index in range(count):
            Image.fromarray(picture(320, 192, 3, index)).save(place / f"{index:03d}.png")
    model = ["--model", "tiny", "--threads", "1"]
    single, clip = folder / "new" / "a.bin", folder / "new" / "clip.bin"
    back, video = folder / "new" / "a.png", folder / "new" / "clip.y4m"
    single.parent.mkdir()
    encode_picture = ["encode", str(photos / "000.png"), str(single), "--force", *model]
    encode_video = ["encode", str(frames), str(clip), "--force", *model]
    run(encode_picture)
    run(encode_video)
    streams.mkdir()
    for index in range(3):
        (streams / f"{index}.y4m.bin").write_bytes(clip.read_bytes())
    inputs = [folder / "a.bin", folder / "clip.bin"]
    for source, copy in zip((single, clip), inputs, strict=True):
        copy.write_bytes(source.read_bytes())
    encoded, decoded = folder / "encoded", folder / "decoded"
    batch_encode = ["encode", str(photos), "-o", str(encoded), "-j", "2", "--resume", *model]
    batch_decode = ["decode", str(streams), "-o", str(decoded), "-j", "2", "--resume"]
    return [
        _scene("encode a picture", encode_picture, [single]),
        _scene("encode a video", encode_video, [clip]),
        _scene("decode a picture", ["decode", str(inputs[0]), str(back), "--force"], [back]),
        _scene("decode a video", ["decode", str(inputs[1]), str(video), "--force"], [video]),
        _scene("encode a batch", batch_encode, [encoded / f"{index:03d}.png.bin" for index in range(6)], True),
        _scene("decode a batch", batch_decode, [decoded / f"{index}.y4m" for index in range(3)], True),
    ]


def _scene(name: str, words: list[str], outputs: list[Path], resumes: bool = False) -> Scene:
    run(words)
    return Scene(name, words, outputs, {path: path.read_bytes() for path in outputs}, resumes)


def kill(scene: Scene, chance: random.Random, wait_for_part: bool) -> bool:
    """Start the command, kill it; whether a ``.part`` file was there when it died."""
    folder, limit = scene.outputs[0].parent, time.monotonic() + START_LIMIT_S
    process = start(scene.words)
    if wait_for_part:
        while process.poll() is None and not any(folder.glob("*.part")) and time.monotonic() < limit:
            pass
        time.sleep(chance.choice((0.0, chance.uniform(0.0, LINGER_S))))
    else:
        time.sleep(chance.uniform(0.0, 3.0))
    process.kill()
    process.wait()
    return any(folder.glob("*.part"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=12, help="length of the video, four frames each")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    chance, faults, with_part = random.Random(options.seed), [], 0
    with tempfile.TemporaryDirectory() as place:
        scenes = make_scenes(Path(place), options.seconds)
        for index in range(options.kills):
            scene = scenes[index % len(scenes)]
            scene.prepare()
            with_part += kill(scene, chance, wait_for_part=index // len(scenes) % 4 != 3)
            faults += [fault] if (fault := scene.fault()) else []
            if scene.resumes:
                run(scene.words)
                faults += (
                    [] if all(p.read_bytes() == scene.wanted[p] for p in scene.outputs) else [f"{scene.name}: lost"]
                )
    print(f"{options.kills} kills, {with_part} of them with a .part file, {len(faults)} left something else")
    print("\n".join(faults))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
